"""A value cut into several: the backward lays the gradients behind one another again."""

from __future__ import annotations

from typing import Any

import numpy as np

from netspec.ops.axes import along
from netspec.ops.parts import Chunk, Split, split_sizes
from netspec_numpy.rule import Arrays, Backward, Context, Forward, lowers


@lowers(Split)
def split(op: Split, inputs: Arrays, at: Context) -> Forward:
    """`y_i = x[start_i:start_i + size_i]` along the axis, where every part starts behind the one before."""
    (x,) = inputs
    place, sizes = split_sizes(op, at.types[0])
    return Forward(tuple(np.split(x, np.cumsum(sizes)[:-1], axis=place)))


@split.backward
def split_backward(op: Split, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """The gradients behind one another."""
    del saved
    return _joined(grads, along(at.types[0], op.axis, op.name), at)


@lowers(Chunk)
def chunk(op: Chunk, inputs: Arrays, at: Context) -> Forward:
    """`y_i = x[i * m:(i + 1) * m]` along the axis, with m places in every part."""
    (x,) = inputs
    return Forward(tuple(np.split(x, op.chunks, axis=along(at.types[0], op.axis, op.name))))


@chunk.backward
def chunk_backward(op: Chunk, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """The gradients behind one another."""
    del saved
    return _joined(grads, along(at.types[0], op.axis, op.name), at)


def _joined(grads: Arrays, axis: int, at: Context) -> Backward:
    """Classes and masks have no gradient."""
    return Backward((np.concatenate(grads, axis=axis) if at.types[0].dtype == "float32" else None,))
