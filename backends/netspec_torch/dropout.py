"""Dropout as `nn.Dropout` and its kin, which know the module's mode."""

from __future__ import annotations

import ast

from netspec.ops.dropout import AlphaDropout, Dropout, StochasticDepth
from netspec_torch.rule import Lowered, Site, Value, binary, call, lowers, method, subscript


@lowers(Dropout)
def dropout(op: Dropout, at: Site) -> Lowered:
    """`nn.Dropout`, or of whole channels that of the input's rank."""
    of = "" if op.whole is None else f"{at.types[0].rank - 2}d"
    return Lowered(call(at.module, *at.inputs), call(f"nn.Dropout{of}", op.p))


@lowers(AlphaDropout)
def alpha_dropout(op: AlphaDropout, at: Site) -> Lowered:
    """`nn.AlphaDropout`, or of whole channels `nn.FeatureAlphaDropout`."""
    of = "" if op.whole is None else "Feature"
    return Lowered(call(at.module, *at.inputs), call(f"nn.{of}AlphaDropout", op.p))


@lowers(StochasticDepth)
def stochastic_depth(op: StochasticDepth, at: Site) -> Lowered:
    """The input times an `nn.Dropout` of one 1 for each sample; with `p: 0` the input itself."""
    (x,) = at.inputs
    if op.p == 0:
        return Lowered(x)
    count: Value = 1 if op.mode == "batch" else subscript(ast.Attribute(x, "shape", ast.Load()), 0)
    ones = method(x, "new_ones", count, *[1] * (at.types[0].rank - 1))
    return Lowered(binary(x, "*", call(at.module, ones)), call("nn.Dropout", op.p))
