"""Shifting and stretching by fixed numbers."""

from __future__ import annotations

from typing import Any

from netspec.ops.scale import Convert, Rescale
from netspec_numpy.rule import Arrays, Backward, Context, Forward, lowers


@lowers(Rescale)
def rescale(op: Rescale, inputs: Arrays, at: Context) -> Forward:
    """`y = (x - mean) / std`."""
    (x,) = inputs
    mean, std = op.numbers(at.types[0])
    return Forward(((x - mean) / std,))


@rescale.backward
def rescale_backward(op: Rescale, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """`dy/dx = 1 / std`."""
    del saved
    (g,) = grads
    _, std = op.numbers(at.types[0])
    return Backward((g / std,))


@lowers(Convert)
def convert(op: Convert, inputs: Arrays, at: Context) -> Forward:
    """The input times what one of its unit is in the other."""
    (x,) = inputs
    return Forward((x * op.factor(at.types[0]),))


@convert.backward
def convert_backward(op: Convert, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """The same factor."""
    del saved
    (g,) = grads
    return Backward((g * op.factor(at.types[0]),))
