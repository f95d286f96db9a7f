"""Losses of measured numbers."""

from __future__ import annotations

from math import log, pi
from typing import Any

import numpy as np

from netspec.ops.regression_loss import L1, GaussianNll, Huber, Mse, Pinball, PoissonNll, SmoothL1
from netspec_numpy.loss import back, reduced, spread, weighed
from netspec_numpy.rule import Arrays, Backward, Context, Forward, lowers


@lowers(Mse)
def mse(op: Mse, inputs: Arrays, at: Context) -> Forward:
    """`(prediction - target) ** 2`."""
    d = inputs[0] - inputs[1]
    parts = weighed(op, d**2, inputs, at)
    return Forward((reduced(op, parts),), (d, parts))


@mse.backward
def mse_backward(op: Mse, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """Twice the difference, and its opposite."""
    del at
    d, parts = saved
    dx = 2 * d * spread(op, grads[0], parts)
    return Backward(back(op, grads[0], parts, dx, -dx))


@lowers(L1)
def l1(op: L1, inputs: Arrays, at: Context) -> Forward:
    """`|prediction - target|`."""
    d = inputs[0] - inputs[1]
    parts = weighed(op, np.abs(d), inputs, at)
    return Forward((reduced(op, parts),), (d, parts))


@l1.backward
def l1_backward(op: L1, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """The sign of the difference, 0 where there is none, and its opposite."""
    del at
    d, parts = saved
    dx = np.sign(d) * spread(op, grads[0], parts)
    return Backward(back(op, grads[0], parts, dx, -dx))


@lowers(SmoothL1)
def smooth_l1(op: SmoothL1, inputs: Arrays, at: Context) -> Forward:
    """`d ** 2 / (2 * beta)` where |d| < beta, else `|d| - beta / 2`."""
    d = inputs[0] - inputs[1]
    size = np.abs(d)
    each = np.where(size < op.beta, d**2 / (2 * op.beta), size - op.beta / 2)
    parts = weighed(op, each, inputs, at)
    return Forward((reduced(op, parts),), (d, parts))


@smooth_l1.backward
def smooth_l1_backward(op: SmoothL1, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """The difference over beta, at most 1 and at least -1, and its opposite."""
    del at
    d, parts = saved
    dx = np.clip(d / op.beta, -1, 1) * spread(op, grads[0], parts)
    return Backward(back(op, grads[0], parts, dx, -dx))


@lowers(Huber)
def huber(op: Huber, inputs: Arrays, at: Context) -> Forward:
    """`d ** 2 / 2` where |d| <= delta, else `delta * (|d| - delta / 2)`."""
    d = inputs[0] - inputs[1]
    size = np.abs(d)
    each = np.where(size <= op.delta, d**2 / 2, op.delta * (size - op.delta / 2))
    parts = weighed(op, each, inputs, at)
    return Forward((reduced(op, parts),), (d, parts))


@huber.backward
def huber_backward(op: Huber, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """The difference, at most delta and at least -delta, and its opposite."""
    del at
    d, parts = saved
    dx = np.clip(d, -op.delta, op.delta) * spread(op, grads[0], parts)
    return Backward(back(op, grads[0], parts, dx, -dx))


@lowers(Pinball)
def pinball(op: Pinball, inputs: Arrays, at: Context) -> Forward:
    """`max(q * d, (q - 1) * d)` with `d = target - prediction`."""
    d = inputs[1] - inputs[0]
    parts = weighed(op, np.maximum(op.q * d, (op.q - 1) * d), inputs, at)
    return Forward((reduced(op, parts),), (d, parts))


@pinball.backward
def pinball_backward(op: Pinball, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """To the target q above the prediction, q - 1 below it, halfway between where they are equal; and the opposite."""
    del at
    d, parts = saved
    dt = (op.q - (1 - np.sign(d)) / 2) * spread(op, grads[0], parts)
    return Backward(back(op, grads[0], parts, -dt, dt))


@lowers(GaussianNll)
def gaussian_nll(op: GaussianNll, inputs: Arrays, at: Context) -> Forward:
    """`(log(v) + (mu - target) ** 2 / v) / 2`, v the variance held at eps or above."""
    d, v = inputs[0] - inputs[1], np.maximum(inputs[2], op.eps)
    each = (np.log(v) + d**2 / v + (log(2 * pi) if op.full else 0.0)) / 2
    parts = weighed(op, each, inputs, at)
    return Forward((reduced(op, parts),), (d, v, parts))


@gaussian_nll.backward
def gaussian_nll_backward(op: GaussianNll, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """`d / v` to mu, its opposite to the target, and `(1 - d ** 2 / v) / (2 * v)` to the variance, held or not."""
    del at
    d, v, parts = saved
    each = spread(op, grads[0], parts)
    dx = each * d / v
    return Backward(back(op, grads[0], parts, dx, -dx, each * (1 - d**2 / v) / (2 * v)))


@lowers(PoissonNll)
def poisson_nll(op: PoissonNll, inputs: Arrays, at: Context) -> Forward:
    """`exp(x) - target * x`, or `x - target * log(x + eps)` of a rate, and with `full` Stirling's constant."""
    x, t = inputs[0], inputs[1]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        each = np.exp(x) - t * x if op.log_input else x - t * np.log(x + op.eps)
    if op.full:
        many = np.maximum(t, 1)  # the formula is for targets above 1
        each += np.where(t > 1, many * np.log(many) - many + np.log(2 * pi * many) / 2, 0)
    parts = weighed(op, each, inputs, at)
    return Forward((reduced(op, parts),), (x, t, parts))


@poisson_nll.backward
def poisson_nll_backward(op: PoissonNll, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """`exp(x) - target`, or `1 - target / (x + eps)`; to the target the opposite of what it is multiplied by."""
    del at
    x, t, parts = saved
    each = spread(op, grads[0], parts)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        dx = np.exp(x) - t if op.log_input else 1 - t / (x + op.eps)
        dt = -x if op.log_input else -np.log(x + op.eps)
    if op.full:
        many = np.maximum(t, 1)
        dt = dt + np.where(t > 1, np.log(many) + 1 / (2 * many), 0)
    return Backward(back(op, grads[0], parts, each * dx, each * dt))
