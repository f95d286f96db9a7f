"""Dropout under given keep masks, which spread over what is kept or dropped as one."""

from __future__ import annotations

from typing import Any

from netspec.ops.dropout import Dropout, StochasticDepth
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


@lowers(StochasticDepth)
def stochastic_depth(op: StochasticDepth, inputs: Arrays, at: Context) -> Forward:
    """`y = x * keep / (1 - p)` in training with one `keep` for a sample, `y = x` in evaluation."""
    (x,) = inputs
    return Forward((_kept(op, x, at),))


@stochastic_depth.backward
def stochastic_depth_backward(
    op: StochasticDepth, saved: tuple[Any, ...], grads: Arrays, at: Context
) -> Backward:
    """The gradient goes where the sample went, scaled as it was."""
    del saved
    (g,) = grads
    return Backward((_kept(op, g, at),))


def _kept(op: Dropout | StochasticDepth, x: Array, at: Context) -> Array:
    """What is left of `x`."""
    return x * at.noise["keep"] / (1 - op.p) if at.mode == "train" and at.noise else x
