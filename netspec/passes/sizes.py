"""The size solver: which sizes of each letter every layer takes, and which layer it is that binds them.

What layers ask of one letter alone is solved for all its sizes at once (see `dim_solve`). What they ask of several
letters together is dropped where it is proved to hold at all sizes that are legal by themselves; what is left is told
as it stands, and solved for one letter while the others are held at their smallest legal sizes. What cannot be settled
is listed as not known; nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from netspec.ir.dim import Dim, DimTooComplex
from netspec.ir.dim_decide import decide
from netspec.ir.dim_edges import direction, first_size, last_size, rises_from
from netspec.ir.dim_solve import Constraint, Run, Solutions, solutions
from netspec.ir.graph import Graph
from netspec.passes.demands import Demand, demands, letters

BATCH_SIZE = "N"
MOST_NEEDS = 400
"""How many different things layers may ask of a letter; of a spec that asks more the rest is not known."""

MOST_WITNESSES = 64
NO_SIZES: Mapping[str, int] = {}


@dataclass(frozen=True)
class Solved:
    """The legal sizes of a letter while other letters are `held` at certain sizes.

    `bounds` are the demands of the layers that bind them: without these more sizes would be legal. What is demanded by
    `unknown` could not be settled, so the true sizes are among those of `sizes`.
    """

    sizes: Solutions
    bounds: tuple[Demand, ...] = ()
    unknown: tuple[Demand, ...] = ()
    held: Mapping[str, int] = field(default_factory=dict)

    @property
    def least(self) -> int | None:
        """The smallest legal size; None where there is none."""
        return min((run.first for run in self.sizes.runs), default=None)


@dataclass(frozen=True)
class Legal:
    """All that is known of one letter.

    `alone` is what demands on it alone leave. `joint` are demands on it and on other free letters that do not hold by
    themselves, `together` the sizes that these leave while the others are at their smallest. `training` are the sizes
    that training wants, where it wants more than evaluation.
    """

    letter: str
    alone: Solved
    joint: tuple[Demand, ...] = ()
    together: Solved | None = None
    training: Solved | None = None


@dataclass(frozen=True)
class _Need:
    """A demand in the form that is solved: `slack` is at least 0, or is 0; None where it is too complex a formula."""

    demand: Demand
    slack: Dim | None
    equal: bool
    letters: frozenset[str]

    def met(self, letter: str, size: int) -> bool:
        assert self.slack is not None
        value = self.slack.evaluate({letter: size})
        return value == 0 if self.equal else value >= 0

    def at(self, sizes: Mapping[str, int]) -> _Need:
        """The same with these letters made numbers."""
        slack = None
        with suppress(DimTooComplex):
            slack = None if self.slack is None else self.slack.substitute(sizes)
        return _Need(self.demand, slack, self.equal, self.letters - sizes.keys())

    def proved(self, least: Mapping[str, int]) -> bool:
        """Whether it holds at all sizes from `least` on."""
        if self.slack is None or not self.letters <= least.keys():
            return False
        try:
            if not self.equal and rises_from(self.slack.poly, least):
                return True
        except DimTooComplex:
            return False
        return decide(self.slack, "==" if self.equal else ">=", 0, least) is True


def legal_sizes(graph: Graph, given: Mapping[str, int] = NO_SIZES) -> tuple[Legal, ...]:
    """What is known of every letter that is not `given` a size, in the order of the spec, `N` last."""
    needs = [_need(demand, given) for demand in demands(graph) if not demand.letters <= given.keys()]
    free = [letter for letter in letters(graph) if letter not in given]
    always = [need for need in needs if not need.demand.training]
    alone = {
        letter: _solved(letter, [need for need in always if need.letters == {letter}]) for letter in free
    }
    least = {letter: one.least for letter, one in alone.items() if one.least is not None}
    joint = [need for need in always if len(need.letters) > 1 and not need.proved(least)]
    training = [need for need in needs if need.demand.training and not need.proved(least)]
    return tuple(_legal(letter, alone[letter], always, joint, training, least) for letter in free)


def legal_sizes_of(
    letter: str, every: Iterable[Demand], given: Mapping[str, int], *, training: bool = False
) -> Solved:
    """What demands leave of one letter at the sizes `given` of others; letters that are neither stay free."""
    others = {name: size for name, size in given.items() if name != letter}
    asked = [one for one in every if letter in one.letters and (training or not one.training)]
    found = _solved(
        letter, [need for need in (_need(one, others) for one in asked) if need.letters == {letter}]
    )
    about = frozenset[str]().union(*(one.letters for one in (*found.bounds, *found.unknown)))
    return replace(found, held={name: size for name, size in others.items() if name in about})


def _legal(
    letter: str,
    alone: Solved,
    always: Sequence[_Need],
    joint: Sequence[_Need],
    training: Sequence[_Need],
    least: Mapping[str, int],
) -> Legal:
    own = [need for need in always if need.letters == {letter}]
    here = [need for need in joint if letter in need.letters]
    # What training asks of the batch and of space together is told of the batch, which is the one easily changed.
    trained = [
        need
        for need in training
        if letter in need.letters and (letter == BATCH_SIZE or BATCH_SIZE not in need.letters)
    ]
    return Legal(
        letter,
        alone,
        tuple(need.demand for need in here),
        _beside(letter, own, here, least),
        _beside(letter, own, trained, least),
    )


def _beside(
    letter: str, own: Sequence[_Need], more: Sequence[_Need], least: Mapping[str, int]
) -> Solved | None:
    """The sizes of a letter with further needs, the other letters of these at their smallest."""
    others = frozenset[str]().union(*(need.letters for need in more)) - {letter}
    if not more or not others <= least.keys():
        return None
    held = {name: least[name] for name in sorted(others)}
    found = _solved(letter, [*own, *(need.at(held) for need in more)], held)
    plain = _solved(letter, [*own, *(need for need in more if need.letters == {letter})])
    return plain if plain.sizes == found.sizes else found


def _need(demand: Demand, given: Mapping[str, int]) -> _Need:
    free = demand.letters - given.keys()
    try:
        slack = demand.left - demand.right
        slack = slack.substitute(given) if given else slack
        return _Need(
            demand,
            slack - 1 if demand.relation == ">" else slack,
            demand.relation == "==",
            free & slack.symbols,
        )
    except DimTooComplex:
        return _Need(demand, None, demand.relation == "==", free)


def _solved(letter: str, needs: Sequence[_Need], held: Mapping[str, int] = NO_SIZES) -> Solved:
    """The sizes of a letter that meet needs of it alone."""
    low, high, others, unknown = _sorted_out(letter, needs)
    least = low.size if low else 1
    asked: dict[Constraint, _Need] = {}
    for one in others:
        asked.setdefault(_constraint(one), one)
    limits: list[Constraint] = [(high.size, ">=", Dim.of(letter))] if high else []
    if high and high.size < least:
        found = Solutions(letter, 1, ())
    else:
        found = solutions([*limits, *asked], letter, least=least)
    unknown += [asked[one] for one in found.unsettled if one in asked]
    candidates = {id(one.need) for one in (low, high) if one} | {id(one) for one in asked.values()}
    candidates -= {id(one) for one in unknown}
    binding = [need for need in needs if id(need) in candidates]
    return Solved(
        found,
        tuple(one.demand for one in _bounds(letter, found, binding)),
        tuple(one.demand for one in unknown),
        held,
    )


@dataclass(frozen=True)
class _Limit:
    """The tightest of the needs that ask for a size from, or up to, some number."""

    size: int
    need: _Need


def _sorted_out(
    letter: str,
    needs: Iterable[_Need],
) -> tuple[_Limit | None, _Limit | None, list[_Need], list[_Need]]:
    """The tightest lower limit, the tightest upper one, the needs that are no plain limits, and those left unknown."""
    low: _Limit | None = None
    high: _Limit | None = None
    others: list[_Need] = []
    unknown: list[_Need] = []
    for need in needs:
        if need.slack is None:
            unknown.append(need)
            continue
        way = 0 if need.equal else direction(need.slack.poly)
        if way == 0:
            (others if len(others) < MOST_NEEDS else unknown).append(need)
        elif way > 0 and (low is None or not need.met(letter, low.size)):
            low = _Limit(first_size(need.slack.poly, low.size if low else 0), need)
        elif way < 0 and (high is None or not need.met(letter, high.size)):
            high = _Limit(last_size(need.slack.poly), need)
    return low, high, others, unknown


def _constraint(need: _Need) -> Constraint:
    assert need.slack is not None
    return need.slack, "==" if need.equal else ">=", 0


def _bounds(letter: str, found: Solutions, needs: Sequence[_Need]) -> list[_Need]:
    """A few needs that together refuse what is not legal, near the smallest legal size: the ones that bind.

    Taken one by one, each time the one that refuses most of the sizes that no other refuses yet, the earliest first.
    """
    left = {size: [need for need in needs if not need.met(letter, size)] for size in _witnesses(found, needs)}
    binding: list[_Need] = []
    while left := {size: by for size, by in left.items() if by}:
        counts = {id(need): 0 for need in needs}
        for by in left.values():
            for need in by:
                counts[id(need)] += 1
        most = max(needs, key=lambda need: counts[id(need)])
        binding.append(most)
        left = {size: by for size, by in left.items() if most not in by}
    return [need for need in needs if need in binding]


def _witnesses(found: Solutions, needs: Sequence[_Need]) -> list[int]:
    """Sizes that are not legal and whose refusal says why the legal ones are as they are."""
    if not needs:
        return []
    if not found.runs:
        return list(range(1, MOST_WITNESSES + 1))
    first = found.runs[0].first
    last = max((run.last for run in found.runs if run.last is not None), default=first)
    near = [first - found.period, *range(first - 1, last + found.period + 2)]
    if len(near) > MOST_WITNESSES:
        parts = [first + found.period // n for n in range(2, MOST_WITNESSES // 2) if found.period % n == 0]
        near = [
            first - found.period,
            *range(first - 1, first + MOST_WITNESSES // 2),
            *parts,
            *_ends(found.runs),
        ]
    return [size for size in dict.fromkeys(near) if size >= 1 and size not in found]


def _ends(runs: Iterable[Run]) -> list[int]:
    """The sizes just behind the runs that end."""
    return [run.last + 1 for run in runs if run.last is not None][:MOST_WITNESSES]
