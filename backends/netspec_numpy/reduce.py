"""Reductions over axes."""

from __future__ import annotations

from typing import Any

import numpy as np

from netspec.ops.axes import positions
from netspec.ops.reduce import Amax, Amin, Mean, Reduce, Sum
from netspec_numpy.rule import Array, Arrays, Backward, Context, Forward, lowers


@lowers(Mean)
def mean(op: Mean, inputs: Arrays, at: Context) -> Forward:
    """The mean; a mask counts as 0 and 1."""
    (x,) = inputs
    return Forward((np.asarray(x.mean(axis=_axes(op, at))),), (x,))


@mean.backward
def mean_backward(op: Mean, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """Every element gets its part."""
    (x,) = saved
    (g,) = grads
    return Backward((_spread(op, x, g / (x.size / max(g.size, 1)), at),))


@lowers(Sum)
def sum_(op: Sum, inputs: Arrays, at: Context) -> Forward:
    """The sum; a mask counts as 0 and 1."""
    (x,) = inputs
    kind = np.float64 if x.dtype == bool else x.dtype
    return Forward((np.asarray(x.sum(axis=_axes(op, at), dtype=kind)),), (x,))


@sum_.backward
def sum_backward(op: Sum, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """Every element gets the whole gradient."""
    (x,) = saved
    (g,) = grads
    return Backward((_spread(op, x, g, at),))


@lowers(Amax)
def amax(op: Amax, inputs: Arrays, at: Context) -> Forward:
    """The largest."""
    (x,) = inputs
    y = np.asarray(x.max(axis=_axes(op, at)))
    return Forward((y,), (x, y))


@amax.backward
def amax_backward(op: Amax, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """Those that are the largest share the gradient equally."""
    x, y = saved
    (g,) = grads
    return Backward((_among_equals(op, x, y, g, at),))


@lowers(Amin)
def amin(op: Amin, inputs: Arrays, at: Context) -> Forward:
    """The smallest."""
    (x,) = inputs
    y = np.asarray(x.min(axis=_axes(op, at)))
    return Forward((y,), (x, y))


@amin.backward
def amin_backward(op: Amin, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """Those that are the smallest share the gradient equally."""
    x, y = saved
    (g,) = grads
    return Backward((_among_equals(op, x, y, g, at),))


def _axes(op: Reduce, at: Context) -> tuple[int, ...]:
    """The positions of the axes that are taken away."""
    return positions(at.types[0], op.axis, op.name)


def _spread(op: Reduce, x: Array, g: Array, at: Context) -> Array | None:
    """The gradient of a result, laid on every element it was made of; None for masks."""
    if x.dtype == bool:
        return None
    return np.broadcast_to(np.expand_dims(g, _axes(op, at)), x.shape).copy()


def _among_equals(op: Reduce, x: Array, y: Array, g: Array, at: Context) -> Array | None:
    """The gradient of an extreme, shared by all elements that equal it."""
    axes = _axes(op, at)
    best = x == np.expand_dims(y, axes)
    share = _spread(op, x, g, at)
    return None if share is None else share * best / best.sum(axis=axes, keepdims=True, dtype=x.dtype)
