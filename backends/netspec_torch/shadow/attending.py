"""Attention."""

from __future__ import annotations

from netspec_torch.shadow.moving import transpose
from netspec_torch.shadow.pointwise import mul, softmax
from netspec_torch.shadow.reducing import matmul
from netspec_torch.shadow.tensor import Shadow, made


def scaled_dot_product_attention(
    query: Shadow,
    key: Shadow,
    value: Shadow,
    mask: Shadow | None = None,
    *,
    is_causal: bool = False,
    scale: float | None = None,
) -> Shadow:
    """Of four axes what goes in and comes out, a number a query, and a mask as numbers; else as it is composed."""
    shape = (*query.shape[:-1], value.shape[-1])
    if query.rank == key.rank == value.rank == 4 and query.shape[-1] == value.shape[-1]:
        kept = [query, key, value, Shadow(query.shape[:-1]), None if mask is None else Shadow(mask.shape)]
        rows = Shadow((shape[0], shape[2], shape[1], shape[3]))
        like = transpose(rows, 1, 2)
        return made(shape, [query, key, value], kept, like=like, saves_result=True)
    del scale
    root = 1.0
    weights = matmul(mul(query, root), transpose(mul(key, root), -2, -1))
    if is_causal:
        mask = Shadow(weights.shape[-2:], "bool")
    if mask is not None:
        weights = weights + Shadow(mask.shape)
    shares = softmax(weights, -1)
    return matmul(shares, value)
