"""Shifting and stretching with Python's operators."""

from __future__ import annotations

from netspec.ops.scale import Convert, Rescale
from netspec_torch.elementwise import folded, plain
from netspec_torch.rule import Lowered, Site, binary, lowers


@lowers(Rescale)
def rescale(op: Rescale, at: Site) -> Lowered:
    """`(x - mean) / std`, without what changes nothing."""
    mean, std = op.numbers(at.types[0])
    x = at.inputs[0]
    if mean != 0:
        x = binary(x, "-", plain(mean)) if mean > 0 else binary(x, "+", plain(-mean))
    if std != 1:
        x = binary(x, "/", plain(std))
    return folded(at) or Lowered(x)


@lowers(Convert)
def convert(op: Convert, at: Site) -> Lowered:
    """`x * factor`, and x itself where the units are one."""
    by = op.factor(at.types[0])
    return folded(at) or Lowered(at.inputs[0] if by == 1 else binary(at.inputs[0], "*", plain(by)))
