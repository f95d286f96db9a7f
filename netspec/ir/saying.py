"""A value said as a formula: the nodes behind it as operators and calls, down to values that have a name."""

from __future__ import annotations

import math
from collections.abc import Callable

from netspec.ir.graph import Graph, Node, Ref
from netspec.ir.op import Op
from netspec.ir.record import Record

Names = Callable[[Ref], "str | None"]
"""What a value is called; None for one that has to be said."""

_OPERATORS: dict[str, tuple[str, int]] = {
    "less": ("<", 1), "less_equal": ("<=", 1), "greater": (">", 1), "greater_equal": (">=", 1), "equal": ("==", 1),
    "add": ("+", 2), "sub": ("-", 2), "mul": ("*", 3), "div": ("/", 3), "neg": ("-", 4), "pow": ("**", 5),
}  # fmt: skip
"""The operators of formulas with how tightly they bind, as in Python."""

_ALONE = 6


class Unsayable(Exception):
    """A value that no formula makes; the message says why."""


def said(graph: Graph, ref: Ref, names: Names) -> str:
    """The formula of a value. Reading it again makes the same nodes in the same order.

    Raises Unsayable for what a formula has no words for: one of several results, a number that is not finite.
    """
    return _said(graph, ref, names)[0]


def _said(graph: Graph, ref: Ref, names: Names) -> tuple[str, int]:
    """The formula, and how tightly its outermost operator binds."""
    name = names(ref)
    if name is not None:
        return name, _ALONE
    node = graph.node(ref.path)
    if node is None or len(node.types) != 1 or node.parameters or node.state:
        raise Unsayable(f"`{ref}` is no result of a formula")
    if node.op.name == "constant":
        return _constant(node.op)
    parts = [_said(graph, one, names) for one in node.inputs]
    return _operation(graph, node, parts) or (_call(node, [text for text, _ in parts]), _ALONE)


def _constant(op: Op) -> tuple[str, int]:
    """A plain number, without a point where it is whole."""
    value = float(getattr(op, "value"))  # noqa: B009 - floor 1 does not know the op that has it
    if not math.isfinite(value):
        raise Unsayable(f"a formula has no word for {value}")
    text = str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return text, 4 if text.startswith("-") else _ALONE


def _operation(graph: Graph, node: Node, parts: list[tuple[str, int]]) -> tuple[str, int] | None:
    """An operator between its operands; None for what has no operator, or is computed at once if it is written so."""
    if (
        node.op.name not in _OPERATORS
        or changed(node.op)
        or len(parts) != (1 if node.op.name == "neg" else 2)
    ):
        return None
    if all(_is_constant(graph, one) for one in node.inputs):
        return None
    sign, tight = _OPERATORS[node.op.name]
    if node.op.name == "neg":
        return f"-{_within(*parts[0], tight)}", tight
    left, right = parts
    loose = (
        tight if tight in (2, 3) else tight + 1
    )  # a - b - c is (a - b) - c; comparisons and powers do not chain
    return f"{_within(*left, loose)} {sign} {_within(*right, tight + 1)}", tight


def _within(text: str, tight: int, least: int) -> str:
    return text if tight >= least else f"({text})"


def _is_constant(graph: Graph, ref: Ref) -> bool:
    node = graph.node(ref.path)
    return node is not None and node.op.name == "constant"


def _call(node: Node, parts: list[str]) -> str:
    """`crps(cdf, volume, reduction='sum')`: inputs, those that may be left out by name, then arguments."""
    optional = {slot.rstrip("?") for slot in node.op.slots if slot.endswith("?")}
    slots = [slot.strip("*?") for slot in node.op.slots]
    given = [
        f"{slots[i]}={part}" if i < len(slots) and slots[i] in optional else part
        for i, part in enumerate(parts)
    ]
    rest = [f"{key}={_argument(value, bare=key in node.op.words)}" for key, value in changed(node.op).items()]
    return f"{node.op.name}({', '.join([*given, *rest])})"


def changed(op: Op) -> dict[str, object]:
    """The arguments that are not their defaults."""
    fields = type(op).model_fields
    return {
        key: getattr(op, key)
        for key, field in fields.items()
        if field.is_required() or getattr(op, key) != field.get_default(call_default_factory=True)
    }


def _argument(value: object, *, bare: bool) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(_argument(one, bare=bare) for one in value)}]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return value if bare else f"'{value}'"
    if isinstance(value, (int, float)) and math.isfinite(value):
        return repr(value)
    raise Unsayable(f"a formula has no word for `{value}`")


def call(record: Record) -> object:
    """A record as a spec writes it: its name, its name with the main argument, or with named ones."""
    fields = type(record).model_fields
    written = {
        (fields[key].alias or key) if key in fields else key: call(value)
        if isinstance(value, Record)
        else value
        for key, value in record.arguments().items()
    }
    if not written:
        return record.name
    if set(written) == {record.main}:
        return {record.name: written[record.main or ""]}
    return {record.name: written}
