"""Attention, and products of matrices."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from netspec.ops.attention import ScaledDotProductAttention
from netspec.ops.matmul import Matmul
from tests.conformance.case import Array
from tests.conformance.onnx_nodes.node import Node
from tests.conformance.onnx_nodes.use import Unsaid, Use, dropped, named, typed, use


def _attention(node: Node) -> Use:
    """Heads are an axis: ONNX may lay them out with the features, and share a key among several queries."""
    if any(one is not None for one in node.inputs[3:]):
        raise Unsaid("numbers are added to the matches, or keys of before are kept")
    if node.attributes.get("softcap", 0):
        raise Unsaid("matches are held within limits")
    flat = node.given(0).ndim == 3
    counts = [node.attributes.get(f"{which}_num_heads", 0) for which in ("q", "kv", "kv")]
    query, key, value = (
        _heads(node.given(i), count) if flat else node.given(i) for i, count in enumerate(counts)
    )
    shared = query.shape[1] // key.shape[1]
    key, value = (np.repeat(one, shared, axis=1) for one in (key, value))
    scale = node.attributes.get("scale")
    op = ScaledDotProductAttention(
        is_causal=bool(node.attributes.get("is_causal", 0)), scale=None if scale is None else float(scale)
    )
    return use(
        op,
        typed(("batch", "head", "place", "feature"), query),
        typed(("batch", "head", "key", "feature"), key),
        typed(("batch", "head", "key", "value"), value),
        back=_together if flat else lambda y: y,
    )


def _heads(x: Array, count: int) -> Array:
    """`[batch, place, head and feature]` as `[batch, head, place, feature]`."""
    return np.moveaxis(x.reshape(*x.shape[:2], count, -1), 1, 2)


def _together(y: Array) -> Array:
    """The way back."""
    return np.moveaxis(y, 1, 2).reshape(y.shape[0], y.shape[2], -1)


def _matmul(node: Node) -> Use:
    """A vector is a matrix of one row, or of one column; axes before the matrices spread."""
    x, y = node.given(0), node.given(1)
    rows = x[np.newaxis] if x.ndim == 1 else x
    columns = y[:, np.newaxis] if y.ndim == 1 else y
    rank = max(rows.ndim, columns.ndim)
    before = named(range(rank - 2))
    left, right = (one.reshape((1,) * (1 + rank - one.ndim) + one.shape) for one in (rows, columns))
    gone = (*((-2,) if x.ndim == 1 else ()), *((-1,) if y.ndim == 1 else ()))
    return use(
        Matmul(broadcast=left.shape[:-2] != right.shape[:-2]),
        typed(("batch", *before, "row", "inner"), left),
        typed(("batch", *before, "inner", "column"), right),
        back=lambda z: dropped(z).squeeze(gone),
    )


TABLE: dict[str, Callable[[Node], Use]] = {"Attention": _attention, "MatMul": _matmul}
