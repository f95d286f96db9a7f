"""What a lowering is: how one op is written in PyTorch. It is data; nothing here or in the table imports torch."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from netspec.ir.op import Op
from netspec.ir.types import TensorType

OpT = TypeVar("OpT", bound=Op)

Value = ast.expr | int | float | bool | str | None | tuple["Value", ...] | list["Value"]
"""What may stand as an argument in generated code: an expression, or a plain value that becomes a literal."""


@dataclass(frozen=True)
class Site:
    """Where an op is lowered: its input expressions, the expression of its own module, and the types.

    `inputs` are names of locals; `module` is `self.<path>`, to be called by ops that construct one. `frozen` holds what
    is written beside `freeze`.
    """

    inputs: tuple[ast.expr, ...]
    module: ast.expr
    types: tuple[TensorType, ...]
    outputs: tuple[TensorType, ...]
    frozen: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Lowered:
    """How one node is written.

    `call` is the expression of its value (a tuple if there are several outputs). `construct` is the expression that
    `__init__` assigns to the node's path; its parameters and buffers carry the op's local names. `support` names
    functions of `support.py` that the call uses, and `<module>:<function>` such functions of other packages; they are
    copied into the written file.
    """

    call: ast.expr
    construct: ast.expr | None = None
    support: tuple[str, ...] = field(default=())


LowerRule = Callable[[OpT, Site], Lowered]


class Rule(Generic[OpT]):
    """The lowering of one op. Made by `@lowers(Op)` above the function."""

    def __init__(self, lowers: type[OpT], lower: LowerRule[OpT]) -> None:
        self.lowers: type[Op] = lowers
        self.lower = lower
        self.__doc__ = lower.__doc__


def lowers(op: type[OpT]) -> Callable[[LowerRule[OpT]], Rule[OpT]]:
    """Mark a function as the lowering of `op`."""
    return lambda lower: Rule(op, lower)


def literal(value: Value) -> ast.expr:
    """The expression of a value: expressions stay, plain values become literals (inf and nan included)."""
    if isinstance(value, ast.expr):
        return value
    if isinstance(value, tuple):
        return ast.Tuple([literal(one) for one in value], ast.Load())
    if isinstance(value, list):
        return ast.List([literal(one) for one in value], ast.Load())
    if isinstance(value, float) and not math.isfinite(value):
        return call("float", str(value))
    if isinstance(value, (int, float)) and value < 0:
        return ast.UnaryOp(ast.USub(), ast.Constant(-value))
    return ast.Constant(value)


def name(dotted: str) -> ast.expr:
    """A dotted name as an expression; ValueError where a part is no identifier."""
    first, *rest = dotted.split(".")
    if not all(part.isidentifier() for part in (first, *rest)):
        raise ValueError(f"not a dotted name: {dotted!r}")
    expression: ast.expr = ast.Name(first, ast.Load())
    for part in rest:
        expression = ast.Attribute(expression, part, ast.Load())
    return expression


def call(function: str | ast.expr, *arguments: Value, **keywords: Value) -> ast.Call:
    """`function(*arguments, **keywords)`; the function is a dotted name such as `F.relu` or an expression."""
    target = name(function) if isinstance(function, str) else function
    return ast.Call(
        target, [literal(one) for one in arguments], [ast.keyword(k, literal(v)) for k, v in keywords.items()]
    )


def method(value: ast.expr, called: str, *arguments: Value, **keywords: Value) -> ast.Call:
    """`value.called(*arguments, **keywords)`."""
    return call(ast.Attribute(value, called, ast.Load()), *arguments, **keywords)


_OPERATORS: dict[str, ast.operator] = {
    "+": ast.Add(),
    "-": ast.Sub(),
    "*": ast.Mult(),
    "/": ast.Div(),
    "**": ast.Pow(),
}


def binary(left: Value, operator: str, right: Value) -> ast.expr:
    """`left operator right` for + - * / **."""
    return ast.BinOp(literal(left), _OPERATORS[operator], literal(right))


def subscript(value: ast.expr, *index: ast.expr | slice | int | None) -> ast.expr:
    """`value[index]`; slices hold whole numbers or None, and an index of None adds an axis."""
    parts = [_slice(one) if isinstance(one, slice) else literal(one) for one in index]
    return ast.Subscript(value, parts[0] if len(parts) == 1 else ast.Tuple(parts, ast.Load()), ast.Load())


def _slice(part: slice) -> ast.Slice:
    """A slice of whole numbers as an expression."""
    low, high, step = (None if one is None else literal(one) for one in (part.start, part.stop, part.step))
    return ast.Slice(low, high, step)


def scalar_or_list(values: tuple[int, ...]) -> Value:
    """One number where all are equal, as a person writes `kernel_size=3`; else the tuple."""
    return values[0] if len(set(values)) == 1 else values
