"""Blurred pooling: windows as a strided view, weighed by binomial coefficients along each axis."""

from __future__ import annotations

import math
from functools import reduce
from typing import Any

import numpy as np

from netspec.ops.blur import BlurPool, blur_geometry
from netspec_numpy.rule import Array, Arrays, Backward, Context, Forward, lowers
from netspec_numpy.window import padded, scatter_windows, windows


@lowers(BlurPool)
def blur_pool(op: BlurPool, inputs: Arrays, at: Context) -> Forward:
    """`y[p] = sum over k of b[k] * x[stride * p + k - padding]`, b the product of a binomial filter for each axis."""
    (x,) = inputs
    kernel, stride, padding = blur_geometry(op, at.types[0])
    view = windows(padded(x, padding, mode=op.padding_mode), kernel, stride, (1,) * len(kernel))
    inside = tuple(range(x.ndim, view.ndim))
    return Forward(((view * _filter(kernel, x)).sum(axis=inside),), (x.shape,))


@blur_pool.backward
def blur_pool_backward(op: BlurPool, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """Every place of a window gets its weight's share."""
    (shape,) = saved
    (g,) = grads
    kernel, stride, padding = blur_geometry(op, at.types[0])
    d_view = g.reshape(*g.shape, *[1] * len(kernel)) * _filter(kernel, g)
    ones = (1,) * len(kernel)
    return Backward((scatter_windows(d_view, shape, kernel, stride, ones, padding, op.padding_mode),))


def _filter(kernel: tuple[int, ...], like: Array) -> Array:
    """The weights of a window, `[*kernel]`, which sum to one."""
    rows = [np.array([math.comb(size - 1, k) for k in range(size)]) / 2.0 ** (size - 1) for size in kernel]
    return np.asarray(reduce(np.multiply.outer, rows), dtype=like.dtype)
