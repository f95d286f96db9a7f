"""Losses of classes."""

from __future__ import annotations

from typing import Any

import numpy as np

from netspec.ops.class_loss import ClassLoss, CrossEntropy, Focal, Nll
from netspec.ops.classes import are_shares
from netspec_numpy.class_index import weight_of
from netspec_numpy.loss import Weighed, back, reduced, spread, weighed
from netspec_numpy.rule import Array, Arrays, Backward, Context, Forward, lowers


@lowers(CrossEntropy)
def cross_entropy(op: CrossEntropy, inputs: Arrays, at: Context) -> Forward:
    """`log(sum of exp(logits)) - logits[target]`, with the largest logit taken out first; shares weigh all classes."""
    log_p, target = _log_softmax(inputs[0]), inputs[1]
    likelihood = _divergence if are_shares(at.types[1]) else _likelihood
    each, sent = likelihood(op, log_p, target, op.label_smoothing)
    parts = _weighed(op, each, inputs, at)
    return Forward((reduced(op, parts),), (log_p, sent, parts))


@cross_entropy.backward
def cross_entropy_backward(op: CrossEntropy, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """What `nll` sends to each log-probability, less `softmax(logits)` times the sum of that.

    To shares as target each class's `-weight * log_p`, less what is smoothed away.
    """
    log_p, sent, parts = saved
    each = spread(op, grads[0], parts)[:, np.newaxis]
    dx = each * (sent - np.exp(log_p) * sent.sum(axis=1, keepdims=True))
    dt = None
    if are_shares(at.types[1]):
        dt = each * (op.label_smoothing - 1) * _listed(op, log_p) * log_p
    return Backward(back(op, grads[0], parts, dx, dt))


@lowers(Nll)
def nll(op: Nll, inputs: Arrays, at: Context) -> Forward:
    """`-log_probabilities[target]`."""
    each, sent = _likelihood(op, inputs[0], inputs[1], op.label_smoothing)
    parts = _weighed(op, each, inputs, at)
    return Forward((reduced(op, parts),), (sent, parts))


@nll.backward
def nll_backward(op: Nll, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """-1 at the target, with smoothed labels something at every class, times the weight of the class."""
    del at
    sent, parts = saved
    return Backward(back(op, grads[0], parts, spread(op, grads[0], parts)[:, np.newaxis] * sent, None))


@lowers(Focal)
def focal(op: Focal, inputs: Arrays, at: Context) -> Forward:
    """`-(1 - p) ** gamma * log(p)`, p the softmax of the right class."""
    log_p = _log_softmax(inputs[0])
    target = _safe(op, inputs[1])
    own = _picked(log_p, target)
    counts = weight_of(inputs[1], op.weight, op.ignore_index).astype(own.dtype)
    hard = -np.expm1(own)
    parts = _weighed(op, -counts * hard**op.gamma * own, inputs, at)
    return Forward((reduced(op, parts),), (log_p, target, own, hard, counts, parts))


@focal.backward
def focal_backward(op: Focal, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """With q = log(p): `d/dq = gamma * (1 - p) ** (gamma - 1) * p * q - (1 - p) ** gamma`, then as `cross_entropy`."""
    del at
    log_p, target, own, hard, counts, parts = saved
    with np.errstate(divide="ignore", invalid="ignore"):
        steep = op.gamma * hard ** (op.gamma - 1) * np.exp(own) * own if op.gamma else np.zeros_like(own)
    slope = counts * (np.where(own == 0, 0.0, steep) - hard**op.gamma)
    each = (spread(op, grads[0], parts) * slope)[:, np.newaxis]
    return Backward(back(op, grads[0], parts, each * (_one_hot(log_p, target) - np.exp(log_p)), None))


def _log_softmax(logits: Array) -> Array:
    """`logits - log(sum of exp(logits))` over the classes."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))


def _likelihood(op: ClassLoss, log_p: Array, target: Array, smoothing: float) -> tuple[Array, Array]:
    """The weighed value of each element, and its slope to each log-probability."""
    kept = weight_of(target, None, op.ignore_index).astype(log_p.dtype)
    right = _one_hot(log_p, _safe(op, target))
    share = (1 - smoothing) * right + smoothing / log_p.shape[1]
    sent = -share * _listed(op, log_p) * kept[:, np.newaxis]
    return (sent * log_p).sum(axis=1, where=sent != 0), sent


def _divergence(op: ClassLoss, log_p: Array, target: Array, smoothing: float) -> tuple[Array, Array]:
    """As `_likelihood`, of a target that is shares of all classes."""
    sent = -((1 - smoothing) * target + smoothing / log_p.shape[1]) * _listed(op, log_p)
    return (sent * log_p).sum(axis=1, where=sent != 0), sent


def _listed(op: ClassLoss, scores: Array) -> Array:
    """The weights of the classes, laid along their axis; 1 without them."""
    weight = (1.0,) if op.weight is None else op.weight
    return np.asarray(weight, scores.dtype).reshape(-1, *[1] * (scores.ndim - 2))


def _weighed(op: ClassLoss, each: Array, inputs: Arrays, at: Context) -> Weighed:
    """The elements with the weights of their classes in the divisor."""
    if not op.counted(at.types[1]):
        return weighed(op, each, inputs, at)
    counts = weight_of(inputs[1], op.weight, op.ignore_index).astype(each.dtype)
    return weighed(op, each, inputs, at, counts)


def _safe(op: ClassLoss, target: Array) -> Array:
    """The targets, 0 where they are ignored and may name no class."""
    return target if op.ignore_index is None else np.where(target == op.ignore_index, 0, target)


def _picked(scores: Array, target: Array) -> Array:
    """Of scores `[n, class, *space]` the one of the target's class."""
    return np.take_along_axis(scores, target[:, np.newaxis], axis=1)[:, 0]


def _one_hot(scores: Array, target: Array) -> Array:
    """1 at the target's class, 0 elsewhere, in the shape of the scores."""
    out = np.zeros_like(scores)
    np.put_along_axis(out, target[:, np.newaxis], 1.0, axis=1)
    return out
