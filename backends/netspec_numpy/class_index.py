"""Whole numbers that name classes."""

from __future__ import annotations

from typing import Any

import numpy as np

from netspec.ops.axes import along
from netspec.ops.class_index import Argmax, ClassWeight, OneHot
from netspec_numpy.rule import Array, Arrays, Backward, Context, Forward, lowers


@lowers(OneHot)
def one_hot(op: OneHot, inputs: Arrays, at: Context) -> Forward:
    """1 where the place is the class."""
    (x,) = inputs
    place = 1 if at.types[0].batched else 0
    index = np.arange(op.count(at.types[0])).reshape(-1, *[1] * (x.ndim - place))
    return Forward(((np.expand_dims(x, place) == index).astype(np.float64),))


@one_hot.backward
def one_hot_backward(op: OneHot, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """Classes have no gradient."""
    del op, saved, grads, at
    return Backward((None,))


@lowers(Argmax)
def argmax(op: Argmax, inputs: Arrays, at: Context) -> Forward:
    """The first of the largest."""
    (x,) = inputs
    return Forward((np.asarray(x.argmax(axis=along(at.types[0], op.axis, op.name)), np.int64),))


@argmax.backward
def argmax_backward(op: Argmax, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """It moves by whole classes, so it has no gradient."""
    del op, saved, grads, at
    return Backward((None,))


@lowers(ClassWeight)
def class_weight(op: ClassWeight, inputs: Arrays, at: Context) -> Forward:
    """The class's number, in single precision as nothing says another; 0 for the one that is ignored."""
    del at
    weight = None if op.weight is None else tuple(float(np.float32(one)) for one in op.weight)
    return Forward((weight_of(inputs[0], weight, op.ignore_index),))


@class_weight.backward
def class_weight_backward(op: ClassWeight, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """Classes have no gradient."""
    del op, saved, grads, at
    return Backward((None,))


def weight_of(target: Array, weight: tuple[float, ...] | None, ignore_index: int | None) -> Array:
    """The weight of each target: 1 without a list, 0 where it is ignored."""
    kept = np.ones(target.shape, bool) if ignore_index is None else target != ignore_index
    if weight is None:
        return kept.astype(np.float64)
    return np.where(kept, np.asarray(weight)[np.where(kept, target, 0)], 0.0)
