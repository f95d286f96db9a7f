"""Pooling: the largest or the mean of strided views of the windows."""

from __future__ import annotations

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
    kernel, stride, padding = _geometry(op, at)
    dilation = spatial(op.dilation, at.types[0], "dilation", least=1)
    view = windows(padded(x, padding, -np.inf), kernel, stride, dilation)
    flat = view.reshape(*view.shape[: x.ndim], -1)  # [n, c, *places, kernel]
    first = flat.argmax(axis=-1)[..., None]
    return Forward((np.take_along_axis(flat, first, axis=-1)[..., 0],), (x.shape, first))


@max_pool.backward
def max_pool_backward(op: MaxPool, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """The whole gradient of a window goes to the first of its largest numbers."""
    shape, first = saved
    (g,) = grads
    kernel, stride, padding = _geometry(op, at)
    dilation = spatial(op.dilation, at.types[0], "dilation", least=1)
    d_flat = np.zeros((*g.shape, int(np.prod(kernel))), dtype=g.dtype)
    np.put_along_axis(d_flat, first, g[..., None], axis=-1)
    d_view = d_flat.reshape(*g.shape, *kernel)
    return Backward((scatter_windows(d_view, shape, kernel, stride, dilation, padding),))


@lowers(AvgPool)
def avg_pool(op: AvgPool, inputs: Arrays, at: Context) -> Forward:
    """`y[p] = sum over k of x[stride * p + k - padding] / count[p]`, where the count is that of the window."""
    (x,) = inputs
    kernel, stride, padding = _geometry(op, at)
    view = windows(padded(x, padding), kernel, stride, (1,) * len(kernel))
    inside = tuple(range(x.ndim, view.ndim))
    count = _count(op, x.shape, kernel, stride, padding).astype(x.dtype)
    return Forward((view.sum(axis=inside) / count,), (x.shape,))


@avg_pool.backward
def avg_pool_backward(op: AvgPool, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """Every place of a window gets its share, one over the count."""
    (shape,) = saved
    (g,) = grads
    kernel, stride, padding = _geometry(op, at)
    share = g / _count(op, shape, kernel, stride, padding).astype(g.dtype)
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


def _geometry(op: MaxPool | AvgPool, at: Context) -> tuple[tuple[int, ...], tuple[int, ...], Pairs]:
    """Kernel, stride, and the padding before and after, one entry for each axis of space."""
    kernel, stride, padding = pool_geometry(op, at.types[0])
    return kernel, stride, tuple((one, one) for one in padding)


def _count(
    op: AvgPool, shape: tuple[int, ...], kernel: tuple[int, ...], stride: tuple[int, ...], padding: Pairs
) -> Array:
    """What a window's sum is divided by: its size, or how many of its places are true ones."""
    if op.count_include_pad:
        return np.asarray(np.prod(kernel))
    true = padded(np.ones((1, 1, *shape[2:])), padding)
    view = windows(true, kernel, stride, (1,) * len(kernel))
    return np.asarray(view.sum(axis=tuple(range(true.ndim, view.ndim))))
