"""Overlap of regions."""

from __future__ import annotations

from typing import Any

import numpy as np

from netspec.ops.overlap import Dice, DiceLoss, JaccardLoss, Overlap, TverskyLoss, chosen, space_of
from netspec_numpy.loss import back, differentiable, reduced, spread, weighed
from netspec_numpy.rule import Array, Arrays, Backward, Context, Forward, lowers


@lowers(Dice)
def dice(op: Dice, inputs: Arrays, at: Context) -> Forward:
    """Twice the common places over those of both sides, 1 where there is none."""
    scores, target = inputs
    index = _kept(op, at, scores).reshape(-1, *[1] * (scores.ndim - 2))
    space = tuple(range(2, scores.ndim))
    said, true = scores.argmax(axis=1)[:, np.newaxis] == index, target[:, np.newaxis] == index
    common, both = (said & true).sum(axis=space), said.sum(axis=space) + true.sum(axis=space)
    each = np.where(both == 0, 1.0, 2 * common / np.maximum(both, 1)).astype(scores.dtype)
    return Forward((np.asarray(each.mean()) if op.reduction == "mean" else each,))


@dice.backward
def dice_backward(op: Dice, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """It moves by whole places, so it has no gradient."""
    del op, saved, grads, at
    return Backward((None, None))


@lowers(DiceLoss)
def dice_loss(op: DiceLoss, inputs: Arrays, at: Context) -> Forward:
    """`1 - (2 * i + smooth) / (p + t + smooth)`, i the sum of products, p and t those of both sides."""
    return _forward(op, inputs, at)


@dice_loss.backward
def dice_loss_backward(op: DiceLoss, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """`((2 * i + smooth) - 2 * t * (p + t + smooth)) / (p + t + smooth) ** 2`, and the same the other way round."""
    return _backward(op, saved, grads, at)


@lowers(JaccardLoss)
def jaccard_loss(op: JaccardLoss, inputs: Arrays, at: Context) -> Forward:
    """`1 - (i + smooth) / (p + t - i + smooth)`, i the sum of products, p and t those of both sides."""
    return _forward(op, inputs, at)


@jaccard_loss.backward
def jaccard_loss_backward(op: JaccardLoss, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """The quotient rule, with `1 - t` as the slope of the divisor."""
    return _backward(op, saved, grads, at)


@lowers(TverskyLoss)
def tversky_loss(op: TverskyLoss, inputs: Arrays, at: Context) -> Forward:
    """`(1 - (i + smooth) / (i + alpha * f + beta * m + smooth)) ** gamma`, f only said, m only true."""
    return _forward(op, inputs, at)


@tversky_loss.backward
def tversky_loss_backward(op: TverskyLoss, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """The quotient rule, with `gamma * loss ** (gamma - 1)` before it; 0 where nothing is missing."""
    return _backward(op, saved, grads, at)


def _forward(op: Overlap, inputs: Arrays, at: Context) -> Forward:
    """`(1 - (k * i + smooth) / (a * p + b * t + (k - a - b) * i + smooth)) ** exponent`, p and t the sums of sides."""
    p, t = _sides(op, inputs, at)
    space = space_of(at.types[0], at.types[1], op.name)
    k, a, b = op.counts
    common = (p * t).sum(axis=space)
    above = k * common + op.smooth
    below = a * p.sum(axis=space) + b * t.sum(axis=space) + (k - a - b) * common + op.smooth
    with np.errstate(divide="ignore", invalid="ignore"):
        missed = 1 - above / below
    each = missed if op.exponent == 1 else np.maximum(missed, 0) ** op.exponent
    parts = weighed(op, each, inputs, at)
    return Forward((reduced(op, parts),), (p, t, above, below, missed, inputs, parts))


def _backward(op: Overlap, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """The quotient rule to both sides."""
    p, t, above, below, missed, inputs, parts = saved
    space = space_of(at.types[0], at.types[1], op.name)
    each = spread(op, grads[0], parts)
    if op.exponent != 1:
        some = np.where(missed > 0, missed, 1)
        each = each * np.where(missed > 0, op.exponent * some ** (op.exponent - 1), 0)
    each, up, down = (np.expand_dims(one, space) for one in (each, above, below))
    k, a, b = op.counts

    def slope(other: Array, own: float) -> Array:
        return np.asarray(each * (up * (own + (k - a - b) * other) - k * other * down) / down**2)

    dp = np.zeros_like(inputs[0])
    if inputs[1].dtype == np.int64:
        dp[:, _kept(op, at, dp)] = slope(t, a)
    else:
        dp = slope(t, a)
    return Backward(back(op, grads[0], parts, dp, slope(p, b) if differentiable(inputs[1]) else None))


def _kept(op: Dice | Overlap, at: Context, scores: Array) -> Array:
    """The numbers of the classes that count."""
    kept = chosen(at.types[0], op.classes, op.name)
    return np.arange(scores.shape[1]) if kept is None else np.asarray(kept)


def _sides(op: Overlap, inputs: Arrays, at: Context) -> tuple[Array, Array]:
    """Both sides as shares of the same axes: classes become 0 and 1."""
    p, t = inputs[0], inputs[1]
    if t.dtype != np.int64:
        return p, t.astype(p.dtype)
    kept = _kept(op, at, p)
    index = kept.reshape(-1, *[1] * (p.ndim - 2))
    return p[:, kept], (t[:, np.newaxis] == index).astype(p.dtype)
