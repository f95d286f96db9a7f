"""Functions that take small numbers for nothing. Each backward multiplies by the slope that is written there."""

from __future__ import annotations

from typing import Any

import numpy as np

from netspec.ops.shrink import Hardshrink, Softshrink, Tanhshrink, Threshold
from netspec_numpy.rule import Arrays, Backward, Context, Forward, lowers


@lowers(Threshold)
def threshold(op: Threshold, inputs: Arrays, at: Context) -> Forward:
    """`y = x` where x > threshold, else `value`."""
    del at
    (x,) = inputs
    above = x > op.threshold
    return Forward((np.where(above, x, np.asarray(op.value, x.dtype)),), (above,))


@threshold.backward
def threshold_backward(op: Threshold, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """The slope is 1 where x > threshold, else 0."""
    del op, at
    (above,), (g,) = saved, grads
    return Backward((g * above,))


@lowers(Hardshrink)
def hardshrink(op: Hardshrink, inputs: Arrays, at: Context) -> Forward:
    """`y = x` where |x| > lambd, else 0."""
    del at
    (x,) = inputs
    large = abs(x) > op.lambd
    return Forward((x * large,), (large,))


@hardshrink.backward
def hardshrink_backward(op: Hardshrink, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """The slope is 1 where |x| > lambd, else 0."""
    del op, at
    (large,), (g,) = saved, grads
    return Backward((g * large,))


@lowers(Softshrink)
def softshrink(op: Softshrink, inputs: Arrays, at: Context) -> Forward:
    """`y = x - lambd` where x > lambd, `x + lambd` where x < -lambd, else 0."""
    del at
    (x,) = inputs
    large = abs(x) > op.lambd
    return Forward(((x - np.sign(x) * op.lambd) * large,), (large,))


@softshrink.backward
def softshrink_backward(op: Softshrink, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """The slope is 1 where |x| > lambd, else 0."""
    del op, at
    (large,), (g,) = saved, grads
    return Backward((g * large,))


@lowers(Tanhshrink)
def tanhshrink(op: Tanhshrink, inputs: Arrays, at: Context) -> Forward:
    """`y = x - tanh(x)`."""
    del op, at
    (x,) = inputs
    t = np.tanh(x)
    return Forward((x - t,), (t,))


@tanhshrink.backward
def tanhshrink_backward(op: Tanhshrink, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """The slope is tanh(x)^2."""
    del op, at
    (t,), (g,) = saved, grads
    return Backward((g * t * t,))
