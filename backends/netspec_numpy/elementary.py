"""Elementary functions."""

from __future__ import annotations

from typing import Any

import numpy as np

from netspec.ops.elementary import Abs, Clamp, Exp, Log, Sqrt
from netspec_numpy.elementwise import back, operands
from netspec_numpy.rule import Arrays, Backward, Context, Forward, lowers


@lowers(Abs)
def abs_(op: Abs, inputs: Arrays, at: Context) -> Forward:
    """`y = |x|`."""
    del op
    (x,) = operands(inputs, at)
    return Forward((np.asarray(np.abs(x)),), (x,))


@abs_.backward
def abs_backward(op: Abs, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """The sign, which is 0 at 0."""
    del op, at
    (x,) = saved
    (g,) = grads
    return Backward((back(x, g * np.sign(x)),))


@lowers(Exp)
def exp(op: Exp, inputs: Arrays, at: Context) -> Forward:
    """`y = e ** x`."""
    del op
    (x,) = operands(inputs, at)
    with np.errstate(over="ignore"):
        y = np.asarray(np.exp(x))
    return Forward((y,), (x, y))


@exp.backward
def exp_backward(op: Exp, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """`dy/dx = y`."""
    del op, at
    x, y = saved
    (g,) = grads
    return Backward((back(x, g * y),))


@lowers(Log)
def log(op: Log, inputs: Arrays, at: Context) -> Forward:
    """The natural logarithm."""
    del op
    (x,) = operands(inputs, at)
    with np.errstate(divide="ignore", invalid="ignore"):
        return Forward((np.asarray(np.log(x)),), (x,))


@log.backward
def log_backward(op: Log, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """`dy/dx = 1 / x`."""
    del op, at
    (x,) = saved
    (g,) = grads
    with np.errstate(divide="ignore", invalid="ignore"):
        return Backward((back(x, g / x),))


@lowers(Sqrt)
def sqrt(op: Sqrt, inputs: Arrays, at: Context) -> Forward:
    """`y = x ** 0.5`."""
    del op
    (x,) = operands(inputs, at)
    with np.errstate(invalid="ignore"):
        y = np.asarray(np.sqrt(x))
    return Forward((y,), (x, y))


@sqrt.backward
def sqrt_backward(op: Sqrt, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """`dy/dx = 1 / (2 * y)`."""
    del op, at
    x, y = saved
    (g,) = grads
    with np.errstate(divide="ignore", invalid="ignore"):
        return Backward((back(x, g / (2 * y)),))


@lowers(Clamp)
def clamp(op: Clamp, inputs: Arrays, at: Context) -> Forward:
    """`y = min(max(x, op.min), op.max)`."""
    (x,) = operands(inputs, at)
    return Forward((np.asarray(np.clip(x, op.min, op.max)),), (x,))


@clamp.backward
def clamp_backward(op: Clamp, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """The gradient passes within the limits and on them."""
    del at
    (x,) = saved
    (g,) = grads
    low = -np.inf if op.min is None else op.min
    high = np.inf if op.max is None else op.max
    return Backward((back(x, g * ((x >= low) & (x <= high))),))
