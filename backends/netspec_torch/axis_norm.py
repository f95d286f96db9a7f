"""Norms over named axes as `nn.LayerNorm` and its kin: axes that are not the last ones are brought there and back."""

from __future__ import annotations

import ast

from netspec.ops.axis_norm import AxisNorm, LayerNorm, RmsNorm
from netspec_torch.rule import Lowered, Site, Value, call, lowers, method


@lowers(LayerNorm)
def layer_norm(op: LayerNorm, at: Site) -> Lowered:
    """`nn.LayerNorm` of the sizes, or `F.layer_norm` where they are known only when it runs."""
    options: dict[str, Value] = {"eps": op.eps} if op.eps != 1e-5 else {}
    if not op.elementwise_affine and _sizes(op, at) is None:
        dim = op.over(at.types[0])
        return Lowered(call("standardised", *at.inputs, dim, **options), support=("standardised",))
    if not op.elementwise_affine:
        options["elementwise_affine"] = False
    elif not op.bias:
        options["bias"] = False
    return Lowered(_moved(op, at), call("nn.LayerNorm", _sizes(op, at), **options))


@lowers(RmsNorm)
def rms_norm(op: RmsNorm, at: Site) -> Lowered:
    """`nn.RMSNorm` of the sizes, or `F.rms_norm` where they are known only when it runs; always with its `eps`."""
    options: dict[str, Value] = {"eps": op.eps}
    if not op.elementwise_affine and _sizes(op, at) is None:
        dim = op.over(at.types[0])
        return Lowered(call("unit_squares", *at.inputs, dim, **options), support=("unit_squares",))
    if not op.elementwise_affine:
        options["elementwise_affine"] = False
    return Lowered(_moved(op, at), call("nn.RMSNorm", _sizes(op, at), **options))


def _sizes(op: AxisNorm, at: Site) -> Value:
    """PyTorch's `normalized_shape`: a number, or a list where there are several; None where one is free."""
    (x,) = at.types
    sizes: list[Value] = [x.sizes[i].value for i in op.over(x)]
    if None in sizes:
        return None
    return sizes[0] if len(sizes) == 1 else sizes


def _moved(op: AxisNorm, at: Site) -> ast.expr:
    """The layer's value, with the axes that are measured in the last places while it works."""
    (x,) = at.types
    over = op.over(x)
    order = (*(i for i in range(x.rank) if i not in over), *over)
    if order == tuple(range(x.rank)):
        return call(at.module, *at.inputs)
    back = [order.index(i) for i in range(x.rank)]
    return method(call(at.module, method(at.inputs[0], "permute", *order)), "permute", *back)
