"""Reductions as methods of the tensor; with a mask by functions of our own."""

from __future__ import annotations

import ast

from netspec.ops.axes import positions
from netspec.ops.reduce import Amax, Amin, Mean, Reduce, Sum
from netspec_torch.laying import laid
from netspec_torch.rule import Lowered, Site, Value, call, literal, lowers, method


@lowers(Mean)
def mean(op: Mean, at: Site) -> Lowered:
    """`x.mean(dim=1)`, `x.mean()` over all, and `masked_mean(x, where, 1)`."""
    if len(at.inputs) == 1:
        return Lowered(_reduced(op, at, "mean", _counted(at)))
    return Lowered(call("masked_mean", _counted(at), _where(op, at), _dim(op, at)), support=("masked_mean",))


@lowers(Sum)
def sum_(op: Sum, at: Site) -> Lowered:
    """`x.sum(dim=1)`, `x.sum()` over all, of `torch.where(where, x, 0.0)` with a mask."""
    x = _counted(at)
    if len(at.inputs) > 1:
        x = call("torch.where", _where(op, at), x, literal(0.0))
    return Lowered(_reduced(op, at, "sum", x))


@lowers(Amax)
def amax(op: Amax, at: Site) -> Lowered:
    """`x.amax(dim=1)`, `x.amax()` over all, and `masked_amax(x, where, 1)`."""
    if len(at.inputs) == 1:
        return Lowered(_reduced(op, at, "amax", at.inputs[0]))
    return Lowered(call("masked_amax", at.inputs[0], _where(op, at), _dim(op, at)), support=("masked_amax",))


@lowers(Amin)
def amin(op: Amin, at: Site) -> Lowered:
    """`x.amin(dim=1)`, `x.amin()` over all, and `-masked_amax(-x, where, 1)`."""
    if len(at.inputs) == 1:
        return Lowered(_reduced(op, at, "amin", at.inputs[0]))
    turned = ast.UnaryOp(ast.USub(), at.inputs[0])
    most = call("masked_amax", turned, _where(op, at), _dim(op, at))
    return Lowered(ast.UnaryOp(ast.USub(), most), support=("masked_amax",))


def _counted(at: Site) -> ast.expr:
    """The input; a mask as 0 and 1."""
    return method(at.inputs[0], "float") if at.types[0].dtype == "bool" else at.inputs[0]


def _where(op: Reduce, at: Site) -> ast.expr:
    """The mask with the axes of the input, as a condition."""
    mask = laid(at.inputs[1], at.types[1], at.types[0], op.name)
    return mask if at.types[1].dtype == "bool" else method(mask, "bool")


def _dim(op: Reduce, at: Site) -> Value:
    """The positions of the axes that are taken away: a number, or several."""
    places = positions(at.types[0], op.axis, op.name)
    return places[0] if len(places) == 1 else places


def _reduced(op: Reduce, at: Site, called: str, x: ast.expr) -> ast.expr:
    """The method, with the positions of the axes unless all are taken away; nothing where none is."""
    places = positions(at.types[0], op.axis, op.name)
    if not places:
        return x
    if len(places) == at.types[0].rank:
        return method(x, called)
    return method(x, called, dim=_dim(op, at))
