"""The order in which names count: what is left of a network's order where a file lists its tensors by name."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from netspec.weights.layers import Layer, trimmed

_NUMBER = re.compile(r"\d+")
_FIRST = frozenset({"stem", "features", "backbone", "encoder"})
_LAST = frozenset({"classifier", "aux_classifier", "fc", "head"})


@dataclass
class _Room:
    """A layer, or what holds layers, by the words of its name."""

    at: int | None = None
    rooms: dict[str, _Room] = field(default_factory=dict)

    def within(self) -> Iterator[int]:
        """The numbers of the layers inside, itself among them."""
        if self.at is not None:
            yield self.at
        for one in self.rooms.values():
            yield from one.within()


def counted(layers: list[Layer]) -> list[int] | None:
    """The numbers of the layers in the order in which names count, as `conv1`, `bn1`, `conv2`; None where they do not.

    Beside one another, what has the smaller number is first; of equal numbers the layer whose weight has more axes,
    then what holds layers. Where two that hold the same layers do not differ by numbers, names say nothing of their
    order. This is how people count and no proof: whoever takes it holds every layer against the kind in its place.
    """
    root = _Room()
    for at, one in enumerate(layers):
        room = root
        for word in one.name.split("."):
            room = room.rooms.setdefault(word, _Room())
        room.at = at
    order: list[int] = []
    return order if _walk(root, layers, order) else None


def _walk(room: _Room, layers: list[Layer], order: list[int]) -> bool:
    """Add the layers inside in order; false where it is open."""
    if room.at is not None:
        order.append(room.at)
    alike: dict[object, list[str]] = defaultdict(list)
    for word, one in room.rooms.items():
        alike[tuple(sorted(layers[at].kind for at in one.within()))].append(word)
    for words in alike.values():
        if len({_NUMBER.sub("#", word) for word in words}) > 1 or len({_key(word) for word in words}) < len(
            words
        ):
            return False

    def place(word: str) -> tuple[object, ...]:
        one = room.rooms[word]
        axes = 0 if one.at is None else max(len(trimmed(shape)) for shape in layers[one.at].tensors.values())
        return (*_key(word), bool(one.rooms), -axes, word)

    return all(_walk(room.rooms[word], layers, order) for word in sorted(room.rooms, key=place))


def _key(word: str) -> tuple[int, tuple[int, ...]]:
    """The numbers in a word; what has none comes behind, but for what everybody calls the beginning, then the end."""
    numbers = tuple(int(one) for one in _NUMBER.findall(word))
    return 0 if word in _FIRST else 1 if numbers else 3 if word in _LAST else 2, numbers
