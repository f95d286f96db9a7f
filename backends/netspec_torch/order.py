"""Another order by `permute`, `torch.flip` and `torch.roll`."""

from __future__ import annotations

from netspec.ops.order import Flip, Permute, Roll, flipped, permuted, shifts
from netspec_torch.rule import Lowered, Site, call, lowers, method


@lowers(Permute)
def permute(op: Permute, at: Site) -> Lowered:
    """`x.permute`, a view."""
    return Lowered(method(at.inputs[0], "permute", *permuted(op, at.types[0])))


@lowers(Flip)
def flip(op: Flip, at: Site) -> Lowered:
    """`torch.flip`."""
    return Lowered(call("torch.flip", *at.inputs, flipped(op, at.types[0])))


@lowers(Roll)
def roll(op: Roll, at: Site) -> Lowered:
    """`torch.roll`."""
    by = shifts(op, at.types[0])
    return Lowered(call("torch.roll", *at.inputs, tuple(by.values()), tuple(by)))
