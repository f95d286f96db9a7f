"""Norms of single samples, over the axes that are named."""

from __future__ import annotations

from typing import Any

import numpy as np

from netspec.ops.axis_norm import LayerNorm, RmsNorm
from netspec_numpy.rule import Array, Arrays, Backward, Context, Forward, lowers


@lowers(LayerNorm)
def layer_norm(op: LayerNorm, inputs: Arrays, at: Context) -> Forward:
    """`y = (x - mean) / sqrt(var + eps) * weight + bias`, mean and var over the named axes."""
    (x,) = inputs
    over = op.over(at.types[0])
    scale = 1 / np.sqrt(x.var(axis=over, keepdims=True) + op.eps)
    z = (x - x.mean(axis=over, keepdims=True)) * scale
    y = z * _laid(at.parameters["weight"], x, over) if op.elementwise_affine else z
    if op.shifts:
        y = y + _laid(at.parameters["bias"], x, over)
    return Forward((y,), (z, scale))


@layer_norm.backward
def layer_norm_backward(op: LayerNorm, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """`dx = (d - mean(d) - z * mean(d * z)) / sqrt(var + eps)`, `z` the normalised numbers, `d` the gradient there."""
    z, scale = saved
    (g,) = grads
    over = op.over(at.types[0])
    rest = tuple(i for i in range(g.ndim) if i not in over)
    d = g * _laid(at.parameters["weight"], g, over) if op.elementwise_affine else g
    d = d - d.mean(axis=over, keepdims=True) - z * (d * z).mean(axis=over, keepdims=True)
    gradients = {"weight": (g * z).sum(axis=rest)} if op.elementwise_affine else {}
    if op.shifts:
        gradients["bias"] = g.sum(axis=rest)
    return Backward((d * scale,), gradients)


@lowers(RmsNorm)
def rms_norm(op: RmsNorm, inputs: Arrays, at: Context) -> Forward:
    """`y = x / sqrt(mean(x ** 2) + eps) * weight`, the mean over the named axes."""
    (x,) = inputs
    over = op.over(at.types[0])
    scale = 1 / np.sqrt((x * x).mean(axis=over, keepdims=True) + op.eps)
    z = x * scale
    y = z * _laid(at.parameters["weight"], x, over) if op.elementwise_affine else z
    return Forward((y,), (z, scale))


@rms_norm.backward
def rms_norm_backward(op: RmsNorm, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """`dx = (d - z * mean(d * z)) / sqrt(mean(x ** 2) + eps)`, `z` the normalised numbers, `d` the gradient there."""
    z, scale = saved
    (g,) = grads
    over = op.over(at.types[0])
    rest = tuple(i for i in range(g.ndim) if i not in over)
    d = g * _laid(at.parameters["weight"], g, over) if op.elementwise_affine else g
    dx = (d - z * (d * z).mean(axis=over, keepdims=True)) * scale
    return Backward((dx,), {"weight": (g * z).sum(axis=rest)} if op.elementwise_affine else {})


def _laid(values: Array, x: Array, over: tuple[int, ...]) -> Array:
    """One number for each place along the named axes, laid out so that it meets `x`."""
    return values.reshape([size if i in over else 1 for i, size in enumerate(x.shape)])
