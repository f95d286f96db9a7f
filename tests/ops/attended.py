"""The terms of attention's gradients, which cancel: that of a key's bias is nothing but roundings.

A softmax sends `ds = w * (dw - sum of dw * w)` back to the matches, and the sum of all ds of one query is 0. So what is
made of ds is as far off as it would be if every term counted by itself: `|ds| <= w * (|dw| + sum of |dw| * w)`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

import netspec_numpy
from netspec.ops.attention import MultiHeadAttention
from netspec_numpy.rule import Context
from tests.conformance.case import Case, Mode, Numbers

Array = NDArray[Any]
Terms = tuple[Mapping[Any, Array], Mapping[Any, Array]]


def attended(use: Case, drawn: Numbers, gradients: tuple[Array, ...], mode: Mode) -> Terms:
    """What to add to the sizes of gradients, of inputs by position and of parameters by name."""
    at = Context(use.types, use.inferred.outputs, drawn.parameters, drawn.state, drawn.noise, mode)
    saved = netspec_numpy.table()[type(use.op)].forward(use.op, drawn.inputs, at).saved
    (g,) = gradients
    if not isinstance(use.op, MultiHeadAttention):
        query, key, _ = _back(saved[0], abs(g))
        return {0: query, 1: key}, {}
    inputs, seen, _ = saved
    held, count = drawn.parameters, use.op.num_heads
    heads = (abs(g) @ abs(held["out_proj.weight"])).reshape(*g.shape[:2], count, -1).swapaxes(1, 2)
    back = [_together(one) for one in _back(seen, heads)]
    weights = [_outer(one, abs(x)) for one, x in zip(back, inputs, strict=False)]
    packed = "in_proj_weight" in held
    terms = (
        {"in_proj_weight": np.concatenate(weights)}
        if packed
        else {f"{key}_proj_weight": one for key, one in zip("qkv", weights, strict=True)}
    )
    if "in_proj_bias" in held:
        terms["in_proj_bias"] = np.concatenate([one.sum(axis=(0, 1)) for one in back])
    matrices = (
        np.split(held["in_proj_weight"], 3) if packed else [held[f"{key}_proj_weight"] for key in "qkv"]
    )
    return {i: one @ abs(matrix) for i, (one, matrix) in enumerate(zip(back, matrices, strict=True))}, terms


def _back(seen: Any, g: Array) -> tuple[Array, Array, Array]:
    """The way back with every term counted by itself."""
    dw = g @ abs(seen.value).swapaxes(-1, -2) * seen.keep
    ds = seen.weights * (dw + (dw * seen.weights).sum(axis=-1, keepdims=True)) * seen.scale
    return ds @ abs(seen.key), ds.swapaxes(-1, -2) @ abs(seen.query), seen.kept.swapaxes(-1, -2) @ g


def _together(x: Array) -> Array:
    """`[n, head, place, share]` as `[n, place, features]`."""
    turned = x.swapaxes(1, 2)
    return turned.reshape(*turned.shape[:2], turned.shape[2] * turned.shape[3])


def _outer(g: Array, x: Array) -> Array:
    return np.asarray(g.reshape(-1, g.shape[-1]).T @ x.reshape(-1, x.shape[-1]))
