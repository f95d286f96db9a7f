"""Comparisons with Python's operators, and choices."""

from __future__ import annotations

import ast

from netspec.ops.compare import Equal, Greater, GreaterEqual, Less, LessEqual, Maximum, Minimum, Where
from netspec.ops.elementwise import number
from netspec_torch.elementwise import folded, operand, plain
from netspec_torch.rule import Lowered, Site, call, lowers, method


@lowers(Less)
def less(op: Less, at: Site) -> Lowered:
    """`x < y`."""
    del op
    return _compared(at, ast.Lt())


@lowers(LessEqual)
def less_equal(op: LessEqual, at: Site) -> Lowered:
    """`x <= y`."""
    del op
    return _compared(at, ast.LtE())


@lowers(Greater)
def greater(op: Greater, at: Site) -> Lowered:
    """`x > y`."""
    del op
    return _compared(at, ast.Gt())


@lowers(GreaterEqual)
def greater_equal(op: GreaterEqual, at: Site) -> Lowered:
    """`x >= y`."""
    del op
    return _compared(at, ast.GtE())


@lowers(Equal)
def equal(op: Equal, at: Site) -> Lowered:
    """`x == y`."""
    del op
    return _compared(at, ast.Eq())


@lowers(Minimum)
def minimum(op: Minimum, at: Site) -> Lowered:
    """`torch.minimum(x, y)`, with a plain number `x.clamp(max=y)`."""
    del op
    return _extreme(at, "torch.minimum", "max")


@lowers(Maximum)
def maximum(op: Maximum, at: Site) -> Lowered:
    """`torch.maximum(x, y)`, with a plain number `x.clamp(min=y)`."""
    del op
    return _extreme(at, "torch.maximum", "min")


@lowers(Where)
def where(op: Where, at: Site) -> Lowered:
    """`torch.where(condition, x, y)`; a mask in floating numbers is made a condition first."""
    del op
    condition = at.inputs[0] if at.types[0].dtype == "bool" else method(at.inputs[0], "bool")
    return Lowered(call("torch.where", condition, operand(at, 1, whole=False), operand(at, 2, whole=False)))


def _compared(at: Site, operator: ast.cmpop) -> Lowered:
    """`x operator y`."""
    return Lowered(ast.Compare(operand(at, 0), [operator], [operand(at, 1)]))


def _extreme(at: Site, function: str, limit: str) -> Lowered:
    """The function of two tensors, or the limit of one."""
    done = folded(at)
    if done is not None:
        return done
    for i, j in ((0, 1), (1, 0)):
        value = number(at.types[j])
        if value is not None:
            return Lowered(method(at.inputs[i], "clamp", **{limit: plain(value)}))
    return Lowered(call(function, *at.inputs))
