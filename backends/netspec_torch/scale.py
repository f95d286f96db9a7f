"""Shifting and stretching with Python's operators, by fixed numbers and by a parameter of its own."""

from __future__ import annotations

import ast

from netspec.ops.axes import along
from netspec.ops.scale import LAYER_SCALE, Convert, LayerScale, Rescale
from netspec_torch.elementwise import folded, plain
from netspec_torch.rule import Lowered, Site, binary, call, lowers


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


@lowers(LayerScale)
def layer_scale(op: LayerScale, at: Site) -> Lowered:
    """`x * self.<path>.weight`, made as `nn.ParameterDict({"weight": torch.full(...)})`, which makes it a parameter."""
    (x,) = at.types
    axis = along(x, op.axis, op.name)
    shape = (x.sizes[axis].value, *[1] * (x.rank - axis - 1))
    start = call("torch.full", shape, LAYER_SCALE)
    layer = call("nn.ParameterDict", ast.Dict([ast.Constant("weight")], [start]))
    return Lowered(binary(at.inputs[0], "*", ast.Attribute(at.module, "weight", ast.Load())), layer)
