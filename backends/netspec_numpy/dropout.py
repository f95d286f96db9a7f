"""Dropout under given keep masks."""

from __future__ import annotations

from typing import Any

from netspec.ops.dropout import Dropout
from netspec_numpy.rule import Array, Arrays, Backward, Context, Forward, lowers


@lowers(Dropout)
def dropout(op: Dropout, inputs: Arrays, at: Context) -> Forward:
    """`y = x * keep / (1 - p)` in training, `y = x` in evaluation."""
    (x,) = inputs
    return Forward((_kept(op, x, at),))


@dropout.backward
def dropout_backward(op: Dropout, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """The gradient goes where the number went, scaled as it was."""
    del saved
    (g,) = grads
    return Backward((_kept(op, g, at),))


def _kept(op: Dropout, x: Array, at: Context) -> Array:
    """What is left of `x`."""
    return x * at.noise["keep"] / (1 - op.p) if at.mode == "train" else x
