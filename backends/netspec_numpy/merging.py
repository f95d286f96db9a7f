"""Activations that make one channel of several."""

from __future__ import annotations

from typing import Any

import numpy as np

from netspec.ops.axes import along
from netspec.ops.merging import Glu, Maxout
from netspec_numpy.activation import logistic
from netspec_numpy.rule import Array, Arrays, Backward, Context, Forward, lowers


@lowers(Glu)
def glu(op: Glu, inputs: Arrays, at: Context) -> Forward:
    """`y = a * s` with `s = 1 / (1 + exp(-b))`, a and b the halves along the axis."""
    (x,) = inputs
    a, b = np.split(x, 2, axis=along(at.types[0], op.axis, op.name))
    s = logistic(b)
    return Forward((a * s,), (a, s))


@glu.backward
def glu_backward(op: Glu, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """The slope by a is s, that by b is `a * s * (1 - s)`."""
    (a, s), (g,) = saved, grads
    axis = along(at.types[0], op.axis, op.name)
    return Backward((np.concatenate([g * s, g * a * s * (1 - s)], axis=axis),))


@lowers(Maxout)
def maxout(op: Maxout, inputs: Arrays, at: Context) -> Forward:
    """`y[i] = max over j of x[i * pieces + j]` along the axis."""
    (x,) = inputs
    axis = along(at.types[0], op.axis, op.name)
    cut = _cut(x, axis, op.pieces)
    y = cut.max(axis=axis + 1, keepdims=True)
    return Forward((y.squeeze(axis + 1),), (cut, y))


@maxout.backward
def maxout_backward(op: Maxout, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """Those that are the largest share the gradient equally."""
    cut, y = saved
    (g,) = grads
    axis = along(at.types[0], op.axis, op.name)
    best = cut == y
    share = np.expand_dims(g, axis + 1) * best / best.sum(axis=axis + 1, keepdims=True, dtype=g.dtype)
    shape = list(g.shape)
    shape[axis] *= op.pieces
    return Backward((share.reshape(shape),))


def _cut(x: Array, axis: int, pieces: int) -> Array:
    """The axis as two: which result, and which of its pieces."""
    return x.reshape(*x.shape[:axis], x.shape[axis] // pieces, pieces, *x.shape[axis + 1 :])
