"""Vectors and numbers that are compared with one another."""

from __future__ import annotations

from typing import Any

import numpy as np

from netspec.ops.pair import CosineEmbedding, CosineSimilarity, MarginRanking, TripletMargin, compared
from netspec_numpy.loss import back, reduced, spread, weighed
from netspec_numpy.rule import Array, Arrays, Backward, Context, Forward, lowers

TINY = 1e-12  # PyTorch adds it to the squares of lengths


@lowers(CosineSimilarity)
def cosine_similarity(op: CosineSimilarity, inputs: Arrays, at: Context) -> Forward:
    """The sum of products of both vectors, each over its length held at eps or above."""
    axis = compared(at.types[:2], op.axis, op.name)
    lengths = [np.sqrt((x**2).sum(axis=axis, keepdims=True)) for x in inputs]
    u, v = (x / np.maximum(n, op.eps) for x, n in zip(inputs, lengths, strict=True))
    return Forward(((u * v).sum(axis=axis),), (u, v, *lengths))


@cosine_similarity.backward
def cosine_similarity_backward(
    op: CosineSimilarity, saved: tuple[Any, ...], grads: Arrays, at: Context
) -> Backward:
    """With u and v of length 1 and c their product: `(v - c * u) / |x|`; a length of 0 has no slope."""
    u, v, m, n = saved
    axis = compared(at.types[:2], op.axis, op.name)
    g, c = np.expand_dims(grads[0], axis), (u * v).sum(axis=axis, keepdims=True)

    def slope(own: Array, other: Array, length: Array) -> Array:
        held = np.maximum(length, op.eps)
        # own * held is the vector itself, and over its length how that changes
        turn = np.where(length > 0, own * held / np.where(length > 0, length, 1), 0)
        return np.asarray(g * (other - c * turn) / held)

    return Backward((slope(u, v, m), slope(v, u, n)))


@lowers(CosineEmbedding)
def cosine_embedding(op: CosineEmbedding, inputs: Arrays, at: Context) -> Forward:
    """`1 - c` for a yes, `max(0, c - margin)` for a no, `c = x . y / sqrt((x . x + 1e-12) * (y . y + 1e-12))`."""
    x, y, yes = inputs[0], inputs[1], inputs[2].astype(bool)
    axis = compared(at.types[:2], op.axis, op.name)
    xx, yy = ((z**2).sum(axis=axis) + TINY for z in (x, y))
    c = (x * y).sum(axis=axis) / (np.sqrt(xx) * np.sqrt(yy))
    each = np.where(yes, 1 - c, np.maximum(c - op.margin, 0)).astype(c.dtype)
    parts = weighed(op, each, inputs, at)
    return Forward((reduced(op, parts),), (x, y, yes, xx, yy, c, axis, parts))


@cosine_embedding.backward
def cosine_embedding_backward(
    op: CosineEmbedding, saved: tuple[Any, ...], grads: Arrays, at: Context
) -> Backward:
    """To c -1 for a yes and 1 for a no from the margin on; from c `y / sqrt(xx * yy) - c * x / xx`."""
    del at
    x, y, yes, xx, yy, c, axis, parts = saved
    sign = np.where(yes, -1, c >= op.margin).astype(c.dtype)
    each, c, xx, yy = (np.expand_dims(one, axis) for one in (spread(op, grads[0], parts) * sign, c, xx, yy))
    both = np.sqrt(xx) * np.sqrt(yy)
    dx, dy = each * (y / both - c * x / xx), each * (x / both - c * y / yy)
    return Backward(back(op, grads[0], parts, dx, dy, None))


@lowers(TripletMargin)
def triplet_margin(op: TripletMargin, inputs: Arrays, at: Context) -> Forward:
    """`max(0, d(a, p) - d(a, n) + margin)`, with `swap` the smaller of `d(a, n)` and `d(p, n)`."""
    a, p, n = inputs[:3]
    axis = compared(at.types[:3], op.axis, op.name)
    gaps = [x - y + op.eps for x, y in ((a, p), (a, n), (p, n))]
    near, far, other = ((np.abs(gap) ** op.p).sum(axis=axis) ** (1 / op.p) for gap in gaps)
    least = np.minimum(far, other) if op.swap else far
    each = np.maximum(near - least + op.margin, 0)
    parts = weighed(op, each, inputs, at)
    return Forward((reduced(op, parts),), (gaps, (near, far, other), least, axis, parts))


@triplet_margin.backward
def triplet_margin_backward(
    op: TripletMargin, saved: tuple[Any, ...], grads: Arrays, at: Context
) -> Backward:
    """The slope of each distance, `sign(gap) * (|gap| / d) ** (p - 1)`, to both of its ends."""
    del at
    gaps, (near, far, other), least, axis, parts = saved
    each = spread(op, grads[0], parts) * (near - least + op.margin >= 0)
    nearer = (
        np.sign(other - far) if op.swap else 1
    )  # 1 where the anchor is, -1 where the positive is, 0 for neither
    shares = (each, -each * (1 + nearer) / 2, -each * (1 - nearer) / 2)
    ap, an, pn = (
        np.expand_dims(share, axis) * _slope(gap, np.expand_dims(d, axis), op.p)
        for gap, d, share in zip(gaps, (near, far, other), shares, strict=True)
    )
    return Backward(back(op, grads[0], parts, ap + an, pn - ap, -an - pn))


@lowers(MarginRanking)
def margin_ranking(op: MarginRanking, inputs: Arrays, at: Context) -> Forward:
    """`max(0, margin - sign * (first - second))`, the sign 1 for a yes and -1 for a no."""
    first, second = inputs[:2]
    sign = np.where(inputs[2].astype(bool), 1, -1).astype(first.dtype)
    short = op.margin - sign * (first - second)
    parts = weighed(op, np.maximum(short, 0), inputs, at)
    return Forward((reduced(op, parts),), (sign, short, parts))


@margin_ranking.backward
def margin_ranking_backward(
    op: MarginRanking, saved: tuple[Any, ...], grads: Arrays, at: Context
) -> Backward:
    """The sign with its opposite to the first, as long as anything is missing, and the sign to the second."""
    del at
    sign, short, parts = saved
    each = spread(op, grads[0], parts) * sign * (short >= 0)
    return Backward(back(op, grads[0], parts, -each, each, None))


def _slope(gap: Array, distance: Array, p: float) -> Array:
    """How a distance changes with each difference; 0 where there is none."""
    ratio = np.abs(gap) / np.where(distance > 0, distance, 1)
    return np.asarray(np.where(distance > 0, np.sign(gap) * ratio ** (p - 1), 0))
