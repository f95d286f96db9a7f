"""Padding axis by axis: constants around, or places that are taken from the input itself a second time.

In the other modes place i of the result is place `source[i]` of the input, so that the backward adds the gradient of
place i to place `source[i]`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from netspec.ops.pad import Pad, Padding, PadLike, PadToMultiple, pad_amounts
from netspec.ops.window import spatial
from netspec_numpy.rule import Array, Arrays, Backward, Context, Forward, lowers
from netspec_numpy.window import source

Amounts = Mapping[int, tuple[int, int]]
"""Places before and after, by axis."""


@lowers(Pad)
def pad(op: Pad, inputs: Arrays, at: Context) -> Forward:
    """`y[i] = x[i - low]`, and outside of x what the mode says."""
    return _padded(op, inputs[0], pad_amounts(op, at.types[0]))


@pad.backward
def pad_backward(op: Pad, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """The gradient of the places that came from x; those of places used twice add up."""
    del at
    return Backward((_back(op, saved, grads[0]),))


@lowers(PadToMultiple)
def pad_to_multiple(op: PadToMultiple, inputs: Arrays, at: Context) -> Forward:
    """As `pad`, with so many places that `multiple` divides the size."""
    (x,) = inputs
    multiples = spatial(op.multiple, at.types[0], "multiple", least=1)
    return _padded(op, x, {i: shared(-x.shape[i] % one, op.at) for i, one in enumerate(multiples, start=2)})


@pad_to_multiple.backward
def pad_to_multiple_backward(
    op: PadToMultiple, saved: tuple[Any, ...], grads: Arrays, at: Context
) -> Backward:
    """As `pad`."""
    del at
    return Backward((_back(op, saved, grads[0]),))


@lowers(PadLike)
def pad_like(op: PadLike, inputs: Arrays, at: Context) -> Forward:
    """As `pad`, with so many places that the size is that of `like`; its numbers do not matter."""
    del at
    x, like = inputs
    return _padded(op, x, {i: shared(like.shape[i] - x.shape[i], op.at) for i in range(2, x.ndim)})


@pad_like.backward
def pad_like_backward(op: PadLike, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """As `pad`; none for `like`."""
    del at
    return Backward((_back(op, saved, grads[0]), None))


def shared(amount: int, at: str) -> tuple[int, int]:
    """How many of so many places lie before, and how many after."""
    low = amount // 2 if at == "center" else 0
    return low, amount - low


def _padded(op: Padding, x: Array, amounts: Amounts) -> Forward:
    """The padded array; the input's shape and the amounts are seen again."""
    if op.mode == "constant":
        around = [amounts.get(i, (0, 0)) for i in range(x.ndim)]
        return Forward((np.pad(x, around, constant_values=op.value),), (x.shape, amounts))
    y = x
    for axis, (low, high) in amounts.items():
        y = y.take(source(op.mode, x.shape[axis], low, high), axis=axis)
    return Forward((y,), (x.shape, amounts))


def _back(op: Padding, saved: tuple[Any, ...], g: Array) -> Array:
    """The gradient of the input."""
    shape, amounts = saved
    for axis, (low, high) in amounts.items():
        before = (slice(None),) * axis
        if op.mode == "constant":
            g = g[(*before, slice(low, low + shape[axis]))]
            continue
        d = np.zeros((*g.shape[:axis], shape[axis], *g.shape[axis + 1 :]), dtype=g.dtype)
        np.add.at(d, (*before, source(op.mode, shape[axis], low, high)), g)
        g = d
    return g
