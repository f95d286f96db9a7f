"""Other names and other axes for the same numbers: the backward gives the gradient the input's shape back."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from netspec.ops.axes import along
from netspec.ops.shape import Flatten, Rename, Squeeze, Unsqueeze, flattened, new_place
from netspec_numpy.rule import Arrays, Backward, Context, Forward, lowers


@lowers(Flatten)
def flatten(op: Flatten, inputs: Arrays, at: Context) -> Forward:
    """The named axes, or all after the batch, as one, the last fastest."""
    (x,) = inputs
    first, last = flattened(op, at.types[0])
    total = math.prod(x.shape[first : last + 1])
    return Forward((x.reshape(*x.shape[:first], total, *x.shape[last + 1 :]),), (x.shape,))


@flatten.backward
def flatten_backward(op: Flatten, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """The same numbers in the old shape."""
    del op, at
    (shape,) = saved
    return Backward((grads[0].reshape(shape),))


@lowers(Rename)
def rename(op: Rename, inputs: Arrays, at: Context) -> Forward:
    """`y = x`: names are no matter of numbers."""
    del op, at
    return Forward(inputs)


@rename.backward
def rename_backward(op: Rename, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """The gradient as it comes."""
    del op, saved, at
    return Backward(grads)


@lowers(Unsqueeze)
def unsqueeze(op: Unsqueeze, inputs: Arrays, at: Context) -> Forward:
    """An axis of size 1 in its place."""
    return Forward((np.expand_dims(inputs[0], new_place(at.types[0], op.after, op.name)),))


@unsqueeze.backward
def unsqueeze_backward(op: Unsqueeze, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """The same numbers without the axis."""
    del saved
    return Backward((np.squeeze(grads[0], new_place(at.types[0], op.after, op.name)),))


@lowers(Squeeze)
def squeeze(op: Squeeze, inputs: Arrays, at: Context) -> Forward:
    """The same numbers without the axis of size 1."""
    return Forward((np.squeeze(inputs[0], along(at.types[0], op.axis, op.name)),))


@squeeze.backward
def squeeze_backward(op: Squeeze, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """The same numbers with the axis back in its place."""
    del saved
    return Backward((np.expand_dims(grads[0], along(at.types[0], op.axis, op.name)),))
