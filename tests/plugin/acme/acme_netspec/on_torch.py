"""The lowerings to PyTorch: data from which code is written, and nothing here imports torch."""

from __future__ import annotations

import ast

from netspec_torch.rule import Lowered, Site, call, lowers

from .ops import GemPool


@lowers(GemPool)
def gem_pool(op: GemPool, at: Site) -> Lowered:
    """`gem_pool(x, self.<path>.weight, 3.0, 1e-06)`, the gain in an `nn.ParameterDict`."""
    channels = int(at.types[0].axes[1].size)
    layer = call("nn.ParameterDict", ast.Dict([ast.Constant("weight")], [call("torch.ones", channels)]))
    weight = ast.Attribute(at.module, "weight", ast.Load())
    made = call("gem_pool", *at.inputs, weight, op.p, op.eps)
    return Lowered(made, layer, ("acme_netspec.in_torch:gem_pool",))
