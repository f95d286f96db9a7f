"""Reductions as methods of the tensor."""

from __future__ import annotations

import ast

from netspec.ops.axes import positions
from netspec.ops.reduce import Amax, Amin, Mean, Reduce, Sum
from netspec_torch.rule import Lowered, Site, Value, lowers, method


@lowers(Mean)
def mean(op: Mean, at: Site) -> Lowered:
    """`x.mean(dim=1)`, and `x.mean()` over all."""
    return Lowered(_reduced(op, at, "mean", _counted(at)))


@lowers(Sum)
def sum_(op: Sum, at: Site) -> Lowered:
    """`x.sum(dim=1)`, and `x.sum()` over all."""
    return Lowered(_reduced(op, at, "sum", _counted(at)))


@lowers(Amax)
def amax(op: Amax, at: Site) -> Lowered:
    """`x.amax(dim=1)`, and `x.amax()` over all."""
    return Lowered(_reduced(op, at, "amax", at.inputs[0]))


@lowers(Amin)
def amin(op: Amin, at: Site) -> Lowered:
    """`x.amin(dim=1)`, and `x.amin()` over all."""
    return Lowered(_reduced(op, at, "amin", at.inputs[0]))


def _counted(at: Site) -> ast.expr:
    """The input; a mask as 0 and 1."""
    return method(at.inputs[0], "float") if at.types[0].dtype == "bool" else at.inputs[0]


def _reduced(op: Reduce, at: Site, called: str, x: ast.expr) -> ast.expr:
    """The method, with the positions of the axes unless all are taken away."""
    places = positions(at.types[0], op.axis, op.name)
    if len(places) == at.types[0].rank:
        return method(x, called)
    dims: Value = places[0] if len(places) == 1 else places
    return method(x, called, dim=dims)
