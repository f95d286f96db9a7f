"""Convolution as `nn.Conv2d` and its transpose as `nn.ConvTranspose2d`, or those of one or three axes of space."""

from __future__ import annotations

from netspec.ops.conv import Conv, ConvTranspose, transposed_geometry
from netspec.ops.window import channels, spatial
from netspec_torch.rule import Lowered, Site, Value, call, lowers, scalar_or_list


@lowers(Conv)
def conv(op: Conv, at: Site) -> Lowered:
    """The layer of the input's rank, written with only what differs from PyTorch's defaults."""
    (x,) = at.types
    options: dict[str, Value] = {}
    if set(spatial(op.stride, x, "stride", least=1)) != {1}:
        options["stride"] = scalar_or_list(spatial(op.stride, x, "stride", least=1))
    if isinstance(op.padding, str):
        options["padding"] = op.padding
    elif any(spatial(op.padding, x, "padding", least=0)):
        options["padding"] = scalar_or_list(spatial(op.padding, x, "padding", least=0))
    if set(spatial(op.dilation, x, "dilation", least=1)) != {1}:
        options["dilation"] = scalar_or_list(spatial(op.dilation, x, "dilation", least=1))
    if op.groups != 1:
        options["groups"] = op.groups
    if not op.bias:
        options["bias"] = False
    kernel = scalar_or_list(spatial(op.kernel_size, x, "kernel_size", least=1))
    layer = call(f"nn.Conv{x.rank - 2}d", channels(x, op.name), op.out_channels, kernel, **options)
    return Lowered(call(at.module, *at.inputs), layer)


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
