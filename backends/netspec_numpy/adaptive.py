"""Pooling to a given size: place i of o looks at the places floor(i n / o) to before ceil((i + 1) n / o) of n."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np

from netspec.ops.adaptive import AdaptiveAvgPool, AdaptiveMaxPool, adaptive_sizes
from netspec_numpy.rule import Array, Arrays, Backward, Context, Forward, lowers


@lowers(AdaptiveAvgPool)
def adaptive_avg_pool(op: AdaptiveAvgPool, inputs: Arrays, at: Context) -> Forward:
    """`y[n, c, p]` is the mean of `x[n, c]` over the window of p."""
    (x,) = inputs
    sizes = _sizes(op, x.shape, at)
    y = np.empty((*x.shape[:2], *sizes), dtype=x.dtype)
    for place, window in _windows(x.shape[2:], sizes):
        y[place] = _flat(x[window]).mean(axis=-1)
    return Forward((y,), (x.shape,))


@adaptive_avg_pool.backward
def adaptive_avg_pool_backward(
    op: AdaptiveAvgPool, saved: tuple[Any, ...], grads: Arrays, at: Context
) -> Backward:
    """Every place of a window gets its share; where windows overlap the shares add up."""
    del op, at
    (shape,) = saved
    (g,) = grads
    dx = np.zeros(shape, dtype=g.dtype)
    for place, window in _windows(shape[2:], g.shape[2:]):
        seen = dx[window]
        seen += (g[place] / float(math.prod(seen.shape[2:]))).reshape(*shape[:2], *[1] * (seen.ndim - 2))
    return Backward((dx,))


@lowers(AdaptiveMaxPool)
def adaptive_max_pool(op: AdaptiveMaxPool, inputs: Arrays, at: Context) -> Forward:
    """`y[n, c, p]` is the largest of `x[n, c]` in the window of p."""
    (x,) = inputs
    sizes = _sizes(op, x.shape, at)
    y = np.empty((*x.shape[:2], *sizes), dtype=x.dtype)
    first = np.empty((*x.shape[:2], *sizes), dtype=np.int64)
    for place, window in _windows(x.shape[2:], sizes):
        flat = _flat(x[window])
        first[place] = flat.argmax(axis=-1)
        y[place] = flat.max(axis=-1)
    return Forward((y,), (x.shape, first))


@adaptive_max_pool.backward
def adaptive_max_pool_backward(
    op: AdaptiveMaxPool, saved: tuple[Any, ...], grads: Arrays, at: Context
) -> Backward:
    """The whole gradient of a window goes to the first of its largest numbers."""
    del op, at
    shape, first = saved
    (g,) = grads
    dx = np.zeros(shape, dtype=g.dtype)
    for place, window in _windows(shape[2:], g.shape[2:]):
        seen = dx[window]
        share = np.zeros((*shape[:2], math.prod(seen.shape[2:])), dtype=g.dtype)
        np.put_along_axis(share, first[place][..., None], g[place][..., None], axis=-1)
        seen += share.reshape(seen.shape)
    return Backward((dx,))


def _flat(seen: Array) -> Array:
    """All places of a window as one axis, of a batch that may be empty."""
    return seen.reshape(*seen.shape[:2], math.prod(seen.shape[2:]))


def _sizes(op: AdaptiveAvgPool | AdaptiveMaxPool, shape: tuple[int, ...], at: Context) -> tuple[int, ...]:
    """The size of each axis of space afterwards."""
    wanted = adaptive_sizes(op, at.types[0])
    return tuple(size if one is None else one for size, one in zip(shape[2:], wanted, strict=True))


def _windows(
    sizes: tuple[int, ...], wanted: tuple[int, ...]
) -> Iterator[tuple[tuple[Any, ...], tuple[Any, ...]]]:
    """The index of every place of the result, and that of the stretches of the input that it looks at."""
    for place in product(*(range(count) for count in wanted)):
        stretches = (
            slice(i * n // o, -(-(i + 1) * n // o)) for i, n, o in zip(place, sizes, wanted, strict=True)
        )
        yield (..., *place), (..., *stretches)
