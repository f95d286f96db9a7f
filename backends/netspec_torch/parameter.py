"""A free parameter as an `nn.ParameterDict` of one, so that it hangs at the layer's path like all others."""

from __future__ import annotations

import ast

from netspec.ops.parameter import FreeParameter
from netspec_torch.rule import Lowered, Site, call, lowers


@lowers(FreeParameter)
def parameter(op: FreeParameter, at: Site) -> Lowered:
    """`self.<path>.value`, made as `nn.ParameterDict({"value": torch.zeros(...)})`, which makes it a parameter."""
    shape = tuple(size for _, size in op.shape)
    zeros = call("torch.zeros", *shape) if shape else call("torch.zeros", ())
    layer = call("nn.ParameterDict", ast.Dict([ast.Constant("value")], [zeros]))
    return Lowered(ast.Attribute(at.module, "value", ast.Load()), layer)
