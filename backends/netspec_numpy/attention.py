"""Attention, with the weights of all places written out."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np

from netspec.ops.attending import matched
from netspec.ops.attention import MultiHeadAttention, ScaledDotProductAttention
from netspec_numpy.laying import laid
from netspec_numpy.rule import Array, Arrays, Backward, Context, Forward, lowers


@dataclass(frozen=True)
class _Attended:
    """One attention as it ran: what went in, the weights before and after dropout, and what matches are scaled by."""

    query: Array
    key: Array
    value: Array
    weights: Array
    kept: Array
    keep: Array | float
    scale: float


@lowers(ScaledDotProductAttention)
def scaled_dot_product_attention(op: ScaledDotProductAttention, inputs: Arrays, at: Context) -> Forward:
    """`y = w v` with `w = softmax(q k^T * scale)` over the places that take part, thinned out in training."""
    query, key, value = inputs[:3]
    mask = _mask(op, inputs[3:], at)
    scale = 1 / sqrt(query.shape[-1]) if op.scale is None else op.scale
    y, seen = _attend(query, key, value, mask, scale, causal=op.is_causal, keep=_keep(op, "keep", at))
    return Forward((y,), (seen, len(inputs)))


@scaled_dot_product_attention.backward
def scaled_dot_product_attention_backward(
    op: ScaledDotProductAttention, saved: tuple[Any, ...], grads: Arrays, at: Context
) -> Backward:
    """Through the weighed sum to values and weights, through the softmax to matches, and from these to both factors."""
    del op, at
    seen, count = saved
    return Backward((*_attend_back(seen, grads[0]), *[None] * (count - 3)))


@lowers(MultiHeadAttention)
def multi_head_attention(op: MultiHeadAttention, inputs: Arrays, at: Context) -> Forward:
    """`y = concat of heads times W_o^T + b_o`, head h attending with its share of `q W_q^T + b_q` and its like."""
    mask = _mask(op, inputs[3:], at)
    projected = []
    for x, weight, bias in zip(inputs[:3], _weights(at), _biases(at), strict=True):
        projected.append(_heads(x @ weight.T + bias, op.num_heads))
    mask = None if mask is None else mask[:, None]
    scale = 1 / sqrt(projected[0].shape[-1])
    made, seen = _attend(
        projected[0],
        projected[1],
        projected[2],
        mask,
        scale,
        causal=op.is_causal,
        keep=_keep(op, "drop.keep", at),
    )
    together = _together(made)
    y = together @ at.parameters["out_proj.weight"].T
    return Forward((y + at.parameters["out_proj.bias"] if op.bias else y,), (inputs, seen, together))


@multi_head_attention.backward
def multi_head_attention_backward(
    op: MultiHeadAttention, saved: tuple[Any, ...], grads: Arrays, at: Context
) -> Backward:
    """Back through `out_proj`, through the heads, and through the three matrices that made their features."""
    inputs, seen, together = saved
    (g,) = grads
    gradients = {"out_proj.weight": _outer(g, together)}
    if op.bias:
        gradients["out_proj.bias"] = _total(g)
    back = [
        _together(one)
        for one in _attend_back(seen, _heads(g @ at.parameters["out_proj.weight"], op.num_heads))
    ]
    weights = [_outer(one, x) for one, x in zip(back, inputs, strict=False)]
    if "in_proj_weight" in at.parameters:
        gradients["in_proj_weight"] = np.concatenate(weights)
    else:
        gradients |= {f"{key}_proj_weight": one for key, one in zip("qkv", weights, strict=True)}
    if op.bias:
        gradients["in_proj_bias"] = np.concatenate([_total(one) for one in back])
    sent = tuple(one @ weight for one, weight in zip(back, _weights(at), strict=True))
    return Backward((*sent, *[None] * (len(inputs) - 3)), gradients)


def _attend(
    query: Array,
    key: Array,
    value: Array,
    mask: Array | None,
    scale: float,
    *,
    causal: bool,
    keep: Array | float,
) -> tuple[Array, _Attended]:
    """The weighed values, and what the way back wants to see again."""
    scores = query @ key.swapaxes(-1, -2) * scale
    taking = np.ones(scores.shape[-2:], dtype=bool)
    taking = np.tril(taking) if causal else taking
    taking = taking if mask is None else taking & mask
    raised = np.where(taking, scores, -np.inf)
    top = raised.max(axis=-1, keepdims=True, initial=-np.inf)
    exponentials = np.exp(raised - np.where(np.isfinite(top), top, 0))
    total = exponentials.sum(axis=-1, keepdims=True)
    weights = exponentials / np.where(total > 0, total, 1)
    kept = weights * keep
    return kept @ value, _Attended(query, key, value, weights, kept, keep, scale)


def _attend_back(seen: _Attended, g: Array) -> tuple[Array, Array, Array]:
    """`dv = w^T g`; `dw = g v^T`; `ds = w * (dw - sum of dw * w)`; `dq = ds k * scale`, `dk = ds^T q * scale`."""
    dw = g @ seen.value.swapaxes(-1, -2) * seen.keep
    ds = seen.weights * (dw - (dw * seen.weights).sum(axis=-1, keepdims=True)) * seen.scale
    return ds @ seen.key, ds.swapaxes(-1, -2) @ seen.query, seen.kept.swapaxes(-1, -2) @ g


def _mask(op: Any, where: Arrays, at: Context) -> Array | None:
    """Which keys take part, `[..., query or 1, key]`."""
    if not where:
        return None
    query, key, _, kind = at.types
    over = matched(query, key)
    mask = laid(where[0] != 0, kind, over, op.name)
    return mask if over.rank == key.rank else mask[..., None, :]


def _keep(op: Any, name: str, at: Context) -> Array | float:
    """What weights are multiplied by in training, 1 in evaluation."""
    return at.noise[name] / (1 - op.dropout) if at.mode == "train" and name in at.noise else 1.0


def _weights(at: Context) -> list[Array]:
    """The matrices of query, key and value."""
    if "in_proj_weight" in at.parameters:
        return np.split(at.parameters["in_proj_weight"], 3)
    return [at.parameters[f"{key}_proj_weight"] for key in "qkv"]


def _biases(at: Context) -> list[Array | float]:
    """The biases of query, key and value."""
    return [*np.split(at.parameters["in_proj_bias"], 3)] if "in_proj_bias" in at.parameters else [0.0] * 3


def _heads(x: Array, count: int) -> Array:
    """`[n, place, features]` as `[n, head, place, share]`."""
    return x.reshape(*x.shape[:2], count, x.shape[2] // count).swapaxes(1, 2)


def _together(x: Array) -> Array:
    """The way back of `_heads`."""
    turned = x.swapaxes(1, 2)
    return turned.reshape(*turned.shape[:2], turned.shape[2] * turned.shape[3])


def _outer(g: Array, x: Array) -> Array:
    """`sum over samples and places of g[..., o] * x[..., i]`."""
    return g.reshape(-1, g.shape[-1]).T @ x.reshape(-1, x.shape[-1])


def _total(g: Array) -> Array:
    """The sum over samples and places."""
    return np.asarray(g.sum(axis=(0, 1)))
