"""Functions of every number made of pieces. Each backward multiplies by the slope that is written there."""

from __future__ import annotations

from typing import Any

import numpy as np

from netspec.ops.rectifier import (
    SELU_ALPHA,
    SELU_SCALE,
    Celu,
    Elu,
    Hardsigmoid,
    Hardswish,
    Hardtanh,
    Prelu,
    Relu6,
    Rrelu,
    Selu,
)
from netspec_numpy.rule import Array, Arrays, Backward, Context, Forward, lowers


@lowers(Relu6)
def relu6(op: Relu6, inputs: Arrays, at: Context) -> Forward:
    """`y = min(max(x, 0), 6)`."""
    del op, at
    (x,) = inputs
    return Forward((np.minimum(np.maximum(x, 0), 6),), (x,))


@relu6.backward
def relu6_backward(op: Relu6, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """The slope is 1 between 0 and 6, else 0."""
    del op, at
    (x,), (g,) = saved, grads
    return Backward((g * ((x > 0) & (x < 6)),))


@lowers(Hardtanh)
def hardtanh(op: Hardtanh, inputs: Arrays, at: Context) -> Forward:
    """`y = min(max(x, min_val), max_val)`."""
    del at
    (x,) = inputs
    return Forward((np.minimum(np.maximum(x, op.min_val), op.max_val),), (x,))


@hardtanh.backward
def hardtanh_backward(op: Hardtanh, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """The slope is 1 between the limits, else 0."""
    del at
    (x,), (g,) = saved, grads
    return Backward((g * ((x > op.min_val) & (x < op.max_val)),))


@lowers(Hardsigmoid)
def hardsigmoid(op: Hardsigmoid, inputs: Arrays, at: Context) -> Forward:
    """`y = min(max(x + 3, 0), 6) / 6`."""
    del op, at
    (x,) = inputs
    return Forward((np.minimum(np.maximum(x + 3, 0), 6) / 6,), (x,))


@hardsigmoid.backward
def hardsigmoid_backward(op: Hardsigmoid, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """The slope is 1/6 between -3 and 3, else 0."""
    del op, at
    (x,), (g,) = saved, grads
    return Backward((g * ((x > -3) & (x < 3)) / 6,))


@lowers(Hardswish)
def hardswish(op: Hardswish, inputs: Arrays, at: Context) -> Forward:
    """`y = x * min(max(x + 3, 0), 6) / 6`."""
    del op, at
    (x,) = inputs
    return Forward((x * np.minimum(np.maximum(x + 3, 0), 6) / 6,), (x,))


@hardswish.backward
def hardswish_backward(op: Hardswish, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """The slope is 0 up to -3, 1 from 3 on, and `x / 3 + 1/2` between."""
    del op, at
    (x,), (g,) = saved, grads
    return Backward((g * np.where(x <= -3, 0, np.where(x >= 3, 1, x / 3 + 0.5)),))


@lowers(Elu)
def elu(op: Elu, inputs: Arrays, at: Context) -> Forward:
    """`y = x` where x > 0, else `alpha * (exp(x) - 1)`."""
    del at
    (x,) = inputs
    return Forward((_exponential(x, 1.0, op.alpha, 1.0),), (x,))


@elu.backward
def elu_backward(op: Elu, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """The slope is 1 where x > 0, else `alpha * exp(x)`."""
    del at
    (x,), (g,) = saved, grads
    return Backward((g * _slope(x, 1.0, op.alpha, 1.0),))


@lowers(Celu)
def celu(op: Celu, inputs: Arrays, at: Context) -> Forward:
    """`y = x` where x > 0, else `alpha * (exp(x / alpha) - 1)`."""
    del at
    (x,) = inputs
    return Forward((_exponential(x, 1.0, op.alpha, op.alpha),), (x,))


@celu.backward
def celu_backward(op: Celu, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """The slope is 1 where x > 0, else `exp(x / alpha)`."""
    del at
    (x,), (g,) = saved, grads
    return Backward((g * _slope(x, 1.0, op.alpha, op.alpha),))


@lowers(Selu)
def selu(op: Selu, inputs: Arrays, at: Context) -> Forward:
    """`y = scale * x` where x > 0, else `scale * alpha * (exp(x) - 1)`."""
    del op, at
    (x,) = inputs
    return Forward((_exponential(x, SELU_SCALE, SELU_SCALE * SELU_ALPHA, 1.0),), (x,))


@selu.backward
def selu_backward(op: Selu, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """The slope is scale where x > 0, else `scale * alpha * exp(x)`."""
    del op, at
    (x,), (g,) = saved, grads
    return Backward((g * _slope(x, SELU_SCALE, SELU_SCALE * SELU_ALPHA, 1.0),))


@lowers(Prelu)
def prelu(op: Prelu, inputs: Arrays, at: Context) -> Forward:
    """`y = x` where x > 0, else `weight * x`."""
    (x,) = inputs
    return Forward((np.where(x > 0, x, _laid(op, at, x) * x),), (x,))


@prelu.backward
def prelu_backward(op: Prelu, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """The slope is 1 where x > 0, else the weight; the weight meets every number that is not positive."""
    (x,), (g,) = saved, grads
    met = np.where(x > 0, 0, g * x)
    d_weight = met.sum().reshape(1) if op.per == "layer" else met.sum(axis=(0, *range(2, x.ndim)))
    return Backward((np.where(x > 0, g, _laid(op, at, x) * g),), {"weight": d_weight})


@lowers(Rrelu)
def rrelu(op: Rrelu, inputs: Arrays, at: Context) -> Forward:
    """`y = x` where x > 0, else `slope * x` with the slope that was drawn for it, in evaluation with their mean."""
    (x,) = inputs
    slope = at.noise["slope"] if at.mode == "train" and at.noise else (op.lower + op.upper) / 2
    each = np.where(x > 0, np.ones((), x.dtype), np.asarray(slope, x.dtype))
    return Forward((x * each,), (each,))


@rrelu.backward
def rrelu_backward(op: Rrelu, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """The slope is 1 where x > 0, else the one that was drawn."""
    del op, at
    (each,), (g,) = saved, grads
    return Backward((g * each,))


def _laid(op: Prelu, at: Context, x: Array) -> Array:
    """The weight, along the channels where each has its own."""
    weight = at.parameters["weight"]
    return weight.reshape(-1, *[1] * (x.ndim - 2)) if op.per == "channel" else weight.reshape(())


def _exponential(x: Array, up: float, down: float, width: float) -> Array:
    """`up * x` where x > 0, else `down * (exp(x / width) - 1)`."""
    return np.where(x > 0, up * x, down * np.expm1(np.minimum(x, 0) / width))


def _slope(x: Array, up: float, down: float, width: float) -> Array:
    """The slope of `_exponential`; at 0 that of the side below."""
    return np.where(x > 0, up, down / width * np.exp(np.minimum(x, 0) / width))
