"""Convolutions taken apart, from their formulas: a product for each channel over windows, then one over channels."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from netspec.ops.separable import DepthwiseConv, SeparableConv
from netspec.ops.sliding import slid_geometry
from netspec_numpy.rule import Array, Arrays, Backward, Context, Forward, lowers
from netspec_numpy.window import padded, scatter_windows, windows


@lowers(DepthwiseConv)
def depthwise_conv(op: DepthwiseConv, inputs: Arrays, at: Context) -> Forward:
    """`y[n, (c, i), p] = bias[(c, i)] + sum over k of weight[(c, i), k] * window[n, c, p, k]`."""
    (x,) = inputs
    seen = _windows(op, x, at)
    y = _each(seen, at.parameters["depthwise.weight"])
    if op.bias:
        y = y + _wide(at.parameters["depthwise.bias"], y)
    return Forward((y,), (x.shape, seen))


@depthwise_conv.backward
def depthwise_conv_backward(
    op: DepthwiseConv, saved: tuple[Any, ...], grads: Arrays, at: Context
) -> Backward:
    """A weight meets every window of its channel; windows get their shares back."""
    shape, seen = saved
    (g,) = grads
    dx, d_weight = _each_back(op, g, shape, seen, at)
    gradients = {"depthwise.weight": d_weight}
    if op.bias:
        gradients["depthwise.bias"] = g.sum(axis=(0, *range(2, g.ndim)))
    return Backward((dx,), gradients)


@lowers(SeparableConv)
def separable_conv(op: SeparableConv, inputs: Arrays, at: Context) -> Forward:
    """`y[n, o, p] = bias[o] + sum over (c, i) of pointwise[o, (c, i)] * z[n, (c, i), p]`, z convolved depthwise."""
    (x,) = inputs
    seen = _windows(op, x, at)
    z = _each(seen, at.parameters["depthwise.weight"])
    y = np.moveaxis(np.tensordot(_mix(at), z, ([1], [1])), 0, 1)
    if op.bias:
        y = y + _wide(at.parameters["pointwise.bias"], y)
    return Forward((y,), (x.shape, seen, z))


@separable_conv.backward
def separable_conv_backward(
    op: SeparableConv, saved: tuple[Any, ...], grads: Arrays, at: Context
) -> Backward:
    """Back through the mixture of channels, then through each of them."""
    shape, seen, z = saved
    (g,) = grads
    places = [0, *range(2, g.ndim)]
    d_mix = np.tensordot(g, z, (places, places))
    dz = np.moveaxis(np.tensordot(_mix(at), g, ([0], [1])), 0, 1)
    dx, d_weight = _each_back(op, dz, shape, seen, at)
    gradients = {
        "depthwise.weight": d_weight,
        "pointwise.weight": d_mix.reshape(at.parameters["pointwise.weight"].shape),
    }
    if op.bias:
        gradients["pointwise.bias"] = g.sum(axis=tuple(places))
    return Backward((dx,), gradients)


def _windows(op: DepthwiseConv | SeparableConv, x: Array, at: Context) -> Array:
    """What each place sees of each channel, `[n, c, *places, *kernel]`."""
    kernel, stride, padding, dilation = slid_geometry(op, at.types[0])
    return windows(padded(x, padding, mode=op.padding_mode), kernel, stride, dilation)


def _each(seen: Array, weight: Array) -> Array:
    """Every channel with its own filters: `[n, (c, i), *places]`."""
    n, c, *places = seen.shape[: seen.ndim - weight.ndim + 2]
    size, several = math.prod(weight.shape[2:]), weight.shape[0] // c
    rows = seen.reshape(n, c, math.prod(places), size)
    made = weight.reshape(c, several, size) @ rows.swapaxes(2, 3)  # [n, c, i, place]
    return made.reshape(n, c * several, *places)


def _each_back(
    op: DepthwiseConv | SeparableConv, g: Array, shape: tuple[int, ...], seen: Array, at: Context
) -> tuple[Array, Array]:
    """The gradients of the input and of the filters."""
    kernel, stride, padding, dilation = slid_geometry(op, at.types[0])
    weight = at.parameters["depthwise.weight"]
    n, c, places = *shape[:2], g.shape[2:]
    shares = g.reshape(n, c, weight.shape[0] // c, math.prod(places))
    rows = seen.reshape(n, c, math.prod(places), math.prod(kernel))
    d_weight = (shares @ rows).sum(axis=0).reshape(weight.shape)
    d_rows = shares.swapaxes(2, 3) @ weight.reshape(c, weight.shape[0] // c, math.prod(kernel))
    d_seen = d_rows.reshape(n, c, *places, *kernel)
    return scatter_windows(d_seen, shape, kernel, stride, dilation, padding, op.padding_mode), d_weight


def _mix(at: Context) -> Array:
    """How channels are mixed, as a matrix."""
    weight = at.parameters["pointwise.weight"]
    return weight.reshape(weight.shape[:2])


def _wide(bias: Array, y: Array) -> Array:
    """A number for each channel with an axis of size 1 for every axis of space."""
    return bias.reshape(-1, *[1] * (y.ndim - 2))
