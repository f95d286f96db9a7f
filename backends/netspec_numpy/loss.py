"""Losses: the value of each element, then the reduction, each with its way back."""

from __future__ import annotations

from typing import Any

import numpy as np

from netspec.ops.loss import L1, Bce, BceWithLogits, CrossEntropy, Crps, Loss, Mse, Nll
from netspec_numpy.distribution import steps
from netspec_numpy.rule import Array, Arrays, Backward, Context, Forward, lowers

LOWEST_LOG = -100.0
SMALLEST_VARIANCE = float(np.float32(1e-12))  # PyTorch keeps it in single precision, whatever the model's


@lowers(Crps)
def crps(op: Crps, inputs: Arrays, at: Context) -> Forward:
    """The mean over the bins of `(cdf[n] - H(n - target)) ** 2`."""
    del at
    cdf, target = inputs
    error = cdf - steps(target, cdf.shape[-1])
    return Forward((reduced(op, (error**2).mean(axis=-1)),), (error,))


@crps.backward
def crps_backward(op: Crps, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """`2 / bins * error`; the step has no gradient."""
    del at
    (error,) = saved
    each = spread(op, grads[0], error.shape[:-1])
    return Backward((each[..., np.newaxis] * (2 / error.shape[-1]) * error, None))


@lowers(Bce)
def bce(op: Bce, inputs: Arrays, at: Context) -> Forward:
    """`-(t * log(p) + (1 - t) * log(1 - p))`, both logarithms at least -100."""
    del at
    p, t = inputs[0], inputs[1].astype(inputs[0].dtype)
    with np.errstate(divide="ignore"):
        yes, no = np.maximum(np.log(p), LOWEST_LOG), np.maximum(np.log1p(-p), LOWEST_LOG)
    return Forward((reduced(op, -(t * yes + (1 - t) * no)),), (p, t, inputs[1]))


@bce.backward
def bce_backward(op: Bce, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """`(p - t) / (p * (1 - p))`, the divisor at least 1e-12; to the target `log(1 - p) - log(p)`, not held at all."""
    del at
    p, t, target = saved
    each = spread(op, grads[0], p.shape)
    dp = each * (p - t) / np.maximum(p * (1 - p), SMALLEST_VARIANCE)
    with np.errstate(divide="ignore"):
        return Backward((dp, each * (np.log1p(-p) - np.log(p)) if _differentiable(target) else None))


@lowers(BceWithLogits)
def bce_with_logits(op: BceWithLogits, inputs: Arrays, at: Context) -> Forward:
    """`max(x, 0) - x * t + log(1 + exp(-|x|))`."""
    del at
    x, t = inputs[0], inputs[1].astype(inputs[0].dtype)
    each = np.maximum(x, 0) - x * t + np.log1p(np.exp(-np.abs(x)))
    return Forward((reduced(op, each),), (x, t, inputs[1]))


@bce_with_logits.backward
def bce_with_logits_backward(
    op: BceWithLogits, saved: tuple[Any, ...], grads: Arrays, at: Context
) -> Backward:
    """`sigmoid(x) - t`; to the target `-x`."""
    del at
    x, t, target = saved
    each = spread(op, grads[0], x.shape)
    small = np.exp(-np.abs(x))  # never overflows
    sigmoid = np.where(x >= 0, 1 / (1 + small), small / (1 + small))
    return Backward((each * (sigmoid - t), -each * x if _differentiable(target) else None))


@lowers(CrossEntropy)
def cross_entropy(op: CrossEntropy, inputs: Arrays, at: Context) -> Forward:
    """`log(sum of exp(logits)) - logits[target]`, with the largest logit taken out first."""
    del at
    logits, target = inputs
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return Forward((reduced(op, -_picked(log_p, target)),), (log_p, target))


@cross_entropy.backward
def cross_entropy_backward(op: CrossEntropy, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """`softmax(logits)`, less 1 at the target."""
    del at
    log_p, target = saved
    each = spread(op, grads[0], target.shape)[:, np.newaxis]
    return Backward((each * (np.exp(log_p) - _one_hot(log_p, target)), None))


@lowers(Nll)
def nll(op: Nll, inputs: Arrays, at: Context) -> Forward:
    """`-log_probabilities[target]`."""
    del at
    log_p, target = inputs
    return Forward((reduced(op, -_picked(log_p, target)),), (log_p, target))


@nll.backward
def nll_backward(op: Nll, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """-1 at the target."""
    del at
    log_p, target = saved
    each = spread(op, grads[0], target.shape)[:, np.newaxis]
    return Backward((-each * _one_hot(log_p, target), None))


@lowers(Mse)
def mse(op: Mse, inputs: Arrays, at: Context) -> Forward:
    """`(prediction - target) ** 2`."""
    del at
    difference = inputs[0] - inputs[1]
    return Forward((reduced(op, difference**2),), (difference,))


@mse.backward
def mse_backward(op: Mse, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """Twice the difference, and its opposite."""
    del at
    (difference,) = saved
    d = 2 * difference * spread(op, grads[0], difference.shape)
    return Backward((d, -d))


@lowers(L1)
def l1(op: L1, inputs: Arrays, at: Context) -> Forward:
    """`|prediction - target|`."""
    del at
    difference = inputs[0] - inputs[1]
    return Forward((reduced(op, np.abs(difference)),), (difference,))


@l1.backward
def l1_backward(op: L1, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """The sign of the difference, 0 where there is none, and its opposite."""
    del at
    (difference,) = saved
    d = np.sign(difference) * spread(op, grads[0], difference.shape)
    return Backward((d, -d))


def reduced(op: Loss, each: Array) -> Array:
    """The values of all elements, reduced as the loss says."""
    if op.reduction == "none":
        return each
    return np.asarray(each.mean() if op.reduction == "mean" else each.sum())


def spread(op: Loss, g: Array, shape: tuple[int, ...]) -> Array:
    """The gradient of each element's value, given that of the reduced one."""
    each = np.broadcast_to(g, shape)
    return each / max(each.size, 1) if op.reduction == "mean" else each


def _picked(scores: Array, target: Array) -> Array:
    """Of scores `[n, class, *space]` the one of the target's class."""
    return np.take_along_axis(scores, target[:, np.newaxis], axis=1)[:, 0]


def _one_hot(scores: Array, target: Array) -> Array:
    """1 at the target's class, 0 elsewhere, in the shape of the scores."""
    out = np.zeros_like(scores)
    np.put_along_axis(out, target[:, np.newaxis], 1.0, axis=1)
    return out


def _differentiable(x: Array) -> bool:
    """Whether gradients flow into it."""
    return bool(np.issubdtype(x.dtype, np.floating))
