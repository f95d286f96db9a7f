"""The form of a stretch of layers, its numbers taken out: what two stretches must share to be one block."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from pydantic_core import PydanticUndefined

from netspec import ops
from netspec.recover.item import FORMULA, GROUP, RESIDUAL, Item

SIZES = frozenset({"kernel_size", "stride", "padding", "dilation", "output_padding", "output_size", "size"})
"""Arguments that are a number, or one for each axis of space."""


@dataclass(frozen=True)
class Place:
    """Where a number was taken out: the how-many-th item of the stretch, inner ones counted, and its argument."""

    item: int
    argument: str


@dataclass(frozen=True)
class Skeleton:
    """The form, the numbers by their places, and the values that come from outside, in order of their use."""

    form: Hashable
    places: tuple[Place, ...]
    numbers: tuple[object, ...]
    outer: tuple[str, ...]


def skeleton(items: Sequence[Item], flow: str | None) -> Skeleton:
    """The skeleton of a stretch into which `flow` flows."""
    return _Reader(flow).read(items)


class _Reader:
    def __init__(self, flow: str | None) -> None:
        self._numbers: list[object] = []
        self._places: list[Place] = []
        self._values: dict[str, Hashable] = {}
        self._outer: list[str] = []
        self._flow = flow
        self._count = 0

    def read(self, items: Sequence[Item]) -> Skeleton:
        form = self._body(items)
        outer = self._outer
        if self._flow in outer:
            outer = [one for one in outer if one == self._flow] + [one for one in outer if one != self._flow]
        return Skeleton(form, tuple(self._places), tuple(self._numbers), tuple(outer))

    def _body(self, items: Sequence[Item]) -> Hashable:
        return tuple(self._item(item) for item in items)

    def _item(self, item: Item) -> Hashable:
        taken = tuple(self._value(value) for value in item.inputs)
        inside = tuple(self._body(body) for _, body in item.branches)
        self._count += 1
        own = tuple(self._argument(key, value) for key, value in sorted(full(item).items()))
        for i, value in enumerate(item.outputs):
            self._values[value] = ("made", self._count, i)
        return (item.op, taken, inside, own, item.frozen, len(item.outputs))

    def _value(self, value: str) -> Hashable:
        """A value of the stretch by who makes it; one from outside by the order of its first use."""
        if value in self._values:
            return self._values[value]
        if value not in self._outer:
            self._outer.append(value)
        return ("flow",) if value == self._flow else ("outer", self._outer.index(value))

    def _argument(self, key: str, value: object) -> Hashable:
        """A number is taken out; everything else is part of the form."""
        kind = kind_of(key, value)
        if not kind:
            return (key, repr(value))
        self._places.append(Place(self._count, key))
        self._numbers.append(_held(value))
        return (key, kind)


def kind_of(key: str, value: object) -> str:
    """The type of a parameter that could stand for a value of an argument; empty where none could."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, str):
        return "int" if value.startswith("$") else ""
    if isinstance(value, int):
        return "size" if key in SIZES else "int"
    if isinstance(value, float):
        return "float"
    plain = isinstance(value, (list, tuple)) and all(type(one) is int for one in value)
    return "size" if plain and key in SIZES else ""


def _held(value: object) -> object:
    """A list as something that can be compared and hashed."""
    return tuple(value) if isinstance(value, list) else value


def full(item: Item) -> Mapping[str, object]:
    """All arguments of an item, those that are not written with their defaults, and how many copies there are."""
    own = dict(item.arguments)
    if item.op in {RESIDUAL, FORMULA, GROUP} or item.call:
        return {**own, "repeat": item.repeat}
    return {**defaults(item.op), **own, "repeat": item.repeat}


@cache
def defaults(op: str) -> Mapping[str, object]:
    """The defaults of an op's arguments."""
    kind = ops.find(op)
    if kind is None or getattr(kind, "free_arguments", False):
        return {}
    return {
        key: field.default
        for key, field in kind.model_fields.items()
        if field.default is not PydanticUndefined
    }
