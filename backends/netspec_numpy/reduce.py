"""Reductions over axes, of everything or of what a mask lets through."""

from __future__ import annotations

from typing import Any

import numpy as np

from netspec.ops.axes import positions
from netspec.ops.reduce import Amax, Amin, Mean, Reduce, Sum
from netspec_numpy.laying import laid
from netspec_numpy.rule import Array, Arrays, Backward, Context, Forward, lowers


@lowers(Mean)
def mean(op: Mean, inputs: Arrays, at: Context) -> Forward:
    """The sum over the count, 0 where nothing is counted; a mask counts as 0 and 1."""
    x, seen = inputs[0], _seen(op, inputs, at)
    if seen is None:
        return Forward((np.asarray(x.mean(axis=_axes(op, at))),), (x, None, None))
    axes, kind = _axes(op, at), np.float64 if x.dtype == bool else x.dtype
    count = np.maximum(seen.sum(axis=axes, dtype=kind), 1)
    y = np.asarray(np.where(seen, x, 0).sum(axis=axes, dtype=kind) / count)
    return Forward((y.astype(kind),), (x, seen, count))


@mean.backward
def mean_backward(op: Mean, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """Every element that was counted gets its part."""
    x, seen, count = saved
    (g,) = grads
    share = g / (x.size / max(g.size, 1)) if count is None else g / count
    return _back(at, _spread(op, x, share, at, seen))


@lowers(Sum)
def sum_(op: Sum, inputs: Arrays, at: Context) -> Forward:
    """The sum; a mask counts as 0 and 1."""
    x, seen = inputs[0], _seen(op, inputs, at)
    kind = np.float64 if x.dtype == bool else x.dtype
    shown = x if seen is None else np.where(seen, x, np.zeros((), x.dtype))
    return Forward((np.asarray(shown.sum(axis=_axes(op, at), dtype=kind)),), (x, seen))


@sum_.backward
def sum_backward(op: Sum, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """Every element that was summed gets the whole gradient."""
    x, seen = saved
    (g,) = grads
    return _back(at, _spread(op, x, g, at, seen))


@lowers(Amax)
def amax(op: Amax, inputs: Arrays, at: Context) -> Forward:
    """The largest; 0 where nothing is seen."""
    return _extreme(op, inputs, at, -np.inf, np.max)


@amax.backward
def amax_backward(op: Amax, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """Those that are the largest share the gradient equally."""
    x, shown, y, seen = saved
    (g,) = grads
    return _back(at, _among_equals(op, x, shown, y, g, at, seen))


@lowers(Amin)
def amin(op: Amin, inputs: Arrays, at: Context) -> Forward:
    """The smallest; 0 where nothing is seen."""
    return _extreme(op, inputs, at, np.inf, np.min)


@amin.backward
def amin_backward(op: Amin, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """Those that are the smallest share the gradient equally."""
    x, shown, y, seen = saved
    (g,) = grads
    return _back(at, _among_equals(op, x, shown, y, g, at, seen))


def _axes(op: Reduce, at: Context) -> tuple[int, ...]:
    """The positions of the axes that are taken away."""
    return positions(at.types[0], op.axis, op.name)


def _seen(op: Reduce, inputs: Arrays, at: Context) -> Array | None:
    """For every element whether the mask lets it through; None without a mask."""
    if len(inputs) == 1:
        return None
    mask = laid(inputs[1] != 0, at.types[1], at.types[0], op.name)
    return np.broadcast_to(mask, inputs[0].shape)


def _extreme(op: Reduce, inputs: Arrays, at: Context, hidden: float, best: Any) -> Forward:
    """The forward of `amax` and `amin`: what is hidden counts as worse than anything."""
    x, seen, axes = inputs[0], _seen(op, inputs, at), _axes(op, at)
    shown = x if seen is None else np.where(seen, x, np.asarray(hidden, x.dtype))
    y = np.asarray(best(shown, axis=axes))
    z = y if seen is None else np.where(seen.any(axis=axes), y, np.zeros((), x.dtype))
    return Forward((z,), (x, shown, y, seen))


def _spread(op: Reduce, x: Array, g: Array, at: Context, seen: Array | None) -> Array | None:
    """The gradient of a result, laid on every element it was made of; None for masks."""
    if x.dtype == bool:
        return None
    wide = np.broadcast_to(np.expand_dims(g, _axes(op, at)), x.shape)
    return wide.copy() if seen is None else wide * seen


def _among_equals(
    op: Reduce, x: Array, shown: Array, y: Array, g: Array, at: Context, seen: Array | None
) -> Array | None:
    """The gradient of an extreme, shared by all elements that equal it."""
    axes = _axes(op, at)
    best = shown == np.expand_dims(y, axes)
    share = _spread(op, x, g, at, seen)
    return None if share is None else share * best / best.sum(axis=axes, keepdims=True, dtype=x.dtype)


def _back(at: Context, dx: Array | None) -> Backward:
    """The gradient of the numbers; a mask has none."""
    return Backward((dx, None)[: len(at.types)])
