"""What an argument takes, in words: its type, its bounds, its choices, its units."""

from __future__ import annotations

from collections.abc import Iterable
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic.fields import FieldInfo

from netspec.ir.record import Record
from netspec.recipe.distribution import Distribution, Drawn
from netspec.recipe.optimizer import Optimizer
from netspec.recipe.phase import Schedule
from netspec.recipe.quantity import Quantity, units

_ONE = {int: "a whole number", float: "a number", bool: "`true` or `false`", str: "a word"}
_MANY = {
    int: "whole numbers",
    float: "numbers",
    bool: "truths",
    str: "words",
    tuple[int, int]: "pairs",
    Quantity: "numbers with units",
    NoneType: "`null`",
}
_COUNTED = {1: "one", 2: "two", 3: "three"}
_BOUNDS: tuple[tuple[type, str, str], ...] = (
    (Ge, "ge", "at least"),
    (Gt, "gt", "above"),
    (Le, "le", "at most"),
    (Lt, "lt", "below"),
)


def takes(field: FieldInfo) -> str:
    """`a whole number, at least 1`; `one of `mean`, `sum`, `none``; `a number with its unit, `mm``."""
    return ", ".join([_words(field.annotation, field.metadata), *_bounds(field.metadata)])


def _bounds(metadata: Iterable[object]) -> list[str]:
    found = []
    for rule in metadata:
        for kind, name, said in _BOUNDS:
            if isinstance(rule, kind):
                limit = getattr(rule, name)
                found.append(f"{said} {limit:,}" if isinstance(limit, int) else f"{said} {limit:g}")
    return found


def _words(annotation: Any, metadata: Iterable[object] = ()) -> str:
    """The type in the language's words; what is no plain data is a part with arguments of its own."""
    parts, origin = get_args(annotation), get_origin(annotation)
    if annotation in _ONE:
        return _ONE[annotation]
    if annotation is Quantity:
        return f"a number with its unit, {' or '.join(f'`{name}`' for name in units(metadata))}"
    if annotation is Distribution:
        unit = next((one.unit for one in metadata if isinstance(one, Drawn)), "")
        return "a distribution" + (f" of numbers with their unit, `{unit}`" if unit else "")
    if origin is dict:
        return "a mapping of names to expressions"
    if hasattr(annotation, "__metadata__"):
        return ", ".join([_words(parts[0], annotation.__metadata__), *_bounds(annotation.__metadata__)])
    if origin is Literal:
        return ("one of " if len(parts) > 1 else "") + ", ".join(f"`{part}`" for part in parts)
    if origin is tuple:
        return _list(parts)
    if isinstance(annotation, type) and issubclass(annotation, Record):
        called = {Optimizer: "an optimizer", Schedule: "a phase"}.get(annotation)
        return called or f"a mapping with {', '.join(f'`{key}`' for key in annotation.model_fields)}"
    if parts:
        return ", or ".join(dict.fromkeys(_words(part, metadata) for part in parts if part is not NoneType))
    return "anything"


def _list(parts: tuple[Any, ...]) -> str:
    """A list of as many as there come, or of a fixed number of things of one type."""
    inner = parts[0]
    while hasattr(inner, "__metadata__"):
        inner = get_args(inner)[0]
    if get_origin(inner) is tuple and get_args(inner)[0] is str and len(get_args(inner)) == 2:
        many = " or ".join(_MANY.get(one, "things") for one in _choices(get_args(inner)[1]))
        return f"a mapping of words to {many}"
    if get_origin(inner) is Literal:
        return f"a list of {', '.join(f'`{part}`' for part in get_args(inner))}"
    if get_origin(inner) is tuple:  # pairs are how a frozen record keeps a mapping
        keys, values = get_args(inner)
        many = " or ".join(_MANY.get(one, "things") for one in _choices(values))
        return f"a mapping of {_MANY.get(keys, 'things')} to {many}"
    several = [_MANY.get(one, "phases" if one is Schedule else "things") for one in _choices(inner)]
    many = " or ".join(several)
    count = "" if Ellipsis in parts else f"{_COUNTED.get(len(parts), str(len(parts)))} "
    return f"a list of {count}{many}"


def _choices(annotation: Any) -> tuple[Any, ...]:
    """The types of a union, or the one type."""
    return get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
