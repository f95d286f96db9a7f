"""Which sizes of one symbol satisfy every constraint: "H = 16k, k >= 2", and the legal ones nearest to a size.

Each residue class is solved for all its sizes at once (see `dim_pieces`), so the answer is complete; a period beyond
the limit, or a constraint on other symbols too, is said to be unsettled instead of guessed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import lcm
from typing import NamedTuple, TypeAlias

from netspec.ir.dim import Dim, DimLike, DimTooComplex
from netspec.ir.dim_bounds import MAX_PERIOD, affordable
from netspec.ir.dim_decide import HOLDS, Relation
from netspec.ir.dim_pieces import TooManyPieces, period_of, pieces_of, sign_runs, spans
from netspec.ir.dim_terms import Poly, symbols_of

MAX_WALK = 10_000
"""How many small sizes are looked at one by one to find the shortest way to tell the answer."""

Constraint: TypeAlias = tuple[DimLike, Relation, DimLike]


class Run(NamedTuple):
    """The sizes first, first + period, first + 2*period, ..., up to `last` where that is not None."""

    first: int
    last: int | None


@dataclass(frozen=True)
class Solutions:
    """The legal sizes of a symbol: the runs of one period, in ascending order of their first size.

    `unsettled` lists the constraints that had to be left out; the true sizes are then among those told here.
    """

    symbol: str
    period: int
    runs: tuple[Run, ...]
    unsettled: tuple[Constraint, ...] = ()

    def __contains__(self, size: int) -> bool:
        return any(
            run.first <= size
            and (run.last is None or size <= run.last)
            and (size - run.first) % self.period == 0
            for run in self.runs
        )

    def nearest(self, size: int) -> tuple[int | None, int | None]:
        """The largest legal size up to `size` and the smallest from `size` on, each None where there is none."""
        below = [self._down(run, size) for run in self.runs if run.first <= size]
        above = [up for run in self.runs if (up := self._up(run, size)) is not None]
        return max(below, default=None), min(above, default=None)

    def _down(self, run: Run, size: int) -> int:
        reach = size if run.last is None else min(size, run.last)
        return reach - (reach - run.first) % self.period

    def _up(self, run: Run, size: int) -> int | None:
        first = size + (run.first - size) % self.period if size > run.first else run.first
        return first if run.last is None or first <= run.last else None

    def __str__(self) -> str:
        if not self.runs:
            return f"no size of {self.symbol} is legal"
        shown = [self._run_text(run) for run in self.runs[:4]]
        return " or ".join(shown + (["..."] if len(self.runs) > len(shown) else []))

    def _run_text(self, run: Run) -> str:
        if run.first == run.last:
            return f"{self.symbol} = {run.first}"
        if self.period == 1:
            return (
                f"{self.symbol} >= {run.first}"
                if run.last is None
                else f"{run.first} <= {self.symbol} <= {run.last}"
            )
        times, rest = divmod(run.first, self.period)
        formula = f"{self.symbol} = {self.period}k" + (f" + {rest}" if rest else "")
        if run.last is None:
            return f"{formula}, k >= {times}"
        return f"{formula}, {times} <= k <= {run.last // self.period}"


def solutions(
    constraints: Sequence[Constraint], symbol: str, *, least: int = 1, max_period: int = MAX_PERIOD
) -> Solutions:
    """The sizes of `symbol`, from `least` on, for which all constraints hold."""
    settled: list[_Settled] = []
    unsettled: list[Constraint] = []
    period = 1
    for constraint in constraints:
        one = _settled(constraint, symbol)
        joined = lcm(period, one.period) if one else 0
        affords = one and joined <= max_period and affordable(joined, [each.poly for each in [*settled, one]])
        if one is None or not affords:
            unsettled.append(constraint)
            continue
        period = joined
        settled.append(one)
    try:
        runs = [
            run for first in range(least, least + period) for run in _runs_of_class(settled, first, period)
        ]
    except TooManyPieces:
        return Solutions(symbol, 1, (Run(least, None),), tuple(constraints))
    period, runs = _coarsest(runs, period, least)
    return Solutions(symbol, period, tuple(sorted(runs)), tuple(unsettled))


class _Settled(NamedTuple):
    poly: Poly
    signs: frozenset[int]
    period: int


def _settled(constraint: Constraint, symbol: str) -> _Settled | None:
    """The constraint as the signs its difference may have; None where it is about other symbols too."""
    left, relation, right = constraint
    try:
        poly = (Dim.of(left) - right).poly
    except DimTooComplex:
        return None
    return _Settled(poly, HOLDS[relation], period_of(poly)) if symbols_of(poly) <= {symbol} else None


def _runs_of_class(settled: Sequence[_Settled], first: int, period: int) -> list[Run]:
    """The runs of legal sizes among first, first + period, ..."""
    legal: list[tuple[int, int | None]] = [(0, None)]
    for one in settled:
        legal = _intersection(legal, _times_with(one, first, period))
    return [Run(first + a * period, None if b is None else first + b * period) for a, b in legal]


def _times_with(one: _Settled, first: int, period: int) -> list[tuple[int, int | None]]:
    """The stretches of t on which a constraint holds at first + t*period, none touching the next."""
    found: list[tuple[int, int | None]] = []
    for start, end, curve in spans(pieces_of(one.poly, (first, period))):
        changes = sign_runs(curve, start, end)
        for index, (at, sign) in enumerate(changes):
            until = changes[index + 1][0] - 1 if index + 1 < len(changes) else end
            if sign not in one.signs:
                continue
            touches = bool(found) and found[-1][1] == at - 1
            found.append((found.pop()[0] if touches else at, until))
    return found


def _intersection(
    left: list[tuple[int, int | None]], right: list[tuple[int, int | None]]
) -> list[tuple[int, int | None]]:
    met: list[tuple[int, int | None]] = []
    for a, b in left:
        for c, d in right:
            start = max(a, c)
            end = d if b is None else b if d is None else min(b, d)
            if end is None or start <= end:
                met.append((start, end))
    return met


def _coarsest(runs: list[Run], period: int, least: int) -> tuple[int, list[Run]]:
    """The same sizes told with the fewest runs: 16k instead of 32k and 32k + 16."""
    settles = max((run.first if run.last is None else run.last for run in runs), default=least) + 1
    if settles - least > MAX_WALK:
        return period, runs
    small = {
        size
        for run in runs
        for size in range(run.first, (settles + period if run.last is None else run.last + 1), period)
    }
    endless = {run.first % period for run in runs if run.last is None}
    best = period, runs
    for shorter in (divisor for divisor in range(period, 0, -1) if period % divisor == 0):
        if any((residue + shorter) % period not in endless for residue in endless):
            continue
        retold = _retold(small, shorter, {residue % shorter for residue in endless}, settles)
        if len(retold) <= len(best[1]):
            best = shorter, retold
    return best


def _retold(sizes: set[int], period: int, endless: set[int], settles: int) -> list[Run]:
    """Runs of this period for sizes known up to `settles` and a period on; from there the endless classes are legal."""
    runs: list[Run] = []
    for first in sorted(size for size in sizes if size - period not in sizes):
        last = first
        while last < settles and last + period in sizes:
            last += period
        runs.append(Run(first, None if last >= settles and last % period in endless else last))
    return runs
