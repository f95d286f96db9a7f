"""The running sum and the running maximum."""

from __future__ import annotations

import ast

from netspec.ops.axes import along
from netspec.ops.cumulative import Cummax, Cumsum
from netspec_torch.rule import Lowered, Site, lowers, method


@lowers(Cumsum)
def cumsum(op: Cumsum, at: Site) -> Lowered:
    """`x.cumsum(dim=1)`."""
    return Lowered(method(at.inputs[0], "cumsum", dim=along(at.types[0], op.axis, op.name)))


@lowers(Cummax)
def cummax(op: Cummax, at: Site) -> Lowered:
    """`x.cummax(dim=1).values`."""
    both = method(at.inputs[0], "cummax", dim=along(at.types[0], op.axis, op.name))
    return Lowered(ast.Attribute(both, "values", ast.Load()))
