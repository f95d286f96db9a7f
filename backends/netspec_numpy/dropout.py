"""Dropout under given keep masks, which spread over what is kept or dropped as one."""

from __future__ import annotations

from typing import Any

from netspec.ops.dropout import AlphaDropout, Dropout, StochasticDepth, alpha_moments
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


@lowers(AlphaDropout)
def alpha_dropout(op: AlphaDropout, inputs: Arrays, at: Context) -> Forward:
    """`y = a * (x * keep - alpha * (1 - keep)) + b` in training, `y = x` in evaluation."""
    (x,) = inputs
    if at.mode == "eval" or not at.noise:
        return Forward((x,))
    stretch, shift, dropped = alpha_moments(op.p)
    keep = at.noise["keep"]
    return Forward((x * keep * stretch + keep * shift + (1 - keep) * dropped,))


@alpha_dropout.backward
def alpha_dropout_backward(op: AlphaDropout, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """The gradient goes where the number went, stretched as it was."""
    del saved
    (g,) = grads
    if at.mode == "eval" or not at.noise:
        return Backward((g,))
    return Backward((g * at.noise["keep"] * alpha_moments(op.p)[0],))


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
    """What is left of `x`; with p = 1 that is nothing."""
    if at.mode == "eval" or not at.noise:
        return x
    return x * at.noise["keep"] / (1 - op.p if op.p < 1 else 1)
