"""What stands where in a spec, as far as its form depends on it: layers, what is under an op, what is beside it."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum, auto

from netspec.lang.canonical.parts import Branch, Part
from netspec.lang.names import WIRES

_HOLDERS = ("layers", "residual", "branches", "map")
"""Ops that hold layers whatever is written under them."""

_INNER = ("layers", "branches", "shortcut")
"""Arguments that are layers."""


class Place(Enum):
    """Where a list or mapping stands."""

    SPEC = auto()
    BLOCKS = auto()
    BLOCK = auto()
    LAYERS = auto()  # a list of layers, or the mapping that edits one of another file
    LAYER = auto()
    ARGUMENTS = auto()  # under an op, or beside it
    BRANCHES = auto()
    OTHER = auto()


_NAMED = {
    Place.SPEC: {"layers": Place.LAYERS, "blocks": Place.BLOCKS},
    Place.BLOCK: {"layers": Place.LAYERS},
    Place.ARGUMENTS: {"layers": Place.LAYERS, "shortcut": Place.LAYERS, "branches": Place.BRANCHES},
}
_ANY = {Place.BLOCKS: Place.BLOCK, Place.BRANCHES: Place.LAYERS, Place.ARGUMENTS: Place.ARGUMENTS}


def place_in(place: Place, part: Part) -> Place:
    """Where the value of a part stands, its own list or mapping standing at `place`."""
    value = part.value
    if not isinstance(value, Branch):
        return Place.OTHER
    if place is Place.LAYERS:
        return Place.LAYER if value.mapping else Place.LAYERS if part.key else Place.OTHER
    if place is Place.LAYER:
        if part.name == "branches":
            return Place.BRANCHES
        if part.name in _HOLDERS and not value.mapping:
            return Place.LAYERS
        return Place.ARGUMENTS
    found = _NAMED.get(place, {}).get(part.name)
    return found or _ANY.get(place, Place.OTHER)


def holds_layers(part: Part) -> bool:
    """Whether an op, given with what is under it, has layers inside."""
    if part.name in _HOLDERS:
        return True
    value = part.value
    return isinstance(value, Branch) and value.mapping and any(one.name in _INNER for one in value.parts)


def operation(layer: Branch) -> Part | None:
    """The op of a layer; None where there is none, or more than one."""
    ops = [part for part in layer.parts if part.name not in WIRES]
    return ops[0] if len(ops) == 1 else None


def ordered(branch: Branch, place: Place, sections: Iterable[str] = ()) -> list[Part]:
    """The parts in their canonical order.

    Sections stand in the order of `sections`; one that the language does not have stays behind its neighbour. In a
    layer the op comes first, or last if it holds layers; all else stays as it was written.
    """
    parts = branch.parts
    if place is Place.LAYER and branch.mapping and (op := operation(branch)) is not None:
        wires = [part for part in parts if part is not op]
        return [*wires, op] if holds_layers(op) else [op, *wires]
    if place is not Place.SPEC:
        return parts
    rank = {name: at for at, name in enumerate(sections)}
    ranks: dict[int, int] = {}
    here = -1
    for at, part in enumerate(parts):
        here = ranks[at] = rank.get(part.name, here)
    return [parts[at] for at in sorted(ranks, key=lambda at: ranks[at])]
