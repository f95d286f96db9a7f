"""What a proof says: one row for every tensor that was compared, and where the first difference lies."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from netspec.proof.drift import Drift
from netspec.text import Diagnostic

What = Literal["value", "loss", "gradient", "input gradient", "state", "update", "slope", "group value"]

KINDS: dict[What, str] = {
    "value": "what every layer gives",
    "loss": "the loss",
    "gradient": "dL/dw of every parameter",
    "input gradient": "dL/dx of every input",
    "state": "running statistics after the batch",
    "update": "parameters after each optimizer step",
    "slope": "the gradient against the slope of the loss itself",
    "group value": "what the samples of one group give together",
}
"""What is compared, in the order of a report."""


@dataclass(frozen=True)
class Row:
    """One tensor of one run, compared number by number.

    `where` is the path of a layer, the key of a parameter or the name of an input. `difference`, `tolerance` and
    `place` are those of the number that uses most of what it may; `relative` is the difference over the tensor's
    largest number, None where that is 0 but for rounding. All numbers are finite, or `note` says that they are not.
    `way` is the mode of the proof, such as `float32`; in all but `float64` the row is about one layer on the
    reference's inputs, whose path is `layer`.
    """

    what: What
    mode: str
    where: str
    difference: float
    relative: float | None
    tolerance: float
    place: tuple[int, ...]
    ok: bool
    note: str = ""
    way: str = "float64"
    layer: str = ""

    @property
    def used(self) -> float:
        """Which part of the tolerance is used; infinite where none is left to use."""
        if self.difference == 0:
            return 0.0
        return self.difference / self.tolerance if self.tolerance else float("inf")

    def as_json(self) -> dict[str, object]:
        """Plain data; numbers that are not finite are null."""
        return {
            "way": self.way,
            "what": self.what,
            "mode": self.mode,
            "where": self.where,
            "difference": _finite(self.difference),
            "relative": _finite(self.relative),
            "tolerance": _finite(self.tolerance),
            "place": list(self.place),
            "ok": self.ok,
            "note": self.note,
        }


@dataclass(frozen=True)
class Missing:
    """A mode that was not run, and why."""

    mode: str
    why: str


@dataclass(frozen=True)
class Proof:
    """All rows of one proof.

    `sizes` are the numbers taken for free sizes, `N` being the batch. `diverging` holds one message for the first
    difference of every kind, at the layer where it begins; `notes` tells what could not be proved, `missing` the modes
    that were not run, and `drift` how far the others come apart from end to end. `terms` are those of the longest sum.
    """

    reference: str
    candidate: str
    seed: int
    sizes: dict[str, int]
    rows: tuple[Row, ...]
    diverging: tuple[Diagnostic, ...] = ()
    notes: tuple[str, ...] = field(default=())
    drift: tuple[Drift, ...] = ()
    missing: tuple[Missing, ...] = ()
    terms: int = 0

    @property
    def ok(self) -> bool:
        """Whether nothing differs by more than it may."""
        return all(row.ok for row in self.rows)

    def worst(self) -> Iterable[tuple[str, What, str, int, Row]]:
        """Row by row of a report: mode, kind, when, how many rows, and the one nearest its tolerance."""
        groups: dict[tuple[str, What, str], list[Row]] = {}
        for row in self.rows:
            groups.setdefault((row.way, row.what, row.mode), []).append(row)
        kinds, ways = list(KINDS), list(dict.fromkeys(row.way for row in self.rows))
        for way, what, mode in sorted(groups, key=lambda one: (ways.index(one[0]), kinds.index(one[1]))):
            rows = groups[way, what, mode]
            yield way, what, mode, len(rows), max(rows, key=lambda row: (not row.ok, row.used))

    def as_json(self) -> dict[str, object]:
        """Plain data."""
        return {
            "ok": self.ok,
            "reference": self.reference,
            "candidate": self.candidate,
            "seed": self.seed,
            "sizes": dict(self.sizes),
            "rows": [row.as_json() for row in self.rows],
            "diverging": [one.as_json() for one in self.diverging],
            "notes": list(self.notes),
            "drift": [one.as_json() for one in self.drift],
            "terms": self.terms,
            "missing": [{"mode": one.mode, "why": one.why} for one in self.missing],
        }


def _finite(value: float | None) -> float | None:
    """JSON knows no infinity."""
    return value if value is not None and abs(value) < float("inf") else None
