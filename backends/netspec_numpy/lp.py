"""Pooling by norms: the mean of powers, times their number, and the root of it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from netspec.ops.lp import GlobalLpPool, LpPool
from netspec.ops.pool import pool_geometry
from netspec_numpy.pool import avg_pool, avg_pool_backward
from netspec_numpy.rule import Array, Arrays, Backward, Context, Forward, lowers


@lowers(LpPool)
def lp_pool(op: LpPool, inputs: Arrays, at: Context) -> Forward:
    """`y[p] = (K * mean over k of |x[stride * p + k]| ** q) ** (1 / q)`, where a whole window has K numbers."""
    (x,) = inputs
    mean = avg_pool.forward(op.average, (abs(x) ** op.norm_type,), at)
    y = (_whole(op, at) * mean.outputs[0]) ** (1 / op.norm_type)
    return Forward((y,), (x, y, mean.saved))


@lp_pool.backward
def lp_pool_backward(op: LpPool, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """`dx = sign(x) * |x| ** (q - 1)` times what windows send, `K / count * g * y ** (1 - q)`; none where y is 0."""
    x, y, mean = saved
    (g,) = grads
    sent = avg_pool_backward(op.average, mean, (_whole(op, at) * _per_power(g, y, op.norm_type),), at).inputs[
        0
    ]
    return Backward((sent * np.sign(x) * abs(x) ** (op.norm_type - 1),))


@lowers(GlobalLpPool)
def global_lp_pool(op: GlobalLpPool, inputs: Arrays, at: Context) -> Forward:
    """`y[n, c] = (sum of |x[n, c]| ** q) ** (1 / q)`."""
    del at
    (x,) = inputs
    y = (abs(x) ** op.norm_type).sum(axis=tuple(range(2, x.ndim))) ** (1 / op.norm_type)
    return Forward((y,), (x, y))


@global_lp_pool.backward
def global_lp_pool_backward(op: GlobalLpPool, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """`dx = g * y ** (1 - q) * sign(x) * |x| ** (q - 1)`, none where y is 0."""
    del at
    x, y = saved
    (g,) = grads
    sent = _per_power(g, y, op.norm_type).reshape(*y.shape, *[1] * (x.ndim - 2))
    return Backward((sent * np.sign(x) * abs(x) ** (op.norm_type - 1),))


def _per_power(g: Array, y: Array, power: float) -> Array:
    """The gradient of a sum of powers over q: `g * y ** (1 - q)`, 0 where y is."""
    nonzero = np.where(y == 0, 1, y)
    return np.where(y == 0, 0, g * nonzero ** (1 - power))


def _whole(op: LpPool, at: Context) -> float:
    """How many numbers a whole window has."""
    return float(math.prod(pool_geometry(op.average, at.types[0])[0]))
