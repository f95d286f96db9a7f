"""Joining by `torch.cat`."""

from __future__ import annotations

from netspec.ops.axes import along
from netspec.ops.join import Concat
from netspec_torch.rule import Lowered, Site, call, lowers


@lowers(Concat)
def concat(op: Concat, at: Site) -> Lowered:
    """`torch.cat` along the axis."""
    return Lowered(call("torch.cat", at.inputs, dim=along(at.types[0], op.axis, op.name)))
