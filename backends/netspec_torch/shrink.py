"""Functions that take small numbers for nothing, by PyTorch's own."""

from __future__ import annotations

from netspec.ops.shrink import Hardshrink, Softshrink, Tanhshrink, Threshold
from netspec_torch.rule import Lowered, Site, call, lowers


@lowers(Threshold)
def threshold(op: Threshold, at: Site) -> Lowered:
    """`F.threshold`."""
    return Lowered(call("F.threshold", *at.inputs, op.threshold, op.value))


@lowers(Hardshrink)
def hardshrink(op: Hardshrink, at: Site) -> Lowered:
    """`F.hardshrink`."""
    return Lowered(call("F.hardshrink", *at.inputs, op.lambd))


@lowers(Softshrink)
def softshrink(op: Softshrink, at: Site) -> Lowered:
    """`F.softshrink`."""
    return Lowered(call("F.softshrink", *at.inputs, op.lambd))


@lowers(Tanhshrink)
def tanhshrink(op: Tanhshrink, at: Site) -> Lowered:
    """`F.tanhshrink`."""
    del op
    return Lowered(call("F.tanhshrink", *at.inputs))
