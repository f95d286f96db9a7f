"""`netspec conformance`: hold every op and update rule, in every backend, to the NumPy reference."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from netspec.cli.options import format_option
from netspec.text import SpecError

if TYPE_CHECKING:
    from netspec.ir.op import Op
    from netspec.proof.conformance import Held


@click.command()
@click.argument("ops", metavar="[OP]...", nargs=-1)
@click.option("--backend", "wanted", metavar="NAME", multiple=True, help="Which backend to hold; repeatable.")
@click.option(
    "--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True, help="Which numbers to draw."
)
@format_option("text", "json")
def conformance(ops: tuple[str, ...], wanted: tuple[str, ...], seed: int, form: str) -> int:
    """Run every op of the catalogue, or each OP, on its own samples in every backend, and compare with the reference.

    Compared are values, gradients and running statistics, in float64 and float32, and for all ops together the steps of
    every update rule; the reference's own gradients are held against slopes. What may differ is derived from rounding.
    First each op is held to what its samples promise of types and facts. Ops and backends of other packages are found
    by their entry points. OP may hold `*`. Exit status 1 where something
    differs by more.
    """
    from netspec.backend import find, installed, needing

    started = time.perf_counter()
    with needing("numpy"):
        from netspec.proof.conformance import conformance as hold
        from netspec.proof.promise import Fault, broken, held
        from netspec.proof.stepping import updates
    from netspec.recipe.optimizer import OPTIMIZERS

    chosen, unusable = _chosen(ops)
    backends = [find(name) for name in wanted] or [one for one in installed().values() if one.name != "numpy"]
    rows = [held(Fault(name, None, why)) for name, why in unusable.items()]
    rows += [held(fault) for kind in chosen.values() for fault in broken(kind, seed=seed)]
    failed = {row.op for row in rows}
    sound = {name: kind for name, kind in chosen.items() if name not in failed}
    rows += hold(sound, backends, seed=seed)
    if not ops:
        rows += updates(OPTIMIZERS, backends, seed=seed)
    if form == "json":
        click.echo(json.dumps([row.as_json() for row in rows], indent=2))
    else:
        click.echo(_report(rows, time.perf_counter() - started))
    return 0 if all(row.ok for row in rows) else 1


def _chosen(patterns: Sequence[str]) -> tuple[dict[str, type[Op]], dict[str, str]]:
    """The ops of these names, all without any, and why those that cannot be used cannot.

    A usage error for a name that none has.
    """
    from fnmatch import fnmatchcase

    from netspec.ops import catalogue, foreign_names, foreign_op
    from netspec.text import nearest

    known = sorted({*catalogue(), *foreign_names()})
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in known):
            near = nearest(pattern, known)
            hint = f" Did you mean `{near}`?" if near else ""
            raise click.UsageError(f"There is no op `{pattern}`.{hint}")
    found: dict[str, type[Op]] = {}
    unusable: dict[str, str] = {}
    for name in known:
        if patterns and not any(fnmatchcase(name, pattern) for pattern in patterns):
            continue
        try:
            found[name] = catalogue()[name] if name in catalogue() else foreign_op(name)
        except SpecError as trouble:
            unusable[name] = trouble.diagnostics[0].message
    return found, unusable


def _report(rows: Sequence[Held], seconds: float) -> str:
    """The table for a person, and the verdict."""
    head = ("op", "backend", "type", "compared", "cases", "difference", "tolerance", "used")
    lines = _columns([head, *map(_cells, rows)])
    wrong = [row for row in rows if not row.ok]
    held = {(row.op, row.backend) for row in rows if row.cases}
    names = sorted({backend for _, backend in held})
    verdict = f"{len(wrong)} rows DIFFER" if wrong else "agree with the reference"
    lines += ["", "used: the part of the tolerance; `slopes`: the reference's own gradients"]
    lines.append(
        f"{len({op for op, _ in held})} ops and update rules in {', '.join(names)}: {verdict} ({seconds:.1f} s)"
    )
    return "\n".join(lines)


def _cells(row: Held) -> tuple[str, ...]:
    """One row as text."""
    if not row.cases:
        return row.op, row.backend, "-", row.note, "0", "-", "-", "-"
    mark = "" if row.ok else f"  <-- differs in sample {row.where}{': ' if row.note else ''}{row.note}"
    numbers = f"{row.difference:.1e}", f"{row.tolerance:.1e}", f"{100 * row.used:.2g} %{mark}"
    return row.op, row.backend, row.dtype, row.part, str(row.cases), *numbers


def _columns(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Rows of text under one another, with a line under the first."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]) - 1)]
    lines = ["  ".join([*map(str.ljust, row, widths), row[-1]]).rstrip() for row in rows]
    return [lines[0], "-" * len(lines[0]), *lines[1:]]
