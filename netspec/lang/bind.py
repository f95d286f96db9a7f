"""From a located mapping of arguments to a frozen record, with every complaint at the argument it is about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar, get_args

from annotated_types import Ge, Gt, Le, Lt
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from netspec.ir.record import Record
from netspec.lang.names import WIRES, meant
from netspec.lang.report import Report
from netspec.lang.tree import Node
from netspec.text import Edit, Span

RecordT = TypeVar("RecordT", bound=Record)


@dataclass(frozen=True)
class Argument:
    """One argument: its computed value, and where value and name stand (a main argument has no written name)."""

    value: object
    span: Span
    key: Span | None = None


def bind(
    kind: type[RecordT], arguments: dict[str, Argument], where: Span, report: Report, *, called: str = ""
) -> RecordT | None:
    """The record, or None after every misfit was reported. `where` is shown for what is missing."""
    called = called or kind.name
    values = {name: one.value for name, one in arguments.items()}
    try:
        return kind.model_validate(values)
    except ValidationError as trouble:
        seen: set[str] = set()
        for item in trouble.errors(include_url=False):
            name = str(item["loc"][0]) if item["loc"] else ""
            if name not in seen:
                seen.add(name)
                _complain(kind, called, name, item, arguments, where, report)
    return None


def _complain(
    kind: type[Record],
    called: str,
    name: str,
    item: Any,
    arguments: dict[str, Argument],
    where: Span,
    report: Report,
) -> None:
    """Report one misfit in the words of the language."""
    fields = {field.alias or key: field for key, field in kind.model_fields.items()}
    argument = arguments.get(name)
    if item["type"] == "missing":
        example = f"`{called}: {{{name}: …}}`" + (f" or `{called}: …`" if kind.main == name else "")
        report.error(
            "NS122", f"`{called}` needs `{name}`", where, help=f"write {example}: {wanted(fields[name])}"
        )
    elif item["type"] == "extra_forbidden" and argument is not None:
        unknown_argument(called, name, argument, tuple(fields), report)
    elif argument is None:
        report.error("NS124", f"`{called}`: {_said(item)}", where)
    else:
        said = (
            _said(item)
            if item["type"] in ("value_error", "assertion_error")
            else f"it is {_shown(argument.value)}"
        )
        message = (
            f"`{name}` of `{called}` must be {wanted(fields[name])}"
            if said.startswith("it is")
            else f"`{name}`"
        )
        joiner = ", and " if said.startswith("it is") else ": "
        report.error("NS123", f"{message}{joiner}{said}", argument.span)


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
    report.error(
        "NS121",
        f"`{called}` has no argument `{name}`",
        place,
        help=f"did you mean `{near}`?" if near else f"it takes {takes}",
        edit=Edit(place, near) if near and argument.key else None,
    )


def wanted(field: FieldInfo) -> str:
    """What a field takes, in words: `a whole number of at least 1`."""
    words = _type_words(field.annotation)
    for rule in field.metadata:
        if isinstance(rule, Ge):
            words += f" of at least {rule.ge}"
        elif isinstance(rule, Gt):
            words += f" greater than {rule.gt}"
        elif isinstance(rule, Le):
            words += f" of at most {rule.le}"
        elif isinstance(rule, Lt):
            words += f" less than {rule.lt}"
    return words


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
        return "a list of " + _type_words(parts[0]).removeprefix("a ") + "s"
    if hasattr(annotation, "__metadata__"):
        return _type_words(parts[0])
    if parts and all(isinstance(part, str) for part in parts):
        return "one of " + ", ".join(f"`{part}`" for part in parts)
    if parts and origin is not dict:
        return " or ".join(dict.fromkeys(_type_words(part) for part in parts if part is not type(None)))
    return "something else"


def _said(item: Any) -> str:
    """Pydantic's own sentence without its prefix."""
    return str(item["msg"]).removeprefix("Value error, ").removeprefix("Assertion failed, ")


def _shown(value: object) -> str:
    """A value as the user wrote it, short."""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if value is None:
        return "empty"
    if isinstance(value, str):
        return f"the word `{value[:60]}`"
    if isinstance(value, (list, tuple)):
        return f"a list of {len(value)}"
    return f"`{str(value)[:60]}`"


def span_of(node: Node, fallback: Span) -> Span:
    """The place of a node; an empty value has none of its own."""
    return node.span if node.span.end > node.span.start else fallback
