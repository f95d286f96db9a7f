"""From a located mapping of arguments to a frozen record, with every complaint at the argument it is about."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable
from dataclasses import dataclass
from math import isfinite
from types import UnionType
from typing import Any, TypeVar, cast, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from netspec.ir.record import Record
from netspec.lang.habits import is_needless, said, written_otherwise
from netspec.lang.names import WIRES, meant
from netspec.lang.report import Report
from netspec.lang.strike import struck
from netspec.lang.tree import Node
from netspec.text import Edit, Span, nearest

RecordT = TypeVar("RecordT", bound=Record)


@dataclass(frozen=True)
class Argument:
    """One argument: its computed value, and where value and name stand (a main argument has no written name)."""

    value: object
    span: Span
    key: Span | None = None


def bind(
    kind: type[RecordT],
    arguments: dict[str, Argument],
    where: Span,
    report: Report,
    *,
    called: str = "",
    scope: Container[str] = (),
) -> RecordT | None:
    """The record, or None after every misfit was reported.

    `where` is shown for what is missing; a word that is a constant of `scope` has lost its `$`.
    """
    called = called or kind.name
    if not arguments and _complete(kind):
        return cast("RecordT", kind.model_construct())
    values = {name: one.value for name, one in arguments.items()}
    try:
        return kind.model_validate(values)
    except ValidationError as trouble:
        items = trouble.errors(include_url=False)
        known = tuple(_fields(kind))
        strange = [str(item["loc"][0]) for item in items if item["type"] == "extra_forbidden"]
        seen = {near for name in strange if (near := meant(name, known)) and near not in arguments}
        for item in items:
            name = str(item["loc"][0]) if item["loc"] else ""
            if name not in seen:
                seen.add(name)
                _complain(kind, called, name, item, arguments, where, report, scope)
    return None


def _complete(kind: type[Record]) -> bool:
    """Whether a record needs no argument and checks none: then its defaults are all there is to it.

    Most layers of a spec are such, and building a validator to find that costs more than the rest of reading them.
    """
    rules = kind.__pydantic_decorators__
    return not (
        rules.model_validators
        or rules.field_validators
        or any(one.is_required() for one in kind.model_fields.values())
    )


def _fields(kind: type[Record]) -> dict[str, FieldInfo]:
    """The arguments of a record by the name they are written with."""
    return {field.alias or key: field for key, field in kind.model_fields.items()}


def _complain(
    kind: type[Record],
    called: str,
    name: str,
    item: Any,
    arguments: dict[str, Argument],
    where: Span,
    report: Report,
    scope: Container[str],
) -> None:
    """Report one misfit in the words of the language."""
    fields = _fields(kind)
    argument = arguments.get(name)
    if item["type"] == "missing":
        example = f"`{called}: {{{name}: …}}`" + (f" or `{called}: …`" if kind.main == name else "")
        report.error(
            "NS122", f"`{called}` needs `{name}`", where, help=f"write {example}: {wanted(fields[name])}"
        )
    elif item["type"] == "extra_forbidden" and argument is not None:
        unknown_argument(called, name, argument, tuple(fields), report)
    elif argument is None:
        named = (one for one in re.findall(r"`(\w+)`", _said(item)) if one in arguments)
        blamed = next(named, None)
        report.error("NS124", f"`{called}`: {_said(item)}", arguments[blamed].span if blamed else where)
    elif item["type"] in ("value_error", "assertion_error"):
        said, asks, cure = _said(item).partition("? ")
        cure = cure[:1].lower() + cure[1:] or f"see `{called}` in specs/reference"
        report.error("NS123", f"`{name}`: {said}{asks.strip()}", argument.span, help=cure)
    else:
        _misfit(called, name, fields[name], argument, report, scope)


def _misfit(
    called: str, name: str, field: FieldInfo, argument: Argument, report: Report, scope: Container[str]
) -> None:
    """Report a value that the argument cannot have; a constant's bare name has lost its `$`."""
    help, edit, value = f"see `{called}` in specs/reference", None, argument.value
    if isinstance(value, str) and value in scope:
        help, edit = f"did you mean `${value}`?", Edit(argument.span, f"${value}")
    elif isinstance(value, str) and (near := nearest(value, _choices(field.annotation))):
        help, edit = f"did you mean `{near}`?", Edit(argument.span, near)
    elif isinstance(value, float) and isfinite(value) and "whole number" in wanted(field):
        help = f"write `{round(value)}`"
        if argument.span.text.startswith("$") and "/" in argument.span.text.replace("//", ""):
            help = "`/` gives a fraction; `//` divides and rounds down"
    elif isinstance(value, str) and (cure := unmarked(value, scope)):
        help, edit = f"did you mean `{cure}`?", Edit(argument.span, cure)
    elif cure := written_otherwise(value, wanted(field)):
        help, edit = f"write `{cure}`", Edit(argument.span, cure)
    elif name == "weight_decay" and isinstance(value, dict):
        help = "write one number, and beside it what it spares: `no_decay: [norm, bias]`"
    elif name == "axis":
        help = "an axis is called by its name, such as `channel` or `height`"
        if isinstance(value, (list, tuple)) and all(isinstance(one, str) for one in value):
            help += f"; values stand beside the op: `{{{called}, from: {argument.span.text}}}`"
    message = f"`{name}` of `{called}` must be {wanted(field)}, and it is {worded(value)}"
    report.error("NS123", message, argument.span, help=help, edit=edit)


def unmarked(text: str, scope: Container[str]) -> str | None:
    """`2 * width` with the `$` that says to compute it, where that is all it lacks."""
    names = re.findall(r"[a-z_]\w*", text)
    looks = re.fullmatch(r"[\w\s*/+()-]+", text) and re.search(r"[*/+-]", text)
    return f"${text}" if looks and names and all(name in scope for name in names) else None


def _choices(annotation: Any) -> tuple[str, ...]:
    """The words that an argument may be."""
    parts = get_args(annotation)
    return tuple(one for part in parts for one in ((part,) if isinstance(part, str) else _choices(part)))


def unknown_argument(
    called: str, name: str, argument: Argument, known: tuple[str, ...], report: Report
) -> None:
    """Report an argument that `called` does not have, with what was probably meant."""
    place = argument.key or argument.span
    if name in WIRES:
        report.error(
            "NS121",
            f"`{name}` says how a layer is wired, not what `{called}` is",
            place,
            help=f"write it beside the op: `- {{{called}: …, {name}: …}}`",
        )
        return
    near = meant(name, known)
    takes = ", ".join(f"`{one}`" for one in known) or "no arguments"
    advice = said(name, "training" if called == "training" else "argument")
    if near == "axis" and isinstance(argument.value, int):
        near, advice = None, "write `axis` and the axis by its name: `axis: channel`"
    edit = Edit(place, near) if near and argument.key else None
    if not near and argument.key and is_needless(name):
        edit = struck(argument.key, argument.span)
    report.error(
        "NS121",
        f"`{called}` has no argument `{name}`",
        place,
        help=f"did you mean `{near}`?" if near else advice or f"it takes {takes}",
        edit=edit,
    )


def wanted(field: FieldInfo) -> str:
    """What a field takes, in words: `a whole number of at least 1`."""
    return _bounded(_type_words(field.annotation), field.metadata)


def _bounded(words: str, metadata: Iterable[object]) -> str:
    """A type's words with its bounds."""
    bounds = []
    for rule in metadata:
        if isinstance(rule, Ge):
            bounds.append(f"of at least {_number(rule.ge)}")
        elif isinstance(rule, Gt):
            bounds.append(f"greater than {_number(rule.gt)}")
        elif isinstance(rule, Le):
            bounds.append(f"of at most {_number(rule.le)}")
        elif isinstance(rule, Lt):
            bounds.append(f"less than {_number(rule.lt)}")
    return " ".join([words, " and ".join(bounds)]).strip()


def _number(value: object) -> str:
    """A bound without needless digits."""
    return (
        f"{value:,}" if isinstance(value, int) else f"{value:g}" if isinstance(value, float) else str(value)
    )


_WORDS = {
    int: "a whole number",
    float: "a number",
    bool: "`true` or `false`",
    str: "a word",
    type(None): "nothing",
}


def _type_words(annotation: Any) -> str:
    """A type in the language's words."""
    if annotation in _WORDS:
        return _WORDS[annotation]
    parts = get_args(annotation)
    origin = getattr(annotation, "__origin__", None)
    if origin is tuple:
        several = get_args(parts[0]) if isinstance(parts[0], UnionType) else (parts[0],)
        return "a list of " + " or ".join(_several(one) for one in several)
    if hasattr(annotation, "__metadata__"):
        return _bounded(_type_words(parts[0]), annotation.__metadata__)
    if parts and all(isinstance(part, str) for part in parts):
        return ("one of " if len(parts) > 1 else "") + ", ".join(f"`{part}`" for part in parts)
    if parts and origin is not dict:
        return " or ".join(dict.fromkeys(_type_words(part) for part in parts if part is not type(None)))
    return "something else"


def _several(annotation: Any) -> str:
    """A type in the plural, as the things of a list; two numbers in a list of their own are a pair."""
    return "pairs" if get_origin(annotation) is tuple else _type_words(annotation).removeprefix("a ") + "s"


def _said(item: Any) -> str:
    """Pydantic's own sentence without its prefix."""
    return str(item["msg"]).removeprefix("Value error, ").removeprefix("Assertion failed, ")


def worded(value: object) -> str:
    """A value as the user wrote it, short."""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if value is None:
        return "empty"
    if isinstance(value, str):
        return f"the word `{value[:60]}`"
    if isinstance(value, (list, tuple)):
        return f"a list of {len(value)}"
    if isinstance(value, dict):
        return "a mapping"
    return f"`{str(value)[:60]}`"


def span_of(node: Node, fallback: Span) -> Span:
    """The place of a node; an empty value has none of its own."""
    return node.span if node.span.end > node.span.start else fallback
