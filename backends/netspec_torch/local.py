"""Local connections by `unfold` and one sum of products; PyTorch has no layer of its own for them."""

from __future__ import annotations

import ast
import math

from netspec.ops.local import LocallyConnected
from netspec.ops.sliding import slid_geometry
from netspec.ops.window import channels
from netspec_torch.conv import around
from netspec_torch.rule import Lowered, Site, Value, call, lowers, method


@lowers(LocallyConnected)
def locally_connected(op: LocallyConnected, at: Site) -> Lowered:
    """An `nn.ParameterDict` with `weight` and `bias`, which start as those of a convolution do."""
    (x,), (y,) = at.types, at.outputs
    kernel, stride, padding, dilation = slid_geometry(op, x)
    made = (op.out_channels, *(int(size) for size in y.sizes[2:]))
    window = (channels(x, op.name), *kernel)
    start = 1 / math.sqrt(math.prod(window))
    parameters: dict[str, ast.expr] = {"weight": _drawn((math.prod(made), *window), start)}
    if op.bias:
        parameters["bias"] = _drawn(made, start)
    held = [ast.Attribute(at.module, one, ast.Load()) for one in parameters]
    options: dict[str, Value] = {}
    if set(stride) != {1}:
        options["stride"] = stride
    if set(dilation) != {1}:
        options["dilation"] = dilation
    return Lowered(
        call("locally_connected", around(at.inputs[0], padding, op.padding_mode), *held, **options),
        call(
            "nn.ParameterDict", ast.Dict([ast.Constant(one) for one in parameters], list(parameters.values()))
        ),
        support=("locally_connected",),
    )


def _drawn(shape: tuple[int, ...], bound: float) -> ast.expr:
    """`torch.empty(...).uniform_(-bound, bound)`."""
    return method(call("torch.empty", *shape), "uniform_", -bound, bound)
