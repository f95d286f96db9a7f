"""Shifting and stretching by fixed numbers, and by learned ones."""

from __future__ import annotations

from typing import Any

from netspec.ops.axes import along
from netspec.ops.scale import Convert, LayerScale, Rescale
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


@lowers(LayerScale)
def layer_scale(op: LayerScale, inputs: Arrays, at: Context) -> Forward:
    """`y = x * weight`; the weight has an axis of 1 for each axis behind its own."""
    del op
    (x,) = inputs
    return Forward((x * at.parameters["weight"],), (x,))


@layer_scale.backward
def layer_scale_backward(op: LayerScale, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """The weight meets every number of its channel, and the input its weight."""
    (x,) = saved
    (g,) = grads
    weight = at.parameters["weight"]
    axis = along(at.types[0], op.axis, op.name)
    met = (g * x).sum(axis=tuple(i for i in range(x.ndim) if i != axis))
    return Backward((g * weight,), {"weight": met.reshape(weight.shape)})
