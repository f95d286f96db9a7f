"""Attention as compiled models run it: a function and a layer, copied into the written file, that need torch alone."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 - the name that everybody, and the written code, gives it
from torch import nn


def attention(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    *,
    where: torch.Tensor | None = None,
    is_causal: bool = False,
    scale: float | None = None,
    drop: nn.Dropout | None = None,
) -> torch.Tensor:
    """Values `[..., s, v]` weighed by how well keys `[..., s, e]` match queries `[..., l, e]`: `[..., l, v]`.

    Keys take part where the mask `[..., l or 1, s]` holds; a query that none is there for gets 0. Weights go through
    `drop`.
    """
    mask = where
    drops = drop is not None and drop.training and drop.p > 0
    if is_causal and (drops or mask is not None):
        places = query.shape[-2], key.shape[-2]
        causal = torch.ones(places, dtype=torch.bool, device=query.device).tril()
        mask = causal if mask is None else mask & causal
        is_causal = False
    some = None if mask is None else mask.any(dim=-1, keepdim=True)
    if mask is not None and some is not None:
        mask = mask | ~some  # no row without a key, so no NaN: its result is taken away below
    if drop is not None and drops:
        factor = query.shape[-1] ** -0.5 if scale is None else scale
        scores = query @ key.transpose(-2, -1) * factor
        if mask is not None:
            scores = scores.masked_fill(~mask, -float("inf"))
        y = drop(scores.softmax(dim=-1)) @ value
    else:
        y = F.scaled_dot_product_attention(
            query,
            key,
            value,
            mask,
            is_causal=is_causal,
            scale=scale,
        )
    return y if some is None else torch.where(some, y, 0.0)


class MultiHeadAttention(nn.MultiheadAttention):
    """`nn.MultiheadAttention` of `[n, place, feature]`, with its parameters, that gives the values alone.

    Keys take part where the mask `[n, l or 1, s]` holds, which is the opposite of PyTorch's masks.
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        *,
        dropout: float = 0.0,
        bias: bool = True,
        kdim: int | None = None,
        vdim: int | None = None,
    ) -> None:
        super().__init__(
            embed_dim, num_heads, dropout=dropout, bias=bias, kdim=kdim, vdim=vdim, batch_first=True
        )
        self.drop = nn.Dropout(dropout)

    def forward(  # type: ignore[override]  # one tensor comes out, and the mask says who takes part
        self,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        *,
        where: torch.Tensor | None = None,
        is_causal: bool = False,
    ) -> torch.Tensor:
        """`[n, l, e]` of queries `[n, l, e]`, and keys and values `[n, s, ...]`."""
        packed, bias = self._parameters["in_proj_weight"], self._parameters["in_proj_bias"]
        apart = (self.q_proj_weight, self.k_proj_weight, self.v_proj_weight)
        weights = apart if packed is None else packed.chunk(3)
        biases = (None,) * 3 if bias is None else bias.chunk(3)
        heads = [
            torch.unflatten(F.linear(x, weight, own), 2, (self.num_heads, -1)).transpose(1, 2)
            for x, weight, own in zip((query, key, value), weights, biases, strict=True)
        ]
        mask = None if where is None else where.unsqueeze(1)
        y = attention(*heads, where=mask, is_causal=is_causal, drop=self.drop)
        made: torch.Tensor = self.out_proj(y.transpose(1, 2).flatten(2))
        return made
