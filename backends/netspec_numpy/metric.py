"""Metrics."""

from __future__ import annotations

from typing import Any

import numpy as np

from netspec.ops.metric import Accuracy
from netspec_numpy.rule import Arrays, Backward, Context, Forward, lowers


@lowers(Accuracy)
def accuracy(op: Accuracy, inputs: Arrays, at: Context) -> Forward:
    """1 where all but k classes stand behind the right one: with a smaller score, or the same and a higher number."""
    del at
    scores, target = inputs
    right = target[:, np.newaxis]
    own = np.take_along_axis(scores, right, axis=1)
    index = np.arange(scores.shape[1]).reshape(-1, *[1] * (scores.ndim - 2))
    behind = (scores < own) | ((scores == own) & (index > right))
    hit = (behind.sum(axis=1) >= scores.shape[1] - op.k).astype(scores.dtype)
    return Forward((np.asarray(hit.mean()) if op.reduction == "mean" else hit,))


@accuracy.backward
def accuracy_backward(op: Accuracy, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """It is level but for jumps, so it has no gradient."""
    del op, saved, grads, at
    return Backward((None, None))
