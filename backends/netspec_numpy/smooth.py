"""Functions of every number without a corner. Each backward multiplies by the slope that is written there."""

from __future__ import annotations

from math import erfc, pi, sqrt
from typing import Any

import numpy as np

from netspec.ops.smooth import TANH_CUBIC, TANH_SCALE, Gelu, Logsigmoid, Mish, Silu, Softsign
from netspec_numpy.rule import Array, Arrays, Backward, Context, Forward, lowers

_erfc = np.frompyfunc(erfc, 1, 1)  # NumPy has no error function of its own


@lowers(Silu)
def silu(op: Silu, inputs: Arrays, at: Context) -> Forward:
    """`y = x * s` with `s = 1 / (1 + exp(-x))`."""
    del op, at
    (x,) = inputs
    s = _sigmoid(x)
    return Forward((x * s,), (x, s))


@silu.backward
def silu_backward(op: Silu, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """The slope is `s + x * s * (1 - s)`."""
    del op, at
    (x, s), (g,) = saved, grads
    return Backward((g * (s + x * s * (1 - s)),))


@lowers(Gelu)
def gelu(op: Gelu, inputs: Arrays, at: Context) -> Forward:
    """`y = x * Phi(x)` with `Phi(x) = erfc(-x / sqrt(2)) / 2`, or its approximation by a tanh."""
    del at
    (x,) = inputs
    if op.approximate == "tanh":
        share = (1 + np.tanh(TANH_SCALE * (x + TANH_CUBIC * x**3))) / 2
    else:
        share = np.asarray(_erfc(-x / sqrt(2)) / 2).astype(x.dtype)
    return Forward((x * share,), (x, share))


@gelu.backward
def gelu_backward(op: Gelu, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """The slope is `Phi(x) + x * phi(x)`, phi being the slope of Phi."""
    del at
    (x, share), (g,) = saved, grads
    if op.approximate == "tanh":
        density = 2 * share * (1 - share) * TANH_SCALE * (1 + 3 * TANH_CUBIC * x**2)
    else:
        density = np.exp(-(x**2) / 2) / sqrt(2 * pi)
    return Backward((g * (share + x * density),))


@lowers(Mish)
def mish(op: Mish, inputs: Arrays, at: Context) -> Forward:
    """`y = x * t` with `t = tanh(log(1 + exp(x)))`."""
    del op, at
    (x,) = inputs
    t = np.tanh(np.maximum(x, 0) + np.log1p(np.exp(-abs(x))))
    return Forward((x * t,), (x, t))


@mish.backward
def mish_backward(op: Mish, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """The slope is `t + x * (1 - t * t) / (1 + exp(-x))`."""
    del op, at
    (x, t), (g,) = saved, grads
    return Backward((g * (t + x * (1 - t * t) * _sigmoid(x)),))


@lowers(Softsign)
def softsign(op: Softsign, inputs: Arrays, at: Context) -> Forward:
    """`y = x / (1 + |x|)`."""
    del op, at
    (x,) = inputs
    return Forward((x / (1 + abs(x)),), (x,))


@softsign.backward
def softsign_backward(op: Softsign, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """The slope is `1 / (1 + |x|) ** 2`."""
    del op, at
    (x,), (g,) = saved, grads
    return Backward((g / (1 + abs(x)) ** 2,))


@lowers(Logsigmoid)
def logsigmoid(op: Logsigmoid, inputs: Arrays, at: Context) -> Forward:
    """`y = -log(1 + exp(-x))`, as min(x, 0) - log(1 + exp(-|x|))."""
    del op, at
    (x,) = inputs
    return Forward((np.minimum(x, 0) - np.log1p(np.exp(-abs(x))),), (x,))


@logsigmoid.backward
def logsigmoid_backward(op: Logsigmoid, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """The slope is `1 / (1 + exp(x))`."""
    del op, at
    (x,), (g,) = saved, grads
    return Backward((g * _sigmoid(-x),))


def _sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x)), without overflow on either side."""
    small = np.exp(-abs(x))
    return np.asarray(np.where(x >= 0, 1, small) / (1 + small))
