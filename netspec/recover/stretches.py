"""Stretches of layers that may come several times: found by growing, so that what is met once is never looked at again.

A stretch of n layers can come twice only if its first n - 1 do. So all stretches grow together by a layer at a time,
and those that are alone are dropped; only the others are compared in full.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Hashable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from netspec.recover.item import FORMULA, Body, Item, flow_of
from netspec.recover.skeleton import Skeleton, full, kind_of, skeleton

LONGEST = 24
"""So many layers of one body make a block at most; what they hold inside is not counted."""

MOST_INPUTS = 3

FEWEST_LINES = 4
"""So many lines a layer that holds others must have to be a block by itself."""


@dataclass(frozen=True)
class Stretch:
    """A stretch of a body: the place of the body, from where to where, and its skeleton."""

    at: tuple[object, ...]
    start: int
    stop: int
    found: Skeleton


@dataclass(frozen=True)
class Standing:
    """A body where it stands: what flows into it, and how often the values of its namespace are taken."""

    at: tuple[object, ...]
    body: Body
    entry: str | None
    used: Counter[str]


@dataclass
class _Growing:
    """A stretch on its way: what it looks like so far, what is taken in it, and what of it is needed outside."""

    place: Standing
    start: int
    looks: int = 0
    taken: Counter[str] = field(default_factory=Counter)
    open: set[str] = field(default_factory=set)

    def grow(self, item: Item) -> None:
        """Take in the next item."""
        self.taken.update(item.taken())
        self.open |= item.made()
        self.open = {value for value in self.open if self.place.used[value] > self.taken[value]}


class Looks:
    """A number for what an item looks like, the numbers in it and what it takes left aside."""

    def __init__(self) -> None:
        self._numbers: dict[Hashable, int] = {}
        self._items: dict[int, tuple[Item, int]] = {}

    def of(self, item: Item) -> int:
        """The number of an item."""
        known = self._items.get(id(item))
        if known is not None:
            return known[1]
        arguments = tuple((key, kind_of(key, one) or repr(one)) for key, one in sorted(full(item).items()))
        inside = tuple(tuple(self.of(one) for one in body) for _, body in item.branches)
        looks = (item.op, len(item.inputs), len(item.outputs), item.frozen, arguments, inside)
        number = self.number(looks)
        self._items[id(item)] = item, number  # held, so that no other item gets its identity
        return number

    def number(self, what: Hashable) -> int:
        """A number for anything."""
        return self._numbers.setdefault(what, len(self._numbers) + 1)


def stretches(places: Sequence[Standing], shared: Collection[str], looks: Looks) -> Iterator[Stretch]:
    """Every stretch that looks like another and could be a block: one value comes out, and few go in."""
    active = [_Growing(place, start) for place in places for start in range(len(place.body))]
    for length in range(1, LONGEST + 1):
        grown = []
        for one in active:
            stop = one.start + length
            if stop > len(one.place.body):
                continue
            item = one.place.body[stop - 1]
            if shared and not item.made().isdisjoint(shared):
                continue
            one.looks = looks.number((one.looks, looks.of(item)))
            grown.append(one)
        counts = Counter(one.looks for one in grown)
        active = [one for one in grown if counts[one.looks] > 1]
        for one in active:
            item = one.place.body[one.start + length - 1]
            one.grow(item)
            if _fits(one, item, length):
                found = _stretch(one, length)
                if found is not None:
                    yield found


def _fits(one: _Growing, item: Item, length: int) -> bool:
    """Whether a stretch gives one value and no other, and is worth a name."""
    if len(item.outputs) != 1 or one.open - {item.outputs[0]}:
        return False
    if length == 1:
        return bool(item.branches) and item.lines() >= FEWEST_LINES
    return any(each.op != FORMULA for each in one.place.body[one.start : one.start + length])


def _stretch(one: _Growing, length: int) -> Stretch | None:
    """The stretch in full; None where it takes nothing, or too much."""
    body = one.place.body
    flow = one.place.entry if one.start == 0 else flow_of(body[one.start - 1])
    found = skeleton(once(body[one.start : one.start + length]), flow)
    if not found.outer or len(found.outer) > MOST_INPUTS:
        return None
    return Stretch(one.place.at, one.start, one.start + length, found)


def once(stretch: Body) -> Body:
    """A stretch of one item without its copies: how many there are is said where it is used."""
    return (replace(stretch[0], repeat=1),) if len(stretch) == 1 else stretch


def apart(found: Sequence[Stretch]) -> list[Stretch]:
    """Those that do not overlap, from the first on; in a body inside another stretch none is taken either."""
    taken: list[Stretch] = []
    last: dict[tuple[object, ...], int] = {}
    for one in sorted(found, key=lambda s: (len(s.at), s.start)):
        if one.start < last.get(one.at, 0):
            continue
        if any(_inside(one, other) for other in taken if len(other.at) < len(one.at)):
            continue
        taken.append(one)
        last[one.at] = one.stop
    return taken


def _inside(one: Stretch, other: Stretch) -> bool:
    """Whether a stretch stands inside an item of another."""
    if one.at[: len(other.at)] != other.at:
        return False
    place = one.at[len(other.at)]
    return isinstance(place, int) and other.start <= place < other.stop
