"""One class of many uses: their items laid over one another, and what stands for an item where it is not."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

from netspec.ir.graph import Ref
from netspec_torch.blocks.items import Item, Piece
from netspec_torch.blocks.slots import Differ
from netspec_torch.blocks.template import Label, Part, Template, bare
from netspec_torch.blocks.unify import Unifier

Constructs = Mapping[int, ast.expr]
"""The constructor of each item that has one, by the item's id."""


def unite(
    pieces: Sequence[Piece], constructs: Constructs, defaults: Mapping[str, Mapping[str, object]]
) -> Template:
    """One class of several uses; Differ where they are not of one form."""
    inputs = pieces[0].names
    if any(one.names != inputs or len(one.outputs) != len(pieces[0].outputs) for one in pieces):
        raise Differ
    keys = _order([[_key(one, item) for item in one.items] for one in pieces])
    place = {key: i for i, key in enumerate(keys)}
    labels = [_labels(one) for one in pieces]
    tables = [{_key(one, item): item for item in one.items} for one in pieces]
    unifier = Unifier(defaults)
    raw: dict[Label, dict[int, Label]] = {}
    parts: list[Part] = []
    for key in keys:
        told = [table.get(key) for table in tables]
        parts.append(_part(key, told, pieces, labels, place, raw, constructs, unifier))
    outputs = _agreed(
        [[seen[ref] for ref in one.outputs] for one, seen in zip(pieces, labels, strict=True)], place, raw
    )
    _pass_by(parts, raw, place)
    _reach(parts, outputs)
    return Template(list(pieces), parts, inputs, outputs)


def _key(piece: Piece, item: Item) -> str:
    """What an item is called in its class."""
    return piece.inside(item.path) if item.path != piece.path else "_"


def _labels(piece: Piece) -> dict[Ref, Label]:
    """The values of a piece by their labels."""
    found = {ref: (f"@{called}", 0) for ref, called in zip(piece.inputs, piece.names, strict=True)}
    for item in piece.items:
        for i, ref in enumerate(item.refs):
            found[ref] = (_key(piece, item), i)
    return found


def _order(lists: Sequence[Sequence[str]]) -> list[str]:
    """All keys in an order that every list keeps; Differ where there is none."""
    longest = max(lists, key=len)
    order = list(longest)
    for one in lists:
        at = -1
        for key in one:
            if key in order:
                found = order.index(key)
                if found <= at:
                    raise Differ
                at = found
            else:
                at += 1
                order.insert(at, key)
    for one in lists:
        places = [order.index(key) for key in one]
        if places != sorted(places):
            raise Differ
    return order


def _part(
    key: str,
    told: list[Item | None],
    pieces: Sequence[Piece],
    labels: Sequence[Mapping[Ref, Label]],
    place: Mapping[str, int],
    raw: dict[Label, dict[int, Label]],
    constructs: Constructs,
    unifier: Unifier,
) -> Part:
    there = [one for one in told if one is not None]
    if len({(type(one), len(one.refs), len(one.inputs)) for one in there}) > 1:
        raise Differ
    wired = [
        None if one is None else [seen[ref] for ref in one.inputs]
        for one, seen in zip(told, labels, strict=True)
    ]
    inputs = _agreed(wired, place, raw)
    homes = {
        piece.inside(one.home) if one.home else ""
        for piece, one in zip(pieces, told, strict=True)
        if one is not None
    }
    if len(homes) > 1:
        raise Differ
    stem = bare(key)
    made = [None if one is None else constructs.get(id(one)) for one in told]
    if any((one is None) != (item is None) for one, item in zip(made, told, strict=True)) and any(made):
        raise Differ
    construct = unifier.one(made, stem) if any(made) else None
    calls = unifier.one([None if one is None else one.expression for one in told], stem)
    present = None if len(there) == len(told) else [one is not None for one in told]
    return Part(key, told, inputs, construct, calls, homes.pop(), present)


def _agreed(
    wired: Sequence[Sequence[Label] | None], place: Mapping[str, int], raw: dict[Label, dict[int, Label]]
) -> tuple[Label, ...]:
    """What is read, as the use with the most items sees it; what others read instead is noted in `raw`."""
    there = [one for one in wired if one is not None]
    if len({len(one) for one in there}) != 1:
        raise Differ
    agreed: list[Label] = []
    for i in range(len(there[0])):
        found = max((one[i] for one in there), key=lambda label: (place.get(label[0], -1), label))
        agreed.append(found)
        for k, one in enumerate(wired):
            if one is None or one[i] == found:
                continue
            known = raw.setdefault(found, {})
            if known.setdefault(k, one[i]) != one[i]:
                raise Differ
    return tuple(agreed)


def _pass_by(
    parts: Sequence[Part], raw: Mapping[Label, Mapping[int, Label]], place: Mapping[str, int]
) -> None:
    """Settle what stands for a value where its item is not there; Differ where that is not one value."""
    by_key = {part.key: part for part in parts}
    instead: dict[Label, Label] = {}

    def seen(label: Label, k: int) -> Label:
        while (part := by_key.get(label[0])) is not None and part.told[k] is None:
            if label not in instead:
                raise Differ
            label = instead[label]
        return label

    for label in sorted(raw, key=lambda one: place.get(one[0], -1)):
        part = by_key.get(label[0])
        if part is None or part.present is None:
            raise Differ
        if any(part.present[k] for k in raw[label]):
            raise Differ
        found = max(raw[label].values(), key=lambda one: (place.get(one[0], -1), one))
        if place.get(found[0], -1) >= place[label[0]]:
            raise Differ
        instead[label] = found
        if any(seen(found, k) != wanted for k, wanted in raw[label].items()):
            raise Differ
        part.bypass[label[1]] = found


def _reach(parts: Sequence[Part], outputs: Sequence[Label]) -> None:
    """Differ where what is not everywhere is read behind its choice, and nothing stands for it."""
    turn: dict[str, int] = {}
    for i, part in enumerate(parts):
        together = i and part.present is not None and part.present == parts[i - 1].present
        turn[part.key] = turn[parts[i - 1].key] if together else i
    by_key = {part.key: part for part in parts}
    read = [(label, turn[part.key]) for part in parts for label in (*part.inputs, *part.bypass.values())]
    for label, at in [*read, *((label, len(parts)) for label in outputs)]:
        made = by_key.get(label[0])
        if made is None or made.present is None or turn[made.key] == at:
            continue
        if label[1] not in made.bypass:
            raise Differ
