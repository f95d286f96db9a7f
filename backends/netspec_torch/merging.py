"""Activations that make one channel of several, by PyTorch's own."""

from __future__ import annotations

from netspec.ops.axes import along
from netspec.ops.merging import Glu, Maxout
from netspec_torch.rule import Lowered, Site, call, lowers, method


@lowers(Glu)
def glu(op: Glu, at: Site) -> Lowered:
    """`F.glu`."""
    return Lowered(call("F.glu", *at.inputs, dim=along(at.types[0], op.axis, op.name)))


@lowers(Maxout)
def maxout(op: Maxout, at: Site) -> Lowered:
    """`x.unflatten(1, (-1, 2)).amax(dim=2)`: what shares the maximum shares the gradient."""
    axis = along(at.types[0], op.axis, op.name)
    size = at.types[0].sizes[axis].value
    cut = method(at.inputs[0], "unflatten", axis, (-1 if size is None else size // op.pieces, op.pieces))
    return Lowered(method(cut, "amax", dim=axis + 1))
