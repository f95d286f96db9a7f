"""Local connections: windows as a strided view, and one matrix product at every place."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from netspec.ops.local import LocallyConnected
from netspec.ops.sliding import slid_geometry
from netspec_numpy.rule import Array, Arrays, Backward, Context, Forward, lowers
from netspec_numpy.window import padded, scatter_windows, windows


@lowers(LocallyConnected)
def locally_connected(op: LocallyConnected, inputs: Arrays, at: Context) -> Forward:
    """`y[n, o, p] = bias[o, p] + sum over c, k of weight[o, p, c, k] * x[n, c, q]`, q the place that k of p lies on."""
    (x,) = inputs
    kernel, stride, padding, dilation = slid_geometry(op, at.types[0])
    view = windows(padded(x, padding, mode=op.padding_mode), kernel, stride, dilation)
    places = view.shape[2 : x.ndim]
    made = _seen(view) @ _filters(op, at.parameters["weight"])  # [place, n, o]
    y = made.transpose(1, 2, 0).reshape(x.shape[0], op.out_channels, *places)
    return Forward((y + at.parameters["bias"] if op.bias else y,), (x.shape, view))


@locally_connected.backward
def locally_connected_backward(
    op: LocallyConnected, saved: tuple[Any, ...], grads: Arrays, at: Context
) -> Backward:
    """A weight meets one place of every sample; the input gets each window's share back where it came from."""
    shape, view = saved
    (g,) = grads
    kernel, stride, padding, dilation = slid_geometry(op, at.types[0])
    n, _, *places = g.shape
    shares = g.reshape(n, op.out_channels, math.prod(places)).transpose(2, 0, 1)  # [place, n, o]
    d_filters = _seen(view).swapaxes(1, 2) @ shares  # [place, c * kernel, o]
    d_seen = shares @ _filters(op, at.parameters["weight"]).swapaxes(1, 2)
    d_view = d_seen.reshape(*places, n, shape[1], *kernel)
    d_view = np.moveaxis(d_view, (len(kernel), len(kernel) + 1), (0, 1))  # [n, c, *places, *kernel]
    dx = scatter_windows(d_view, shape, kernel, stride, dilation, padding, op.padding_mode)
    weight = at.parameters["weight"]
    gradients: dict[str, Array] = {"weight": d_filters.transpose(2, 0, 1).reshape(weight.shape)}
    if op.bias:
        gradients["bias"] = g.sum(axis=0)
    return Backward((dx,), gradients)


def _seen(view: Array) -> Array:
    """Windows `[n, c, *places, *kernel]` as what each place sees of every sample, `[place, n, c * kernel]`."""
    space = (view.ndim - 2) // 2
    n, c, *sizes = view.shape
    first = view.transpose(*range(2, 2 + space), 0, 1, *range(2 + space, view.ndim))
    return first.reshape(math.prod(sizes[:space]), n, c * math.prod(sizes[space:]))


def _filters(op: LocallyConnected, weight: Array) -> Array:
    """The weight `[o * place, c, *kernel]` as one matrix a place, `[place, c * kernel, o]`."""
    rows, *window = weight.shape
    return weight.reshape(op.out_channels, rows // op.out_channels, math.prod(window)).transpose(1, 2, 0)
