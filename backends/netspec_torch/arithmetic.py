"""Arithmetic with Python's operators."""

from __future__ import annotations

import ast
from functools import reduce

from netspec.ops.arithmetic import Add, Constant, Div, Mul, Neg, Pow, Sub
from netspec_torch.elementwise import folded, operand
from netspec_torch.rule import Lowered, Site, binary, literal, lowers


@lowers(Constant)
def constant(op: Constant, at: Site) -> Lowered:
    """The literal."""
    del at
    return Lowered(literal(op.value))


@lowers(Add)
def add(op: Add, at: Site) -> Lowered:
    """`x1 + x2 + ...`."""
    del op
    return folded(at) or Lowered(_chain(at, "+"))


@lowers(Sub)
def sub(op: Sub, at: Site) -> Lowered:
    """`x - y`."""
    del op
    return folded(at) or Lowered(_chain(at, "-"))


@lowers(Mul)
def mul(op: Mul, at: Site) -> Lowered:
    """`x1 * x2 * ...`."""
    del op
    return folded(at) or Lowered(_chain(at, "*"))


@lowers(Div)
def div(op: Div, at: Site) -> Lowered:
    """`x / y`."""
    del op
    return folded(at) or Lowered(_chain(at, "/"))


@lowers(Pow)
def pow_(op: Pow, at: Site) -> Lowered:
    """`x ** y`."""
    del op
    return folded(at) or Lowered(_chain(at, "**"))


@lowers(Neg)
def neg(op: Neg, at: Site) -> Lowered:
    """`-x`."""
    del op
    return folded(at) or Lowered(ast.UnaryOp(ast.USub(), at.inputs[0]))


def _chain(at: Site, operator: str) -> ast.expr:
    """All inputs with the operator between them, from the left."""
    return reduce(lambda x, y: binary(x, operator, y), (operand(at, i) for i in range(len(at.inputs))))
