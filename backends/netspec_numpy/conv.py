"""Convolution: windows as a strided view, and one matrix product over them.

The transposed convolution is the same two steps backwards: one matrix product makes what every place gives to its
window, and the windows are added up where they overlap.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from netspec.ops.conv import Conv, ConvTranspose, transposed_geometry
from netspec.ops.sliding import slid_geometry
from netspec_numpy.rule import Array, Arrays, Backward, Context, Forward, lowers
from netspec_numpy.window import columns, from_columns, from_rows, padded, rows_of, scatter_windows, windows


@lowers(Conv)
def conv(op: Conv, inputs: Arrays, at: Context) -> Forward:
    """`y[n, o, p] = bias[o] + sum over c, k of weight[o, c, k] * x[n, c, stride * p + dilation * k - padding]`."""
    (x,) = inputs
    kernel, stride, padding, dilation = slid_geometry(op, at.types[0])
    view = windows(padded(x, padding, mode=op.padding_mode), kernel, stride, dilation)
    weight = at.parameters["weight"]
    used = standardised(weight, op.eps)[0] if op.weight_standardisation else weight
    made = _matrices(used, op.groups) @ columns(view, op.groups)
    y = from_rows(made, x.shape[0], view.shape[2 : x.ndim])
    if op.bias:
        y = y + at.parameters["bias"].reshape(-1, *[1] * len(kernel))
    return Forward((y,), (x.shape, view))


@conv.backward
def conv_backward(op: Conv, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """The weight meets every window it was laid on; the input gets each window's share back where it came from."""
    shape, view = saved
    (g,) = grads
    kernel, stride, padding, dilation = slid_geometry(op, at.types[0])
    weight = at.parameters["weight"]
    shares = rows_of(g, op.groups)
    d_weight = shares @ columns(view, op.groups).swapaxes(1, 2)
    d_used = d_weight.reshape(weight.shape)
    if op.weight_standardisation:
        used, scale = standardised(weight, op.eps)
        d_used, weight = _destandardised(d_used, used, scale), used
    d_columns = _matrices(weight, op.groups).swapaxes(1, 2) @ shares
    d_windows = from_columns(d_columns, shape[1], kernel, shape[0], g.shape[2:])
    dx = scatter_windows(d_windows, shape, kernel, stride, dilation, padding, op.padding_mode)
    gradients: dict[str, Array] = {"weight": d_used}
    if op.bias:
        gradients["bias"] = _over_places(g)
    return Backward((dx,), gradients)


def standardised(weight: Array, eps: float) -> tuple[Array, Array]:
    """Each filter as `(w - mean) / sqrt(var + eps)`, and the factor `1 / sqrt(var + eps)`."""
    over = tuple(range(1, weight.ndim))
    centred = weight - weight.mean(axis=over, keepdims=True)
    scale = 1 / np.sqrt((centred**2).mean(axis=over, keepdims=True) + eps)
    return centred * scale, scale


def _destandardised(d: Array, used: Array, scale: Array) -> Array:
    """The gradient of the weight: `scale * (d - mean(d) - used * mean(d * used))`, means over each filter."""
    over = tuple(range(1, d.ndim))
    along = (d * used).mean(axis=over, keepdims=True)
    return np.asarray(scale * (d - d.mean(axis=over, keepdims=True) - used * along))


@lowers(ConvTranspose)
def conv_transpose(op: ConvTranspose, inputs: Arrays, at: Context) -> Forward:
    """`y[n, o, stride * p + dilation * k - padding] += weight[c, o, k] * x[n, c, p]`, then `bias[o]`."""
    (x,) = inputs
    kernel, stride, padding, extra, dilation = transposed_geometry(op, at.types[0])
    filters = _matrices(at.parameters["weight"], op.groups)  # [group, c / group, o / group * kernel]
    laid = filters.swapaxes(1, 2) @ rows_of(x, op.groups)
    d_windows = from_columns(laid, op.out_channels, kernel, x.shape[0], x.shape[2:])
    sizes = [
        (size - 1) * step + gap * (k - 1) + 1 + more - 2 * pad
        for size, step, gap, k, more, pad in zip(
            x.shape[2:], stride, dilation, kernel, extra, padding, strict=True
        )
    ]
    shape = (x.shape[0], op.out_channels, *sizes)
    y = scatter_windows(d_windows, shape, kernel, stride, dilation, tuple((one, one) for one in padding))
    if op.bias:
        y = y + at.parameters["bias"].reshape(-1, *[1] * len(kernel))
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
    view = windows(padded(g, tuple((one, one) for one in padding)), kernel, stride, dilation)
    view = view[(slice(None), slice(None), *(slice(size) for size in x.shape[2:]))]  # none for output_padding
    seen = columns(view, op.groups)  # [group, o / group * kernel, n * places]
    dx = from_rows(_matrices(weight, op.groups) @ seen, x.shape[0], x.shape[2:])
    d_weight = rows_of(x, op.groups) @ seen.swapaxes(1, 2)
    gradients: dict[str, Array] = {"weight": d_weight.reshape(weight.shape)}
    if op.bias:
        gradients["bias"] = _over_places(g)
    return Backward((dx,), gradients)


def _matrices(weight: Array, groups: int) -> Array:
    """A weight `[o, c, *kernel]` as one matrix a group, `[group, o / group, c * kernel]`."""
    first, *rest = weight.shape
    return weight.reshape(groups, first // groups, math.prod(rest))


def _over_places(g: Array) -> Array:
    """The sum over samples and places, which is what a bias gets."""
    return np.asarray(g.sum(axis=(0, *range(2, g.ndim))))
