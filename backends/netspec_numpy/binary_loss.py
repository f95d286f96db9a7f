"""Losses of yes and no."""

from __future__ import annotations

from typing import Any

import numpy as np

from netspec.ops.binary_loss import Bce, BceWithLogits, SigmoidFocal
from netspec_numpy.loss import back, differentiable, reduced, spread, weighed
from netspec_numpy.rule import Array, Arrays, Backward, Context, Forward, lowers

LOWEST_LOG = -100.0
SMALLEST_VARIANCE = float(np.float32(1e-12))  # PyTorch keeps it in single precision, whatever the model's


@lowers(Bce)
def bce(op: Bce, inputs: Arrays, at: Context) -> Forward:
    """`-(t * log(p) + (1 - t) * log(1 - p))`, both logarithms at least -100."""
    p, t = inputs[0], inputs[1].astype(inputs[0].dtype)
    with np.errstate(divide="ignore"):
        yes, no = np.maximum(np.log(p), LOWEST_LOG), np.maximum(np.log1p(-p), LOWEST_LOG)
    parts = weighed(op, -(t * yes + (1 - t) * no), inputs, at)
    return Forward((reduced(op, parts),), (p, t, inputs[1], parts))


@bce.backward
def bce_backward(op: Bce, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """`(p - t) / (p * (1 - p))`, the divisor at least 1e-12; to the target `log(1 - p) - log(p)`, not held at all."""
    del at
    p, t, target, parts = saved
    each = spread(op, grads[0], parts)
    dp = each * (p - t) / np.maximum(p * (1 - p), SMALLEST_VARIANCE)
    with np.errstate(divide="ignore"):
        dt = each * (np.log1p(-p) - np.log(p)) if differentiable(target) else None
    return Backward(back(op, grads[0], parts, dp, dt))


@lowers(BceWithLogits)
def bce_with_logits(op: BceWithLogits, inputs: Arrays, at: Context) -> Forward:
    """`(1 - t) * x + (1 + (w - 1) * t) * (log(1 + exp(-|x|)) + max(-x, 0))`, w the weight of the yes."""
    x, t = inputs[0], inputs[1].astype(inputs[0].dtype)
    soft = np.log1p(np.exp(-np.abs(x))) + np.maximum(-x, 0)
    yes = 1 + (_pos_weight(op, x) - 1) * t
    parts = weighed(op, (1 - t) * x + yes * soft, inputs, at)
    return Forward((reduced(op, parts),), (x, t, inputs[1], soft, parts))


@bce_with_logits.backward
def bce_with_logits_backward(
    op: BceWithLogits, saved: tuple[Any, ...], grads: Arrays, at: Context
) -> Backward:
    """`(1 - t) - (1 + (w - 1) * t) * sigmoid(-x)`; to the target `(w - 1) * softplus(-x) - x`."""
    del at
    x, t, target, soft, parts = saved
    each = spread(op, grads[0], parts)
    other = _sigmoid(-x)
    w = _pos_weight(op, x)
    dx = each * ((1 - t) - (1 + (w - 1) * t) * other)
    dt = each * ((w - 1) * soft - x) if differentiable(target) else None
    return Backward(back(op, grads[0], parts, dx, dt))


@lowers(SigmoidFocal)
def sigmoid_focal(op: SigmoidFocal, inputs: Arrays, at: Context) -> Forward:
    """`a * (1 - q) ** gamma * cross_entropy`, with `1 - q = p * (1 - t) + (1 - p) * t`, which loses no digits."""
    x, t = inputs[0], inputs[1].astype(inputs[0].dtype)
    p, other = _sigmoid(x), _sigmoid(-x)
    entropy = (1 - t) * x + np.log1p(np.exp(-np.abs(x))) + np.maximum(-x, 0)
    hard = p * (1 - t) + other * t
    balance = np.ones_like(t) if op.alpha is None else op.alpha * t + (1 - op.alpha) * (1 - t)
    parts = weighed(op, balance * hard**op.gamma * entropy, inputs, at)
    return Forward((reduced(op, parts),), (x, t, inputs[1], p, other, entropy, hard, balance, parts))


@sigmoid_focal.backward
def sigmoid_focal_backward(op: SigmoidFocal, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """The product rule: `d(1 - q) / dx = p * (1 - p) * (1 - 2 * t)` and `d(entropy) / dx = p - t`."""
    del at
    x, t, target, p, other, entropy, hard, balance, parts = saved
    each = spread(op, grads[0], parts)
    some = np.where(hard > 0, hard, 1)
    steep = (
        np.where(hard > 0, op.gamma * some ** (op.gamma - 1), 0) * entropy if op.gamma else np.zeros_like(x)
    )
    dx = balance * (steep * p * other * (1 - 2 * t) + hard**op.gamma * (p * (1 - t) - other * t))
    if not differentiable(target):
        return Backward(back(op, grads[0], parts, each * dx, None))
    dt = balance * (steep * (other - p) - hard**op.gamma * x)
    if op.alpha is not None:
        dt += (2 * op.alpha - 1) * hard**op.gamma * entropy
    return Backward(back(op, grads[0], parts, each * dx, each * dt))


def _sigmoid(x: Array) -> Array:
    """`1 / (1 + exp(-x))`, without an overflow."""
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + small), small / (1 + small))


def _pos_weight(op: BceWithLogits, x: Array) -> Array:
    """The weight of the yes, laid along the first axis after the batch."""
    if isinstance(op.pos_weight, tuple):
        return np.asarray(op.pos_weight, x.dtype).reshape(-1, *[1] * (x.ndim - 2))
    return np.asarray(1.0 if op.pos_weight is None else op.pos_weight, x.dtype)
