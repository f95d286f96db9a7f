"""What `$` computes: settings and sizes, from constants, parameters and the sizes of axes. Never values."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from netspec.ir.dim import Dim
from netspec.lang.expression import Expression
from netspec.lang.report import Report
from netspec.text import Span, nearest

Constant: TypeAlias = "bool | int | float | str | Dim | tuple[Constant, ...] | None"
Scope: TypeAlias = Mapping[str, Constant]
Sizes: TypeAlias = Callable[[str, str], "Dim | None"]
"""From the name of a value and of an axis to its size; None where there is no such value or axis."""

LARGEST = 2**53
MOST = 10_000
"""Values in a computed list: lists of lists of lists would fill the memory."""

_ARITHMETIC: dict[type[ast.operator], Callable[[object, object], object]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


class Refused(Exception):
    """A part of an expression has no value; the message is already made."""

    def __init__(self, code: str, message: str, node: ast.AST, help: str = "") -> None:
        super().__init__(message)
        self.code, self.message, self.node, self.help = code, message, node, help


class Poisoned(Exception):
    """A part of an expression has no value, and the reason has been reported where it lies."""


class Constants(dict[str, Constant]):
    """Constants by name. `failed` are those whose value could not be read: whoever uses one fails silently.

    `layers` are parameters of a block that stand for layers, which nothing can be computed of; `given` says of the
    others where their values are written.
    """

    def __init__(self) -> None:
        super().__init__()
        self.failed: set[str] = set()
        self.layers: dict[str, object] = {}
        self.given: dict[str, Span] = {}

    def extended(self, more: Mapping[str, Constant]) -> Constants:
        """These constants and `more`, which win."""
        found = Constants()
        found.update(self)
        found.update(more)
        found.failed = self.failed - more.keys()
        found.layers = dict(self.layers)
        found.given = dict(self.given)
        return found


def make_divisible(value: float, divisor: int) -> int:
    """The multiple of `divisor` nearest to `value`, never less than 90 % of it (Sandler et al. 2018, their code)."""
    near = max(divisor, int(value + divisor / 2) // divisor * divisor)
    return near + divisor if near < 0.9 * value else near


FUNCTIONS: dict[str, Callable[..., object]] = {
    "min": min,
    "max": max,
    "sum": sum,
    "len": len,
    "abs": abs,
    "round": round,
    "floor": math.floor,
    "ceil": math.ceil,
    "sqrt": math.sqrt,
    "log2": math.log2,
    "make_divisible": make_divisible,
}
"""What `$` can call, by name."""


def evaluate(expression: Expression, scope: Scope, sizes: Sizes, report: Report) -> tuple[bool, Constant]:
    """The value of a constant expression, as (True, value); (False, None) after an error was reported."""
    try:
        return True, Evaluator(scope, sizes).value(expression.tree)
    except Refused as refused:
        report.error(refused.code, refused.message, expression.span(refused.node), help=refused.help)
    except Poisoned:
        pass
    return False, None


AXES = frozenset({"batch", "channel", "depth", "height", "width", "time", "slice", "bin", "feature"})
"""Words that are hardly constants where there are none of that name."""


class Evaluator:
    """Walks a checked expression tree. Raises Refused where a part has no value."""

    def __init__(self, scope: Scope, sizes: Sizes) -> None:
        self.scope = scope
        self.sizes = sizes

    def value(self, node: ast.expr) -> Constant:
        """The value of one node."""
        if isinstance(node, ast.Constant):
            return _bounded(node.value, node)  # type: ignore[arg-type]  # only numbers, words and truths came through
        visit = getattr(self, f"_{type(node).__name__.lower()}", None)
        if visit is None:
            raise Refused("NS133", "this has no place where a constant is computed", node)
        found: Constant = visit(node)
        return _bounded(found, node)

    def _name(self, node: ast.Name) -> Constant:
        if node.id in ("true", "false"):
            return node.id == "true"
        if node.id in self.scope:
            return self.scope[node.id]
        if isinstance(self.scope, Constants) and node.id in self.scope.failed:
            raise Poisoned
        if isinstance(self.scope, Constants) and node.id in self.scope.layers:
            help = f"`- ${node.id}` stands for it among layers; compare a parameter of the type `word`"
            raise Refused("NS110", f"`{node.id}` stands for layers, and has no value", node, help)
        meant = nearest(node.id, self.scope)
        known = ", ".join(f"`{name}`" for name in sorted(self.scope)[:12]) or "none"
        help = f"did you mean `{meant}`?" if meant else f"constants here: {known}; add yours to `define`"
        if not meant and node.id in AXES:
            help = f"the size of an axis is that of a value: `_.{node.id}` of the one before, `x.{node.id}` of `x`"
        raise Refused("NS110", f"there is no constant `{node.id}`", node, help)

    def _list(self, node: ast.List | ast.Tuple) -> Constant:
        found = tuple(self.value(item) for item in node.elts)
        if _count(found) > MOST:
            raise Refused("NS134", f"a list of more than {MOST:,} values", node)
        return found

    _tuple = _list

    def _attribute(self, node: ast.Attribute) -> Constant:
        if not isinstance(node.value, ast.Name):
            raise Refused("NS133", "a dot asks for the size of an axis of a named value", node)
        size = self.sizes(node.value.id, node.attr)
        if size is None:
            raise Refused(
                "NS111",
                f"`{node.value.id}.{node.attr}`: no such value or axis",
                node,
                "a dot asks for the size of an axis: `_.channel`, `cine.time`",
            )
        return size if size.value is None else size.value

    def _subscript(self, node: ast.Subscript) -> Constant:
        sequence = self.value(node.value)
        if not isinstance(sequence, tuple):
            raise Refused("NS134", "only a list can be indexed", node.value)
        if isinstance(node.slice, ast.Slice):
            part = [None if one is None else self._index(one) for one in (node.slice.lower, node.slice.upper)]
            return sequence[part[0] : part[1]]
        index = self._index(node.slice)
        if not -len(sequence) <= index < len(sequence):
            raise Refused("NS134", f"index {index} in a list of {len(sequence)}", node.slice)
        return sequence[index]

    def _index(self, node: ast.expr) -> int:
        index = self.value(node)
        if isinstance(index, bool) or not isinstance(index, int):
            raise Refused("NS134", "an index is a whole number", node)
        return index

    def _unaryop(self, node: ast.UnaryOp) -> Constant:
        inner = self.value(node.operand)
        if isinstance(node.op, ast.Not):
            return not self._truth(inner, node.operand)
        number = self._number(inner, node.operand)
        return number if isinstance(node.op, ast.UAdd) else number * -1

    def _binop(self, node: ast.BinOp) -> Constant:
        left = self._number(self.value(node.left), node.left)
        right = self._number(self.value(node.right), node.right)
        if isinstance(node.op, ast.Pow):
            return self._power(left, right, node)
        try:
            return _ARITHMETIC[type(node.op)](left, right)  # type: ignore[return-value]
        except ZeroDivisionError:
            raise Refused("NS134", "division by zero", node.right) from None
        except (TypeError, ValueError, OverflowError) as trouble:
            raise Refused("NS134", f"this cannot be computed: {trouble}", node) from None

    def _power(self, left: float | Dim, right: float | Dim, node: ast.BinOp) -> Constant:
        if isinstance(left, Dim) or isinstance(right, Dim) or abs(right) > 64 or abs(left) > LARGEST:
            raise Refused(
                "NS134", "a power of numbers up to 2**53 with an exponent up to 64 is all there is", node
            )
        try:
            found: object = left**right
        except (OverflowError, ZeroDivisionError) as trouble:
            raise Refused("NS134", f"this cannot be computed: {trouble}", node) from None
        if isinstance(found, complex):
            raise Refused("NS134", "a root of a negative number", node)
        return found if isinstance(found, (int, float)) else None

    def _compare(self, node: ast.Compare) -> Constant:
        left = self.value(node.left)
        for how, other in zip(node.ops, node.comparators, strict=True):
            right = self.value(other)
            if not self._holds(left, how, right, node):
                return False
            left = right
        return True

    def _holds(self, left: Constant, how: ast.cmpop, right: Constant, node: ast.Compare) -> bool:
        if isinstance(how, (ast.In, ast.NotIn)):
            if not isinstance(right, tuple):
                raise Refused("NS134", "`in` wants a list on its right", node)
            return (left in right) == isinstance(how, ast.In)
        if isinstance(left, Dim) or isinstance(right, Dim):
            raise Refused(
                "NS135",
                "this depends on a size that is free",
                node,
                "conditions compare constants and sizes that are written as numbers",
            )
        try:
            return bool(_COMPARISONS[type(how)](left, right))
        except TypeError:
            raise Refused("NS134", "these two cannot be compared", node) from None

    def _boolop(self, node: ast.BoolOp) -> Constant:
        stop = isinstance(node.op, ast.Or)
        return next((stop for one in node.values if self._truth(self.value(one), one) == stop), not stop)

    def _ifexp(self, node: ast.IfExp) -> Constant:
        return self.value(node.body if self._truth(self.value(node.test), node.test) else node.orelse)

    def _call(self, node: ast.Call) -> Constant:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        function = FUNCTIONS.get(name)
        if function is None or node.keywords:
            known = ", ".join(f"`{one}`" for one in FUNCTIONS)
            raise Refused(
                "NS112", "constants are computed with few functions", node.func, f"there are {known}"
            )
        arguments = [self.value(one) for one in node.args]
        if any(isinstance(one, Dim) for one in arguments):
            if name in ("min", "max"):
                extreme = Dim.minimum if name == "min" else Dim.maximum
                return extreme(*(one for one in arguments if isinstance(one, (int, Dim))))
            raise Refused("NS135", f"`{name}` of a size that is free", node)
        try:
            return function(*arguments)  # type: ignore[return-value]
        except (TypeError, ValueError, OverflowError, ZeroDivisionError) as trouble:
            raise Refused("NS134", f"`{name}` cannot be computed here: {trouble}", node) from None

    def _truth(self, value: Constant, node: ast.expr) -> bool:
        if not isinstance(value, bool):
            raise Refused("NS134", "a condition is true or false", node, "compare: `stride != 1`")
        return value

    def _number(self, value: Constant, node: ast.expr) -> int | float | Dim:
        if isinstance(value, bool) or not isinstance(value, (int, float, Dim)):
            raise Refused("NS134", "arithmetic wants numbers", node)
        return value


def _count(value: Constant) -> int:
    """How many values a list holds, those of the lists in it counted."""
    return sum(map(_count, value)) if isinstance(value, tuple) else 1


def _bounded(value: Constant, node: ast.expr) -> Constant:
    """`value` if it is no larger than any size or setting can be."""
    too_large = isinstance(value, int) and abs(value) > LARGEST
    if too_large or (isinstance(value, float) and not math.isfinite(value)):
        raise Refused("NS134", "a number too large for anything here", node)
    return value
