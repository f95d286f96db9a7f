"""Linear layers as `nn.Linear`."""

from __future__ import annotations

from netspec.ops.linear import Linear, features
from netspec_torch.rule import Lowered, Site, Value, call, lowers


@lowers(Linear)
def linear(op: Linear, at: Site) -> Lowered:
    """`nn.Linear`, which works on the last axis."""
    options: dict[str, Value] = {} if op.bias else {"bias": False}
    layer = call("nn.Linear", features(at.types[0]), op.out_features, **options)
    return Lowered(call(at.module, *at.inputs), layer)
