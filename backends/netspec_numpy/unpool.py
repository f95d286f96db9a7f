"""The way back of a pool: numbers to the places that are named, and gradients from there."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from netspec.ops.unpool import MaxUnpool
from netspec_numpy.rule import Array, Arrays, Backward, Context, Forward, lowers


@lowers(MaxUnpool)
def max_unpool(op: MaxUnpool, inputs: Arrays, at: Context) -> Forward:
    """`y[n, c, where[n, c, p]] = x[n, c, p]`, where the places of space are counted row by row."""
    del op, at
    x, where, like = inputs
    y = np.zeros((*x.shape[:2], math.prod(like.shape[2:])), dtype=x.dtype)
    np.put_along_axis(y, _flat(where), _flat(x), axis=-1)
    return Forward((y.reshape(*x.shape[:2], *like.shape[2:]),), (where,))


@max_unpool.backward
def max_unpool_backward(op: MaxUnpool, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """Each number gets the gradient of its place."""
    del op, at
    (where,) = saved
    (g,) = grads
    dx = np.take_along_axis(_flat(g), _flat(where), axis=-1)
    return Backward((dx.reshape(where.shape), None, None))


def _flat(x: Array) -> Array:
    """All of space as one axis."""
    return x.reshape(*x.shape[:2], math.prod(x.shape[2:]))
