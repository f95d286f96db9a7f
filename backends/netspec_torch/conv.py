"""Convolution as `nn.Conv2d` and its transpose as `nn.ConvTranspose2d`, or those of one or three axes of space."""

from __future__ import annotations

import ast

from netspec.ops.conv import Conv, ConvTranspose, transposed_geometry
from netspec.ops.sliding import slid_geometry
from netspec.ops.window import channels
from netspec_torch.rule import Lowered, Site, Value, call, lowers, scalar_or_list


@lowers(Conv)
def conv(op: Conv, at: Site) -> Lowered:
    """The layer of the input's rank, written with only what differs from PyTorch's defaults.

    Its own padding is as wide before as after; any other is laid around the input by `F.pad`.
    """
    (x,) = at.types
    kernel, stride, padding, dilation = slid_geometry(op, x)
    given, options = at.inputs[0], dict[str, Value]()
    if set(stride) != {1}:
        options["stride"] = scalar_or_list(stride)
    if isinstance(op.padding, str):
        options["padding"] = op.padding
    elif any(low != high for low, high in padding):
        given = around(given, padding, op.padding_mode)
    elif any(low for low, _ in padding):
        options["padding"] = scalar_or_list(tuple(low for low, _ in padding))
    if op.padding_mode != "zeros" and "padding" in options:
        options["padding_mode"] = op.padding_mode
    if set(dilation) != {1}:
        options["dilation"] = scalar_or_list(dilation)
    if op.groups != 1:
        options["groups"] = op.groups
    if not op.bias:
        options["bias"] = False
    if op.weight_standardisation:
        return _standardised(op, at)
    layer = call(
        f"nn.Conv{x.rank - 2}d", channels(x, op.name), op.out_channels, scalar_or_list(kernel), **options
    )
    return Lowered(call(at.module, given), layer)


def _standardised(op: Conv, at: Site) -> Lowered:
    """The function of the input's rank, with the weight of a layer that is never called itself.

    `self.conv1` holds the parameters, and starts them as any convolution does.
    """
    (x,) = at.types
    kernel, stride, padding, dilation = slid_geometry(op, x)
    held: dict[str, Value] = {"groups": op.groups} if op.groups != 1 else {}
    options = dict[str, Value]()
    if set(stride) != {1}:
        options["stride"] = scalar_or_list(stride)
    given = at.inputs[0]
    even = op.padding_mode == "zeros" and all(low == high for low, high in padding)
    if not even:
        given = around(given, padding, op.padding_mode)
    elif any(low for low, _ in padding):
        options["padding"] = scalar_or_list(tuple(low for low, _ in padding))
    if set(dilation) != {1}:
        options["dilation"] = scalar_or_list(dilation)
    options |= held
    if not op.bias:
        held["bias"] = False
    layer = call(
        f"nn.Conv{x.rank - 2}d", channels(x, op.name), op.out_channels, scalar_or_list(kernel), **held
    )
    filters = tuple(range(1, x.rank))
    weight = call("standardised", ast.Attribute(at.module, "weight", ast.Load()), filters, op.eps)
    bias: list[ast.expr] = [ast.Attribute(at.module, "bias", ast.Load())] if op.bias else []
    return Lowered(
        call(f"F.conv{x.rank - 2}d", given, weight, *bias, **options), layer, support=("standardised",)
    )


@lowers(ConvTranspose)
def conv_transpose(op: ConvTranspose, at: Site) -> Lowered:
    """The layer of the input's rank, written with only what differs from PyTorch's defaults."""
    (x,) = at.types
    kernel, stride, padding, extra, dilation = transposed_geometry(op, x)
    options: dict[str, Value] = {}
    if set(stride) != {1}:
        options["stride"] = scalar_or_list(stride)
    if any(padding):
        options["padding"] = scalar_or_list(padding)
    if any(extra):
        options["output_padding"] = scalar_or_list(extra)
    if op.groups != 1:
        options["groups"] = op.groups
    if not op.bias:
        options["bias"] = False
    if set(dilation) != {1}:
        options["dilation"] = scalar_or_list(dilation)
    sizes = (channels(x, op.name), op.out_channels, scalar_or_list(kernel))
    return Lowered(call(at.module, *at.inputs), call(f"nn.ConvTranspose{x.rank - 2}d", *sizes, **options))


def around(x: ast.expr, padding: tuple[tuple[int, int], ...], mode: str) -> ast.expr:
    """`F.pad` of the axes of space, which lists the last axis first; the input itself where nothing is added."""
    if not any(low or high for low, high in padding):
        return x
    options: dict[str, Value] = {} if mode == "zeros" else {"mode": mode}
    return call("F.pad", x, tuple(one for pair in reversed(padding) for one in pair), **options)
