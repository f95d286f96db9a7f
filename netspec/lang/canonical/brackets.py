"""Lists and mappings on one line in brackets: whether they should be, and how that reads."""

from __future__ import annotations

from netspec.lang.canonical.parts import Branch, Part
from netspec.lang.canonical.places import Place, holds_layers, operation, ordered, place_in
from netspec.lang.canonical.words import on_one_line
from netspec.lang.tree import Scalar, Style


def wanted(branch: Branch, place: Place) -> bool:
    """Whether a list or mapping stands in brackets if it fits a line.

    A layer and its arguments do, however they were written; so does what was written in brackets. Comments, lists with
    dashes and formulas that would need quotes keep a layer open, and so do layers inside it.
    """
    if not branch.parts:
        return True
    if branch.remarked or _lone_item(branch):
        return False
    if place is Place.LAYER and (op := operation(branch)) is not None and not holds_layers(op):
        return _joinable(branch)
    if place is Place.ARGUMENTS and not branch.flow:
        return branch.mapping and _joinable(branch) and not any(holds_layers(part) for part in branch.parts)
    return branch.flow


def bracketed(branch: Branch, place: Place) -> str | None:
    """The branch in brackets on one line; None where something inside needs lines of its own."""
    if branch.remarked:
        return None
    texts = []
    for part in ordered(branch, place):
        text = _inside(part, place)
        if text is None:
            return None
        texts.append(text)
    inner = ", ".join(texts)
    return f"{{{inner}}}" if branch.mapping else f"[{inner}]"


def _inside(part: Part, place: Place) -> str | None:
    """One entry or item of a line in brackets."""
    value = part.value
    if isinstance(value, Scalar):
        text = on_one_line(value, flow=True)
    elif part.key is None and value.mapping and len(value.parts) == 1 and not value.parts[0].empty:
        return (
            None if value.remarked else _inside(value.parts[0], place_in(place, part))
        )  # `[warmup: 1 epochs]`
    else:
        text = bracketed(value, place_in(place, part))
    if text is None:
        return None
    if part.key is None:
        return text or "null"
    key = on_one_line(part.key, flow=True, key=True)
    if key is None:
        return None
    return f"{key}: {text}" if text else key


def _lone_item(branch: Branch) -> bool:
    """Whether it is the only entry of an item: `- conv: 3` needs no braces; `- {relu}` has nothing behind a colon."""
    item = branch.holder is not None and branch.holder.key is None
    return item and branch.mapping and len(branch.parts) == 1 and not branch.parts[0].empty


def _joinable(branch: Branch) -> bool:
    """Whether nothing inside is better off on lines of its own."""
    for one in branch.walk():
        if not one.mapping and not one.flow:
            return False
        for part in one.parts:
            if part.key is not None and _forced(part.key, key=True):
                return False
            if isinstance(part.value, Scalar) and _forced(part.value):
                return False
    return True


def _forced(scalar: Scalar, *, key: bool = False) -> bool:
    """Whether a scalar is a block, or would need quotes inside brackets only."""
    if scalar.style is Style.BLOCK:
        return True
    return on_one_line(scalar, flow=True, key=key) != on_one_line(scalar, flow=False, key=key)
