"""Joining: the backward cuts the gradient where the inputs met."""

from __future__ import annotations

from typing import Any

import numpy as np

from netspec.ops.axes import along
from netspec.ops.join import Concat, Stack
from netspec.ops.shape import new_place
from netspec_numpy.rule import Arrays, Backward, Context, Forward, lowers


@lowers(Concat)
def concat(op: Concat, inputs: Arrays, at: Context) -> Forward:
    """The inputs behind one another along the axis."""
    axis = along(at.types[0], op.axis, op.name)
    return Forward((np.concatenate(inputs, axis=axis),), ([x.shape[axis] for x in inputs],))


@concat.backward
def concat_backward(op: Concat, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """Every input gets the stretch of the gradient that it gave; classes and masks get none."""
    (sizes,) = saved
    (g,) = grads
    if at.types[0].dtype != "float32":
        return Backward((None,) * len(sizes))
    axis = along(at.types[0], op.axis, op.name)
    return Backward(tuple(np.split(g, np.cumsum(sizes)[:-1], axis=axis)))


@lowers(Stack)
def stack(op: Stack, inputs: Arrays, at: Context) -> Forward:
    """`y[i] = x_i` along the new axis."""
    return Forward((np.stack(inputs, axis=new_place(at.types[0], op.after, op.name)),))


@stack.backward
def stack_backward(op: Stack, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """Every input gets its place of the gradient; classes and masks get none."""
    del saved
    (g,) = grads
    if at.types[0].dtype != "float32":
        return Backward((None,) * len(at.types))
    return Backward(tuple(np.moveaxis(g, new_place(at.types[0], op.after, op.name), 0)))
