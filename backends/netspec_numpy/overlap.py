"""Overlap of regions."""

from __future__ import annotations

from typing import Any

import numpy as np

from netspec.ops.overlap import Dice, DiceLoss, JaccardLoss, Overlap, chosen, space_of
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
    return _forward(op, inputs, at, 2.0)


@dice_loss.backward
def dice_loss_backward(op: DiceLoss, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """`((2 * i + smooth) - 2 * t * (p + t + smooth)) / (p + t + smooth) ** 2`, and the same the other way round."""
    return _backward(op, saved, grads, at, 2.0)


@lowers(JaccardLoss)
def jaccard_loss(op: JaccardLoss, inputs: Arrays, at: Context) -> Forward:
    """`1 - (i + smooth) / (p + t - i + smooth)`, i the sum of products, p and t those of both sides."""
    return _forward(op, inputs, at, 1.0)


@jaccard_loss.backward
def jaccard_loss_backward(op: JaccardLoss, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """The quotient rule, with `1 - t` as the slope of the divisor."""
    return _backward(op, saved, grads, at, 1.0)


def _forward(op: Overlap, inputs: Arrays, at: Context, times: float) -> Forward:
    """`1 - (times * i + smooth) / (p + t - (2 - times) * i + smooth)`: 2 is Dice, 1 is Jaccard."""
    p, t = _sides(op, inputs, at)
    space = space_of(at.types[0], at.types[1], op.name)
    common = (p * t).sum(axis=space)
    above = times * common + op.smooth
    below = p.sum(axis=space) + t.sum(axis=space) - (2 - times) * common + op.smooth
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = weighed(op, 1 - above / below, inputs, at)
    return Forward((reduced(op, parts),), (p, t, above, below, inputs, parts))


def _backward(op: Overlap, saved: tuple[Any, ...], grads: Arrays, at: Context, times: float) -> Backward:
    """The quotient rule to both sides."""
    p, t, above, below, inputs, parts = saved
    space = space_of(at.types[0], at.types[1], op.name)
    each, up, down = (np.expand_dims(one, space) for one in (spread(op, grads[0], parts), above, below))

    def slope(other: Array) -> Array:
        return np.asarray(each * (up * (1 - (2 - times) * other) - times * other * down) / down**2)

    dp = np.zeros_like(inputs[0])
    if inputs[1].dtype == np.int64:
        dp[:, _kept(op, at, dp)] = slope(t)
    else:
        dp = slope(t)
    return Backward(back(op, grads[0], parts, dp, slope(p) if differentiable(inputs[1]) else None))


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
