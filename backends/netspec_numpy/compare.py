"""Comparisons and choices."""

from __future__ import annotations

from typing import Any

import numpy as np

from netspec.ops.compare import Equal, Greater, GreaterEqual, Less, LessEqual, Maximum, Minimum, Where
from netspec.ops.elementwise import number
from netspec_numpy.elementwise import Operand, back, operands
from netspec_numpy.rule import Array, Arrays, Backward, Context, Forward, lowers


@lowers(Less)
def less(op: Less, inputs: Arrays, at: Context) -> Forward:
    """`x < y`."""
    del op
    x, y = operands(inputs, at)
    return Forward((np.asarray(x < y),))


@less.backward
def less_backward(op: Less, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """A mask has no gradient."""
    del op, saved, grads, at
    return Backward((None, None))


@lowers(LessEqual)
def less_equal(op: LessEqual, inputs: Arrays, at: Context) -> Forward:
    """`x <= y`."""
    del op
    x, y = operands(inputs, at)
    return Forward((np.asarray(x <= y),))


@less_equal.backward
def less_equal_backward(op: LessEqual, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """A mask has no gradient."""
    del op, saved, grads, at
    return Backward((None, None))


@lowers(Greater)
def greater(op: Greater, inputs: Arrays, at: Context) -> Forward:
    """`x > y`."""
    del op
    x, y = operands(inputs, at)
    return Forward((np.asarray(x > y),))


@greater.backward
def greater_backward(op: Greater, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """A mask has no gradient."""
    del op, saved, grads, at
    return Backward((None, None))


@lowers(GreaterEqual)
def greater_equal(op: GreaterEqual, inputs: Arrays, at: Context) -> Forward:
    """`x >= y`."""
    del op
    x, y = operands(inputs, at)
    return Forward((np.asarray(x >= y),))


@greater_equal.backward
def greater_equal_backward(op: GreaterEqual, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """A mask has no gradient."""
    del op, saved, grads, at
    return Backward((None, None))


@lowers(Equal)
def equal(op: Equal, inputs: Arrays, at: Context) -> Forward:
    """`x == y`."""
    del op
    x, y = operands(inputs, at)
    return Forward((np.asarray(x == y),))


@equal.backward
def equal_backward(op: Equal, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """A mask has no gradient."""
    del op, saved, grads, at
    return Backward((None, None))


@lowers(Minimum)
def minimum(op: Minimum, inputs: Arrays, at: Context) -> Forward:
    """The smaller of x and y."""
    del op
    x, y = operands(inputs, at)
    return Forward((np.asarray(np.minimum(x, y)),), (x, y))


@minimum.backward
def minimum_backward(op: Minimum, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """The smaller one takes all; equal ones share, and a tensor takes all from a plain number."""
    del op
    x, y = saved
    (g,) = grads
    return Backward((back(x, _share(g, x < y, x == y, at)), back(y, _share(g, y < x, x == y, at))))


@lowers(Maximum)
def maximum(op: Maximum, inputs: Arrays, at: Context) -> Forward:
    """The larger of x and y."""
    del op
    x, y = operands(inputs, at)
    return Forward((np.asarray(np.maximum(x, y)),), (x, y))


@maximum.backward
def maximum_backward(op: Maximum, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """The larger one takes all; equal ones share, and a tensor takes all from a plain number."""
    del op
    x, y = saved
    (g,) = grads
    return Backward((back(x, _share(g, x > y, x == y, at)), back(y, _share(g, y > x, x == y, at))))


@lowers(Where)
def where(op: Where, inputs: Arrays, at: Context) -> Forward:
    """`z = x` where the condition holds, else `y`."""
    del op
    condition, x, y = operands(inputs, at)
    chosen = np.asarray(condition) != 0
    return Forward((np.where(chosen, x, y),), (condition, chosen, x, y))


@where.backward
def where_backward(op: Where, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """The gradient goes to the chosen one."""
    del op, at
    condition, chosen, x, y = saved
    (g,) = grads
    nothing = back(condition, np.zeros(np.broadcast_shapes(np.shape(condition), g.shape)))
    return Backward((nothing, back(x, np.where(chosen, g, 0.0)), back(y, np.where(chosen, 0.0, g))))


def _share(g: Array, better: Operand, equal: Operand, at: Context) -> Array:
    """What one of two inputs takes of the gradient."""
    tie = 1.0 if any(number(kind) is not None for kind in at.types) else 0.5
    return np.where(better, g, np.where(equal, tie * g, np.zeros_like(g)))
