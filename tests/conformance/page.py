"""The page `specs/reference/conformance.md`: what was measured, in bounds that hold from one machine to the next.

A bound is the power of ten above three times what was measured, and stays as it is while it is true and not a thousand
times too wide. Another machine multiplies and adds in another order: its figures may be up to ten times the bound.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import ceil, log10
from pathlib import Path

import netspec_numpy
import netspec_torch
from netspec.ops import written
from netspec.proof.conformance import Held, conformance
from netspec.proof.stepping import descents, updates
from netspec.recipe.optimizer import OPTIMIZERS
from netspec.reference.markdown import table

PAGE = Path(__file__).parents[2] / "specs" / "reference" / "conformance.md"

INTRO = """<!-- Made by `pytest tests/specs/test_conformance_page.py --update-golden`: measure anew there. -->

# Conformance

What `netspec conformance` measures: every op on its own samples and every update rule in all its forms, in PyTorch
against the NumPy reference. A cell holds the largest difference and the part of the tolerance that it uses, both as
bounds: the power of ten above three times what was measured on one machine. Another may come to ten times that, and
never to more than the tolerance, which follows from what rounding does to the op (`netspec/proof/rounding.py`). Under
`slopes` stand the reference's own gradients, against the slopes of its values. ONNX's node tests hold the reference
itself to numbers that somebody else wrote down.
"""

STEPS = """Parameters after each of six steps: under schedules that move the rate or the momentum, with gradients that
are bounded, and with a parameter that no decay draws.
"""

COLUMNS: Mapping[str, tuple[str, str, str]] = {
    "slopes": ("numpy", "slopes", "backward"),
    "float64 forward": ("torch", "float64", "forward"),
    "float64 backward": ("torch", "float64", "backward"),
    "float32 forward": ("torch", "float32", "forward"),
    "float32 backward": ("torch", "float32", "backward"),
    "float64 state": ("torch", "float64", "state"),
    "float32 state": ("torch", "float32", "state"),
}
"""The columns of the table of ops, and which rows fill them."""

LEAST = {"slopes": 1e-9, "float64": 1e-16, "float32": 1e-8}
"""Differences below these are not told apart: none here may be one rounding elsewhere."""

SLACK = 10
"""How far above its bound another machine may come."""

CELL = re.compile(r"(?P<difference>1e-\d+), (?P<used>[\d.]+) %")


@dataclass(frozen=True)
class Bound:
    """What a cell says: no difference and no part of the tolerance is larger."""

    difference: float
    used: float

    def __str__(self) -> str:
        return f"{self.difference:.0e}, {100 * self.used:g} %"

    @staticmethod
    def of(row: Held, old: Bound | None = None) -> Bound:
        """The bound of what was measured; the old one while it is true and near."""
        assert row.ok, f"{row.op} differs: {row}"
        difference = _above(max(3 * row.difference, LEAST[row.dtype]))
        used = min(_above(max(3 * row.used, 1e-3)), 1.0)
        new = Bound(difference, used)
        if old is None or row.difference > old.difference or row.used > old.used:
            return new
        return old if old.difference <= 1000 * new.difference and old.used <= 1000 * new.used else new

    @staticmethod
    def read(cell: str) -> Bound | None:
        """The bound that a cell holds; None for an empty one."""
        found = CELL.fullmatch(cell.strip())
        return found and Bound(float(found["difference"]), float(found["used"]) / 100)


def _above(x: float) -> float:
    """The power of ten that is not below x."""
    return float(10.0 ** ceil(log10(x) - 1e-9))


Rows = dict[str, tuple[int, dict[str, Bound]]]
"""By op or update rule: how many cases there are, and the bounds by column."""


def cases() -> dict[str, int]:
    """How many good samples every op has, and how many forms every update rule."""
    ops = {name: sum(one.code is None for one in kind.samples()) for name, kind in sorted(written().items())}
    return ops | {name: len(list(descents(kind))) for name, kind in OPTIMIZERS.items()}


def measured(names: Iterable[str], *, most: int | None = None) -> dict[str, dict[str, Held]]:
    """The rows of these ops and update rules by column, of all samples or of the first ones."""
    names = set(names)
    ops = {name: kind for name, kind in sorted(written().items()) if name in names}
    rules = {name: kind for name, kind in OPTIMIZERS.items() if name in names}
    found: dict[str, dict[str, Held]] = {}
    for row in conformance(ops, [netspec_torch], reference=netspec_numpy, most=most):
        column = next(key for key, one in COLUMNS.items() if one == (row.backend, row.dtype, row.part))
        found.setdefault(row.op, {})[column] = row
    for row in updates(rules, [netspec_torch], reference=netspec_numpy):
        found[row.op] = {"update": row}
    return found


def bounds(found: Mapping[str, Mapping[str, Held]], old: Rows) -> Rows:
    """What the page should say of what was measured."""
    counts = cases()
    return {
        name: (
            counts[name],
            {column: Bound.of(row, old.get(name, (0, {}))[1].get(column)) for column, row in columns.items()},
        )
        for name, columns in found.items()
    }


def text(rows: Rows, onnx: str) -> str:
    """The whole page."""
    ops = [
        [f"`{name}`", str(count), *(str(cells.get(column, "")) for column in COLUMNS)]
        for name, (count, cells) in sorted(rows.items())
        if name in written()
    ]
    rules = [
        [f"`{name}`", str(rows[name][0]), str(rows[name][1]["update"])] for name in OPTIMIZERS if name in rows
    ]
    parts = [
        INTRO,
        "## Ops\n",
        table(["op", "cases", *COLUMNS], ops),
        "## Update rules\n",
        STEPS,
        table(["rule", "forms", "float64"], rules),
        "## ONNX's node tests\n",
        onnx,
    ]
    return "\n".join(parts)


def read(page: str) -> tuple[Rows, str]:
    """What a page says, and its part about ONNX."""
    rows: Rows = {}
    body, _, onnx = page.partition("## ONNX's node tests\n\n")
    for line in body.splitlines():
        cells = [one.strip() for one in line.strip("|").split("|")]
        if not line.startswith("| `"):
            continue
        heads = ["update"] if len(cells) == 3 else list(COLUMNS)
        found = {head: Bound.read(cell) for head, cell in zip(heads, cells[2:], strict=True)}
        rows[cells[0].strip("`")] = (
            int(cells[1]),
            {head: one for head, one in found.items() if one is not None},
        )
    return rows, onnx
