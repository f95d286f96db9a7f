"""Pooling: the largest or the mean of strided views of the windows."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from netspec.ops.pool import AvgPool, GlobalAvgPool, GlobalMaxPool, MaxPool, pool_geometry
from netspec.ops.window import spatial
from netspec_numpy.rule import Array, Arrays, Backward, Context, Forward, lowers
from netspec_numpy.window import padded, scatter_windows, windows

Pairs = tuple[tuple[int, int], ...]


@lowers(MaxPool)
def max_pool(op: MaxPool, inputs: Arrays, at: Context) -> Forward:
    """`y[p] = max over k of x[stride * p + dilation * k - padding]`, minus infinity standing in the padding."""
    (x,) = inputs
    dilation = spatial(op.dilation, at.types[0], "dilation", least=1)
    kernel, stride, padding = _geometry(op, at, x.shape, dilation)
    view = windows(padded(x, padding, -np.inf), kernel, stride, dilation)
    flat = view.reshape(*view.shape[: x.ndim], math.prod(kernel))  # [n, c, *places, kernel]
    first = flat.argmax(axis=-1)[..., None]
    y = np.take_along_axis(flat, first, axis=-1)[..., 0]
    if not op.return_indices:
        return Forward((y,), (x.shape, first))
    where = _place_in(x.shape, first[..., 0], kernel, stride, dilation, padding)
    return Forward((y, where), (x.shape, first))


@max_pool.backward
def max_pool_backward(op: MaxPool, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """The whole gradient of a window goes to the first of its largest numbers."""
    shape, first = saved
    g = grads[0]
    dilation = spatial(op.dilation, at.types[0], "dilation", least=1)
    kernel, stride, padding = _geometry(op, at, shape, dilation)
    d_flat = np.zeros((*g.shape, math.prod(kernel)), dtype=g.dtype)
    np.put_along_axis(d_flat, first, g[..., None], axis=-1)
    d_view = d_flat.reshape(*g.shape, *kernel)
    return Backward((scatter_windows(d_view, shape, kernel, stride, dilation, padding),))


def _place_in(
    shape: tuple[int, ...],
    first: Array,
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
    padding: Pairs,
) -> Array:
    """Which place of the input's space, counted row by row, is number `first` of each window."""
    where = np.zeros_like(first)
    for axis, inside in enumerate(np.unravel_index(first, kernel)):
        windows_along = np.arange(first.shape[2 + axis]).reshape(-1, *[1] * (len(kernel) - 1 - axis))
        place = stride[axis] * windows_along + dilation[axis] * inside - padding[axis][0]
        where = where * shape[2 + axis] + place
    return where


@lowers(AvgPool)
def avg_pool(op: AvgPool, inputs: Arrays, at: Context) -> Forward:
    """`y[p] = sum over k of x[stride * p + k - padding] / count[p]`, where the count is that of the window."""
    (x,) = inputs
    kernel, stride, padding = _geometry(op, at, x.shape)
    view = windows(padded(x, padding), kernel, stride, (1,) * len(kernel))
    inside = tuple(range(x.ndim, view.ndim))
    count = _count(op, at, x.shape).astype(x.dtype)
    return Forward((view.sum(axis=inside) / count,), (x.shape,))


@avg_pool.backward
def avg_pool_backward(op: AvgPool, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """Every place of a window gets its share, one over the count."""
    (shape,) = saved
    (g,) = grads
    kernel, stride, padding = _geometry(op, at, shape)
    share = g / _count(op, at, shape).astype(g.dtype)
    d_view = np.broadcast_to(share.reshape(*g.shape, *[1] * len(kernel)), (*g.shape, *kernel))
    return Backward((scatter_windows(d_view, shape, kernel, stride, (1,) * len(kernel), padding),))


@lowers(GlobalAvgPool)
def global_avg_pool(op: GlobalAvgPool, inputs: Arrays, at: Context) -> Forward:
    """`y[n, c]` is the mean of `x[n, c]`."""
    del op, at
    (x,) = inputs
    return Forward((x.mean(axis=tuple(range(2, x.ndim))),), (x.shape,))


@global_avg_pool.backward
def global_avg_pool_backward(
    op: GlobalAvgPool, saved: tuple[Any, ...], grads: Arrays, at: Context
) -> Backward:
    """Every place gets the same share."""
    del op, at
    (shape,) = saved
    (g,) = grads
    share = g / float(np.prod(shape[2:]))
    return Backward((np.broadcast_to(_spread(share, shape), shape),))


@lowers(GlobalMaxPool)
def global_max_pool(op: GlobalMaxPool, inputs: Arrays, at: Context) -> Forward:
    """`y[n, c]` is the largest of `x[n, c]`."""
    del op, at
    (x,) = inputs
    y = x.max(axis=tuple(range(2, x.ndim)))
    return Forward((y,), (x == _spread(y, x.shape),))


@global_max_pool.backward
def global_max_pool_backward(
    op: GlobalMaxPool, saved: tuple[Any, ...], grads: Arrays, at: Context
) -> Backward:
    """The largest numbers share the gradient equally."""
    del op, at
    (largest,) = saved
    (g,) = grads
    share = g / largest.sum(axis=tuple(range(2, largest.ndim)), dtype=g.dtype)
    return Backward((largest * _spread(share, largest.shape),))


def _spread(y: Array, shape: tuple[int, ...]) -> Array:
    """`[n, c]` with an axis of size 1 for every axis of space."""
    return y.reshape(*y.shape, *[1] * (len(shape) - 2))


def _geometry(
    op: MaxPool | AvgPool, at: Context, shape: tuple[int, ...], dilation: tuple[int, ...] | None = None
) -> tuple[tuple[int, ...], tuple[int, ...], Pairs]:
    """Kernel, stride, and the padding before and after each axis of space, a last window's overhang included."""
    kernel, stride, padding = pool_geometry(op, at.types[0])
    if not op.ceil_mode:
        return kernel, stride, tuple((one, one) for one in padding)
    pairs = []
    for size, k, step, pad, gap in zip(
        shape[2:], kernel, stride, padding, dilation or (1,) * len(kernel), strict=True
    ):
        extent = gap * (k - 1) + 1
        up = -((extent - size - 2 * pad) // step) + 1  # the windows, counted up
        places = min(up, -(-(size + pad) // step))  # none begins behind the input
        pairs.append((pad, max((places - 1) * step + extent - size - pad, pad)))
    return kernel, stride, tuple(pairs)


def _count(op: AvgPool, at: Context, shape: tuple[int, ...]) -> Array:
    """What a window's sum is divided by: how many of its places are true ones, or padding that counts."""
    kernel, stride, padding = _geometry(op, at, shape)
    if op.divisor_override is not None:
        return np.asarray(op.divisor_override)
    if op.count_include_pad and not op.ceil_mode:
        return np.asarray(np.prod(kernel))
    counted = pool_geometry(op, at.types[0])[2] if op.count_include_pad else (0,) * len(kernel)
    ones = padded(np.ones((1, 1, *shape[2:])), tuple((pad, pad) for pad in counted), 1.0)
    rest = tuple((low - pad, high - pad) for (low, high), pad in zip(padding, counted, strict=True))
    view = windows(padded(ones, rest), kernel, stride, (1,) * len(kernel))
    return np.asarray(view.sum(axis=tuple(range(ones.ndim, view.ndim))))
