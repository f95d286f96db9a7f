"""What stands beside an op: how its parameters start, what stays as it is, what its result is claimed to be."""

from __future__ import annotations

from collections.abc import Mapping as Table
from typing import Literal

from netspec.ir.op import Parameter
from netspec.ir.record import Record
from netspec.ir.types import TensorType
from netspec.lang.bind import span_of
from netspec.lang.kinds import read_meaning
from netspec.lang.place import Wiring
from netspec.lang.report import Report
from netspec.lang.tree import Entry, Mapping, Scalar, Sequence
from netspec.lang.values import Values
from netspec.text import Span

Inits = Table[str, Table[str, tuple[Record, Span]]]
"""Declared initialisers by op and parameter, each with the place it was declared at."""

Wires = Table[str, Entry]


def read_wiring(op: str, wires: Wires, declared: Inits, values: Values) -> Wiring | None:
    """What `freeze`, `init` and `as` beside an op say, over what the `init` section declares; None after an error."""
    by_op = {of: {name: record for name, (record, _) in rows.items()} for of, rows in declared.items()}
    inits = dict(by_op.get(op, {}))
    own = _inits(wires, values)
    frozen = _frozen(wires, values)
    claim = _claim(wires, values)
    if own is None or frozen is False or claim is False:
        return None
    inits.update({name: record for name, (record, _) in own.items()})
    places = {name: span for name, (_, span) in {**declared.get(op, {}), **own}.items()}
    place = span_of(wires["freeze"].value, wires["freeze"].key.span) if "freeze" in wires else None
    spans = {name: span for name, (_, span) in own.items()}
    return Wiring(frozen, inits, by_op, spans, places, claim, place, _names(wires))


def check_start(parameter: Parameter, start: Record | None, span: Span, report: Report) -> None:
    """Report an initialiser that is not for a parameter of this shape."""
    if start is None:
        return
    from netspec.recipe.initializer import Initializer  # noqa: PLC0415 - most specs say nothing of it

    misfit = start.misfit(parameter.shape) if isinstance(start, Initializer) else ""
    if misfit:
        report.error(
            "NS551",
            f"{misfit}, and `{parameter.name}` has the shape {list(parameter.shape)}",
            span,
            help="give it `zeros`, `constant`, `uniform` or `normal`",
        )


def _names(wires: Wires) -> tuple[str, ...]:
    """The names of several outputs: `name: [left, right]`."""
    written = wires["name"].value if "name" in wires else None
    items = written.items if isinstance(written, Sequence) else ()
    return tuple(item.text for item in items if isinstance(item, Scalar))


def _inits(wires: Wires, values: Values) -> dict[str, tuple[Record, Span]] | None:
    """The initialisers of one layer; None after an error."""
    if "init" not in wires:
        return {}
    node = wires["init"].value
    if not isinstance(node, Mapping):
        values.report.error("NS114", "`init` names parameters", node.span, help="`init: {weight: zeros}`")
        return None
    found: dict[str, tuple[Record, Span]] = {}
    for entry in node:
        record = values.initializer(entry.value)
        if record is not None:
            found[entry.name] = (record, entry.key.span)
    return found if len(found) == len(node) else None


def _frozen(wires: Wires, values: Values) -> frozenset[str] | Literal[False] | None:
    """The names that stay as they are, None for all, False after an error."""
    if "freeze" not in wires:
        return frozenset()
    entry = wires["freeze"]
    good, value = values.read(entry.value)
    if not good:
        return False
    if value is True:
        return None
    words = (value,) if isinstance(value, str) else value
    if isinstance(words, tuple) and words and all(isinstance(word, str) for word in words):
        return frozenset(str(word) for word in words)
    place = span_of(entry.value, entry.key.span)
    values.report.error("NS126", "`freeze` is `true` or names what stays", place, help="`freeze: weight`")
    return False


def _claim(wires: Wires, values: Values) -> TensorType | Literal[False] | None:
    """What `as` claims; False after an error."""
    if "as" not in wires:
        return None
    node = wires["as"].value
    if not isinstance(node, Mapping) or set(node.keys()) - {"kind", "unit", "range"}:
        values.report.error("NS114", "`as` has `kind`, `unit` or `range`", node.span, help="`as: {unit: ml}`")
        return False
    return read_meaning(node, values, ()) or False
