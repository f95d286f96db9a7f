"""Convolution: windows as a strided view, and one matrix product over them.

The transposed convolution is the same two steps backwards: one matrix product makes what every place gives to its
window, and the windows are added up where they overlap.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from netspec.ops.conv import Conv, ConvTranspose, transposed_geometry
from netspec.ops.window import explicit_padding, spatial
from netspec_numpy.rule import Array, Arrays, Backward, Context, Forward, lowers
from netspec_numpy.window import padded, scatter_windows, windows


@lowers(Conv)
def conv(op: Conv, inputs: Arrays, at: Context) -> Forward:
    """`y[n, o, p] = bias[o] + sum over c, k of weight[o, c, k] * x[n, c, stride * p + dilation * k - padding]`."""
    (x,) = inputs
    stride, dilation, padding = _geometry(op, at)
    weight = at.parameters["weight"]
    view = windows(padded(x, padding), weight.shape[2:], stride, dilation)  # [n, c, *places, *kernel]
    space = x.ndim - 2
    split = _grouped(view, op.groups)
    filters = weight.reshape(op.groups, -1, *weight.shape[1:])
    over_view = [2, *range(3 + space, 3 + 2 * space)]
    over_filters = [2, *range(3, 3 + space)]
    groups = [
        np.tensordot(split[:, g], filters[g], (_less(over_view), _less(over_filters)))
        for g in range(op.groups)
    ]
    y = np.moveaxis(np.concatenate(groups, axis=-1), -1, 1)
    if op.bias:
        y = y + at.parameters["bias"].reshape(-1, *[1] * space)
    return Forward((y,), (x.shape, view))


@conv.backward
def conv_backward(op: Conv, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """The weight meets every window it was laid on; the input gets each window's share back where it came from."""
    shape, view = saved
    (g,) = grads
    stride, dilation, padding = _geometry(op, at)
    weight = at.parameters["weight"]
    space = g.ndim - 2
    places = [0, *range(2, 2 + space)]
    split = _grouped(view, op.groups)
    filters = weight.reshape(op.groups, -1, *weight.shape[1:])
    shares = _grouped(g, op.groups)
    d_weight, d_view = [], []
    for group in range(op.groups):
        d_weight.append(np.tensordot(shares[:, group], split[:, group], (places, places)))
        d_view.append(np.tensordot(shares[:, group], filters[group], ([1], [0])))  # [n, *places, c, *kernel]
    d_windows = np.moveaxis(np.concatenate(d_view, axis=1 + space), 1 + space, 1)
    dx = scatter_windows(d_windows, shape, weight.shape[2:], stride, dilation, padding)
    gradients: dict[str, Array] = {"weight": np.concatenate(d_weight, axis=0)}
    if op.bias:
        gradients["bias"] = g.sum(axis=tuple(places))
    return Backward((dx,), gradients)


@lowers(ConvTranspose)
def conv_transpose(op: ConvTranspose, inputs: Arrays, at: Context) -> Forward:
    """`y[n, o, stride * p + dilation * k - padding] += weight[c, o, k] * x[n, c, p]`, then `bias[o]`."""
    (x,) = inputs
    kernel, stride, padding, extra, dilation = transposed_geometry(op, at.types[0])
    weight = at.parameters["weight"]
    space = x.ndim - 2
    split = _grouped(x, op.groups)
    filters = weight.reshape(op.groups, -1, *weight.shape[1:])
    laid = [
        np.tensordot(split[:, g], filters[g], ([1], [0])) for g in range(op.groups)
    ]  # [n, *p, o, *kernel]
    d_windows = np.moveaxis(np.concatenate(laid, axis=1 + space), 1 + space, 1)
    sizes = [
        (size - 1) * step + gap * (k - 1) + 1 + more - 2 * pad
        for size, step, gap, k, more, pad in zip(
            x.shape[2:], stride, dilation, kernel, extra, padding, strict=True
        )
    ]
    shape = (x.shape[0], op.out_channels, *sizes)
    y = scatter_windows(d_windows, shape, kernel, stride, dilation, tuple((one, one) for one in padding))
    if op.bias:
        y = y + at.parameters["bias"].reshape(-1, *[1] * space)
    return Forward((y,), (x,))


@conv_transpose.backward
def conv_transpose_backward(
    op: ConvTranspose, saved: tuple[Any, ...], grads: Arrays, at: Context
) -> Backward:
    """A convolution of the gradient: every place of x looks at the window that it was laid on."""
    (x,) = saved
    (g,) = grads
    kernel, stride, padding, _, dilation = transposed_geometry(op, at.types[0])
    weight = at.parameters["weight"]
    space = x.ndim - 2
    places = [0, *range(2, 2 + space)]
    view = windows(padded(g, tuple((one, one) for one in padding)), kernel, stride, dilation)
    view = view[(slice(None), slice(None), *(slice(size) for size in x.shape[2:]))]  # none for output_padding
    split = _grouped(view, op.groups)
    filters = weight.reshape(op.groups, -1, *weight.shape[1:])
    given = _grouped(x, op.groups)
    over_view = [1, *range(2 + space, 2 + 2 * space)]
    over_filters = [1, *range(2, 2 + space)]
    dx = [np.tensordot(split[:, i], filters[i], (over_view, over_filters)) for i in range(op.groups)]
    d_weight = [np.tensordot(given[:, i], split[:, i], (places, places)) for i in range(op.groups)]
    gradients: dict[str, Array] = {"weight": np.concatenate(d_weight, axis=0)}
    if op.bias:
        gradients["bias"] = g.sum(axis=tuple(places))
    return Backward((np.moveaxis(np.concatenate(dx, axis=-1), -1, 1),), gradients)


def _grouped(x: Array, groups: int) -> Array:
    """`[n, c, ...]` as `[n, group, c / groups, ...]`, of a batch that may be empty."""
    return x.reshape(x.shape[0], groups, x.shape[1] // groups, *x.shape[2:])


def _less(axes: list[int]) -> list[int]:
    """The same axes after one group was taken out of axis 1."""
    return [axis - 1 for axis in axes]


def _geometry(op: Conv, at: Context) -> tuple[tuple[int, ...], tuple[int, ...], tuple[tuple[int, int], ...]]:
    """Stride, dilation and padding, one entry for each axis of space."""
    (x,) = at.types
    kernel = spatial(op.kernel_size, x, "kernel_size", least=1)
    dilation = spatial(op.dilation, x, "dilation", least=1)
    padding = explicit_padding(op.padding, x, kernel, dilation)
    return spatial(op.stride, x, "stride", least=1), dilation, padding
