"""The running sum and the running maximum."""

from __future__ import annotations

from typing import Any

import numpy as np

from netspec.ops.axes import along
from netspec.ops.cumulative import Cummax, Cumsum
from netspec_numpy.rule import Arrays, Backward, Context, Forward, lowers


@lowers(Cumsum)
def cumsum(op: Cumsum, inputs: Arrays, at: Context) -> Forward:
    """`y[n] = x[0] + ... + x[n]`."""
    (x,) = inputs
    return Forward((np.cumsum(x, axis=along(at.types[0], op.axis, op.name)),))


@cumsum.backward
def cumsum_backward(op: Cumsum, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """x[k] is in every y[n] with n >= k: the running sum from the other end."""
    del saved
    (g,) = grads
    axis = along(at.types[0], op.axis, op.name)
    return Backward((np.flip(np.cumsum(np.flip(g, axis), axis=axis), axis),))


@lowers(Cummax)
def cummax(op: Cummax, inputs: Arrays, at: Context) -> Forward:
    """`y[n] = max(x[0], ..., x[n])`, and where the last element up to n stands that equals it."""
    (x,) = inputs
    axis = along(at.types[0], op.axis, op.name)
    y = np.maximum.accumulate(x, axis=axis)
    place = np.arange(x.shape[axis]).reshape([-1 if i == axis else 1 for i in range(x.ndim)])
    return Forward((y,), (np.maximum.accumulate(np.where(x == y, place, 0), axis=axis),))


@cummax.backward
def cummax_backward(op: Cummax, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """Each y sends its gradient to the element that made it."""
    (source,) = saved
    (g,) = grads
    axis = along(at.types[0], op.axis, op.name)
    dx = np.zeros_like(g)
    where: list[Any] = list(np.indices(g.shape, sparse=True))
    where[axis] = source
    np.add.at(dx, tuple(where), g)
    return Backward((dx,))
