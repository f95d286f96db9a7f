"""Functions of every number, and softmax along an axis. Each backward multiplies by the slope that is written there."""

from __future__ import annotations

from typing import Any

import numpy as np

from netspec.ops.activation import (
    Identity,
    LeakyRelu,
    LogSoftmax,
    Relu,
    Sigmoid,
    Softmax,
    Softmin,
    Softplus,
    Tanh,
)
from netspec.ops.axes import along
from netspec_numpy.rule import Array, Arrays, Backward, Context, Forward, lowers


@lowers(Identity)
def identity(op: Identity, inputs: Arrays, at: Context) -> Forward:
    """`y = x`."""
    del op, at
    return Forward(inputs)


@identity.backward
def identity_backward(op: Identity, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """The slope is 1."""
    del op, saved, at
    return Backward(grads)


@lowers(Relu)
def relu(op: Relu, inputs: Arrays, at: Context) -> Forward:
    """`y = max(x, 0)`."""
    del op, at
    (x,) = inputs
    return Forward((np.maximum(x, 0),), (x > 0,))


@relu.backward
def relu_backward(op: Relu, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """The slope is 1 where x > 0, else 0."""
    del op, at
    (positive,) = saved
    (g,) = grads
    return Backward((g * positive,))


@lowers(LeakyRelu)
def leaky_relu(op: LeakyRelu, inputs: Arrays, at: Context) -> Forward:
    """`y = x` where x > 0, else `negative_slope * x`."""
    del at
    (x,) = inputs
    return Forward((np.where(x > 0, x, op.negative_slope * x),), (x > 0,))


@leaky_relu.backward
def leaky_relu_backward(op: LeakyRelu, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """The slope is 1 where x > 0, else `negative_slope`."""
    del at
    (positive,) = saved
    (g,) = grads
    return Backward((np.where(positive, g, op.negative_slope * g),))


@lowers(Tanh)
def tanh(op: Tanh, inputs: Arrays, at: Context) -> Forward:
    """The hyperbolic tangent of every number."""
    del op, at
    y = np.tanh(inputs[0])
    return Forward((y,), (y,))


@tanh.backward
def tanh_backward(op: Tanh, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """The slope is 1 - y^2."""
    del op, at
    (y,) = saved
    (g,) = grads
    return Backward((g * (1 - y * y),))


@lowers(Sigmoid)
def sigmoid(op: Sigmoid, inputs: Arrays, at: Context) -> Forward:
    """`y = 1 / (1 + exp(-x))`, with the exponential of a negative number alone, so that nothing overflows."""
    del op, at
    (x,) = inputs
    y = logistic(x)
    return Forward((y,), (y,))


@sigmoid.backward
def sigmoid_backward(op: Sigmoid, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """The slope is y * (1 - y)."""
    del op, at
    (y,) = saved
    (g,) = grads
    return Backward((g * y * (1 - y),))


@lowers(Softplus)
def softplus(op: Softplus, inputs: Arrays, at: Context) -> Forward:
    """`y = log(1 + exp(t)) / beta` with `t = beta * x`, as (max(t, 0) + log(1 + exp(-|t|))) / beta."""
    del at
    (x,) = inputs
    t = op.beta * x
    return Forward(((np.maximum(t, 0) + np.log1p(np.exp(-np.abs(t)))) / op.beta,), (t,))


@softplus.backward
def softplus_backward(op: Softplus, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """The slope is the sigmoid of beta * x."""
    del op, at
    (t,) = saved
    (g,) = grads
    return Backward((g * logistic(t),))


@lowers(Softmax)
def softmax(op: Softmax, inputs: Arrays, at: Context) -> Forward:
    """`y_i = exp(x_i) / sum over j of exp(x_j)`; the largest x is taken off first, which changes nothing."""
    (x,) = inputs
    axis = along(at.types[0], op.axis, op.name)
    raised = np.exp(x - x.max(axis=axis, keepdims=True))
    y = raised / raised.sum(axis=axis, keepdims=True)
    return Forward((y,), (y,))


@softmax.backward
def softmax_backward(op: Softmax, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """`dx_i = y_i * (g_i - sum over j of g_j * y_j)`."""
    (y,) = saved
    (g,) = grads
    axis = along(at.types[0], op.axis, op.name)
    return Backward((y * (g - (g * y).sum(axis=axis, keepdims=True)),))


@lowers(Softmin)
def softmin(op: Softmin, inputs: Arrays, at: Context) -> Forward:
    """`y_i = exp(-x_i) / sum over j of exp(-x_j)`; the smallest x is taken off first, which changes nothing."""
    (x,) = inputs
    axis = along(at.types[0], op.axis, op.name)
    raised = np.exp(x.min(axis=axis, keepdims=True) - x)
    y = raised / raised.sum(axis=axis, keepdims=True)
    return Forward((y,), (y,))


@softmin.backward
def softmin_backward(op: Softmin, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """`dx_i = y_i * (sum over j of g_j * y_j - g_i)`."""
    (y,) = saved
    (g,) = grads
    axis = along(at.types[0], op.axis, op.name)
    return Backward((y * ((g * y).sum(axis=axis, keepdims=True) - g),))


@lowers(LogSoftmax)
def log_softmax(op: LogSoftmax, inputs: Arrays, at: Context) -> Forward:
    """`y_i = x_i - log(sum over j of exp(x_j))`; the largest x is taken off first, which changes nothing."""
    (x,) = inputs
    axis = along(at.types[0], op.axis, op.name)
    lowered = x - x.max(axis=axis, keepdims=True)
    y = lowered - np.log(np.exp(lowered).sum(axis=axis, keepdims=True))
    return Forward((y,), (y,))


@log_softmax.backward
def log_softmax_backward(op: LogSoftmax, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """`dx_i = g_i - exp(y_i) * sum over j of g_j`."""
    (y,) = saved
    (g,) = grads
    axis = along(at.types[0], op.axis, op.name)
    return Backward((g - np.exp(y) * g.sum(axis=axis, keepdims=True),))


def logistic(x: Array) -> Array:
    """1 / (1 + exp(-x)) for numbers of any size."""
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1.0, small) / (1.0 + small)
