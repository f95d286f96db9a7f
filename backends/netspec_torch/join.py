"""Joining by `torch.cat` and `torch.stack`."""

from __future__ import annotations

from netspec.ops.axes import along
from netspec.ops.join import Concat, Stack
from netspec.ops.shape import new_place
from netspec_torch.rule import Lowered, Site, call, lowers


@lowers(Concat)
def concat(op: Concat, at: Site) -> Lowered:
    """`torch.cat` along the axis."""
    return Lowered(call("torch.cat", at.inputs, dim=along(at.types[0], op.axis, op.name)))


@lowers(Stack)
def stack(op: Stack, at: Site) -> Lowered:
    """`torch.stack` along the new axis."""
    return Lowered(call("torch.stack", at.inputs, dim=new_place(at.types[0], op.after, op.name)))
