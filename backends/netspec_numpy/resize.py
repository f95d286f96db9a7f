"""Resizing axis by axis: each place of the result is a sum of places of the input with fixed weights.

The weights of one axis are a matrix with a row for every place of the result, `y = M x`; the backward is its transpose.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from netspec.ops.ratio import source
from netspec.ops.resize import Resize, ResizeLike, fractions
from netspec.ops.window import spatial
from netspec_numpy.rule import Array, Arrays, Backward, Context, Forward, lowers

A = -0.75
"""The slope of the cubic's kernel at its neighbours, as PyTorch has it (Keys 1981 calls it a)."""

SMOOTH_A = -0.5
"""The same where the kernel is stretched against aliasing, as in Pillow."""


@lowers(Resize)
def resize(op: Resize, inputs: Arrays, at: Context) -> Forward:
    """`y = M x` along every axis of space, to the size or to the rounded-down fraction of the size."""
    (x,) = inputs
    if op.size is not None:
        return _resized(op, x, spatial(op.size, at.types[0], "size", least=1))
    pairs = zip(x.shape[2:], fractions(op, at.types[0]), strict=True)
    return _resized(op, x, tuple(n * one.numerator // one.denominator for n, one in pairs))


@resize.backward
def resize_backward(op: Resize, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """Every place gets back what it gave, with the same weights."""
    del at
    return Backward((_back(op, saved, grads[0]),))


@lowers(ResizeLike)
def resize_like(op: ResizeLike, inputs: Arrays, at: Context) -> Forward:
    """As `resize`, to the size of `like`; its numbers do not matter."""
    del at
    x, like = inputs
    return _resized(op, x, like.shape[2:])


@resize_like.backward
def resize_like_backward(op: ResizeLike, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """As `resize`; none for `like`."""
    del at
    return Backward((_back(op, saved, grads[0]), None))


def _resized(op: Resize | ResizeLike, x: Array, sizes: tuple[int, ...]) -> Forward:
    """The resized array; the sizes before are seen again."""
    y = x
    for axis, o in enumerate(sizes, start=2):
        n = x.shape[axis]
        if op.mode.startswith("nearest"):
            y = y.take(_nearest(op, n, o), axis=axis)
        elif n != o:
            y = _along(axis, _weights(op, n, o), y)
    return Forward((y,), (x.shape,))


def _back(op: Resize | ResizeLike, saved: tuple[Any, ...], g: Array) -> Array:
    """The gradient of the input."""
    (shape,) = saved
    for axis in range(2, g.ndim):
        n, o = shape[axis], g.shape[axis]
        if op.mode.startswith("nearest"):
            d = np.zeros((*g.shape[:axis], n, *g.shape[axis + 1 :]), dtype=g.dtype)
            there: tuple[Any, ...] = (*[slice(None)] * axis, _nearest(op, n, o))
            np.add.at(d, there, g)
            g = d
        elif n != o:
            g = _along(axis, _weights(op, n, o).T, g)
    return g


def _nearest(op: Resize | ResizeLike, n: int, o: int) -> Array:
    """The one place that each place shows: that of its start, or that of its middle."""
    i = np.arange(o)
    return i * n // o if op.mode == "nearest" else (2 * i + 1) * n // (2 * o)


def _along(axis: int, matrix: Array, x: Array) -> Array:
    """`matrix @ x` along one axis."""
    return np.moveaxis(np.tensordot(x, matrix.astype(x.dtype), ([axis], [1])), -1, axis)


def _weights(op: Resize | ResizeLike, n: int, o: int) -> Array:
    """The matrix `[o, n]` of an axis: row i weighs the neighbours of the place that i falls on; edges go on."""
    if op.antialias:
        return _stretched(op, n, o)
    first, t = np.empty(o, dtype=np.int64), np.empty(o)
    for i in range(o):
        first[i], t[i] = source(op.mode, i, n, o, align_corners=op.align_corners)
    if op.mode == "linear":
        near = {0: 1 - t, 1: t}
    else:
        near = {-1: _far(1 + t), 0: _close(t), 1: _close(1 - t), 2: _far(2 - t)}
    matrix = np.zeros((o, n))
    for step, weight in near.items():
        np.add.at(matrix, (np.arange(o), np.clip(first + step, 0, n - 1)), weight)
    return matrix


def _stretched(op: Resize | ResizeLike, n: int, o: int) -> Array:
    """The same with a kernel that is as wide as what it stands for: every row is brought to a sum of one."""
    i, j = np.arange(o)[:, None], np.arange(n)
    away = abs((2 * j + 1) * o - (2 * i + 1) * n) / (
        2 * max(n, o)
    )  # |j + 1/2 - (i + 1/2) n / o| over the stretch
    if op.mode == "linear":
        weights = np.maximum(1 - away, 0)
    else:
        near, far = _close(away, SMOOTH_A), _far(away, SMOOTH_A)
        weights = np.where(away < 1, near, np.where(away < 2, far, 0))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def _close(t: Array, a: float = A) -> Array:
    """The cubic's weight at a distance up to 1."""
    return ((a + 2) * t - (a + 3)) * t * t + 1


def _far(t: Array, a: float = A) -> Array:
    """The cubic's weight at a distance of 1 to 2."""
    return ((a * t - 5 * a) * t + 8 * a) * t - 4 * a
