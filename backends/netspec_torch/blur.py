"""Blurred pooling by `blur_pool`: a convolution of each channel with a filter that is written out."""

from __future__ import annotations

import ast
from math import comb

from netspec.ops.blur import BlurPool, blur_geometry
from netspec_torch.conv import around
from netspec_torch.rule import Lowered, Site, call, literal, lowers


@lowers(BlurPool)
def blur_pool(op: BlurPool, at: Site) -> Lowered:
    """`blur_pool(F.pad(x, ...), [[1, 2, 1], [1, 2, 1]], stride=(2, 2))`."""
    kernel, stride, padding = blur_geometry(op, at.types[0])
    rows: list[ast.expr] = [literal([comb(size - 1, k) for k in range(size)]) for size in kernel]
    given = around(at.inputs[0], padding, op.padding_mode)
    return Lowered(call("blur_pool", given, [*rows], stride=stride), support=("blur_pool", "constants"))
