"""Parts along an axis: the backward of taking a part is to put it back into zeros."""

from __future__ import annotations

from typing import Any

import numpy as np

from netspec.ops.axes import along
from netspec.ops.slicing import FrameDifference, Narrow, Select, Unbind, frames
from netspec_numpy.rule import Arrays, Backward, Context, Forward, lowers


@lowers(Narrow)
def narrow(op: Narrow, inputs: Arrays, at: Context) -> Forward:
    """`y = x[start:stop:step]` along the axis."""
    (x,) = inputs
    return Forward((x[_stretch(op, at)],), (x.shape,))


@narrow.backward
def narrow_backward(op: Narrow, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """The gradient stands at its places among zeros."""
    (shape,) = saved
    (g,) = grads
    dx = np.zeros(shape, dtype=g.dtype)
    dx[_stretch(op, at)] = g
    return Backward((dx,))


@lowers(Select)
def select(op: Select, inputs: Arrays, at: Context) -> Forward:
    """`y = x[index]` along the axis."""
    (x,) = inputs
    return Forward((x.take(op.index, axis=along(at.types[0], op.axis, op.name)),), (x.shape,))


@select.backward
def select_backward(op: Select, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """The gradient stands at its place among zeros."""
    (shape,) = saved
    (g,) = grads
    dx = np.zeros(shape, dtype=g.dtype)
    dx[_before(along(at.types[0], op.axis, op.name), op.index)] = g
    return Backward((dx,))


@lowers(Unbind)
def unbind(op: Unbind, inputs: Arrays, at: Context) -> Forward:
    """`y_i = x[i]` along the axis, one output for each i."""
    (x,) = inputs
    return Forward(tuple(np.moveaxis(x, along(at.types[0], op.axis, op.name), 0)))


@unbind.backward
def unbind_backward(op: Unbind, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """The gradients side by side again."""
    del saved
    return Backward((np.stack(grads, axis=along(at.types[0], op.axis, op.name)),))


@lowers(FrameDifference)
def frame_difference(op: FrameDifference, inputs: Arrays, at: Context) -> Forward:
    """`y[i] = x[i + 1] - x[i]` along the axis."""
    return Forward((np.diff(inputs[0], axis=frames(op, at.types[0])),))


@frame_difference.backward
def frame_difference_backward(
    op: FrameDifference, saved: tuple[Any, ...], grads: Arrays, at: Context
) -> Backward:
    """`dx[i] = g[i - 1] - g[i]`, with zeros before the first change and after the last."""
    del saved
    (g,) = grads
    axis = frames(op, at.types[0])
    ends = [(1, 1) if i == axis else (0, 0) for i in range(g.ndim)]
    return Backward((-np.diff(np.pad(g, ends), axis=axis),))


def _stretch(op: Narrow, at: Context) -> tuple[slice, ...]:
    """The index of the stretch."""
    return _before(along(at.types[0], op.axis, op.name), slice(op.start, op.stop, op.step))


def _before(axis: int, index: Any) -> tuple[Any, ...]:
    """`index` at the axis, all of the axes before it."""
    return (*[slice(None)] * axis, index)
