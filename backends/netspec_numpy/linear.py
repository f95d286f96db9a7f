"""Linear layers: one matrix product."""

from __future__ import annotations

from typing import Any

import numpy as np

from netspec.ops.linear import Linear
from netspec_numpy.rule import Arrays, Backward, Context, Forward, lowers


@lowers(Linear)
def linear(op: Linear, inputs: Arrays, at: Context) -> Forward:
    """`y[..., o] = bias[o] + sum over i of weight[o, i] * x[..., i]`."""
    (x,) = inputs
    y = x @ at.parameters["weight"].T
    return Forward((y + at.parameters["bias"] if op.bias else y,), (x,))


@linear.backward
def linear_backward(op: Linear, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """`dweight[o, i] = sum of g[..., o] * x[..., i]`, `dx[..., i] = sum over o of g[..., o] * weight[o, i]`."""
    (x,) = saved
    (g,) = grads
    rows = g.reshape(-1, g.shape[-1])
    gradients = {"weight": rows.T @ x.reshape(-1, x.shape[-1])}
    if op.bias:
        gradients["bias"] = rows.sum(axis=0)
    return Backward((np.asarray(g @ at.parameters["weight"]),), gradients)
