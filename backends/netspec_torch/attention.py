"""Attention by `F.scaled_dot_product_attention`, with the weights of `nn.MultiheadAttention`."""

from __future__ import annotations

import ast

from netspec.ops.attending import matched
from netspec.ops.attention import MultiHeadAttention, ScaledDotProductAttention, features
from netspec_torch.laying import laid
from netspec_torch.rule import Lowered, Site, Value, call, lowers, method


@lowers(ScaledDotProductAttention)
def scaled_dot_product_attention(op: ScaledDotProductAttention, at: Site) -> Lowered:
    """`F.scaled_dot_product_attention`; the support function `attention` with a mask, or with dropout."""
    options: dict[str, Value] = {"is_causal": True} if op.is_causal else {}
    if op.scale is not None:
        options["scale"] = op.scale
    if len(at.inputs) == 3 and not op.dropout:
        return Lowered(call("F.scaled_dot_product_attention", *at.inputs, **options))
    if len(at.inputs) > 3:
        options["where"] = _mask(op, at)
    layer = None
    if op.dropout:
        options["drop"] = at.module
        layer = call("nn.Dropout", op.dropout)
    return Lowered(call("attention", *at.inputs[:3], **options), layer, ("attention",))


@lowers(MultiHeadAttention)
def multi_head_attention(op: MultiHeadAttention, at: Site) -> Lowered:
    """An `nn.MultiheadAttention` that gives the values alone, the support class `MultiHeadAttention`."""
    embed, from_key, from_value = features(op, *at.types[:3])
    options: dict[str, Value] = {}
    if op.dropout:
        options["dropout"] = op.dropout
    if not op.bias:
        options["bias"] = False
    if not from_key == from_value == embed:
        options |= {"kdim": from_key, "vdim": from_value}
    layer = call("MultiHeadAttention", embed, op.num_heads, **options)
    given: dict[str, Value] = {"where": _mask(op, at)} if len(at.inputs) > 3 else {}
    if op.is_causal:
        given["is_causal"] = True
    made = call(at.module, *at.inputs[:3], **given)
    return Lowered(made, layer, ("attention", "MultiHeadAttention"))


def _mask(op: ScaledDotProductAttention | MultiHeadAttention, at: Site) -> ast.expr:
    """Which keys take part, `[..., query or 1, key]`."""
    where = at.inputs[3] if at.types[3].dtype == "bool" else method(at.inputs[3], "bool")
    query, key, _, kind = at.types
    over = matched(query, key)
    mask = laid(where, kind, over, op.name)
    return mask if over.rank == key.rank else method(mask, "unsqueeze", -2)
