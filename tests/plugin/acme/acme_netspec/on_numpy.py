"""The rules of the reference: a forward, and the backward beside it."""

from __future__ import annotations

from typing import Any

import numpy as np

from netspec_numpy.rule import Arrays, Backward, Context, Forward, lowers

from .ops import GemPool


@lowers(GemPool)
def gem_pool(op: GemPool, inputs: Arrays, at: Context) -> Forward:
    """`weight * m ** (1 / p)`, m the mean over space of `max(x, eps) ** p`."""
    (x,) = inputs
    space = tuple(range(2, x.ndim))
    held = np.maximum(x, op.eps)
    m = (held**op.p).mean(axis=space)
    return Forward((at.parameters["weight"] * m ** (1 / op.p),), (x, held, m, space))


@gem_pool.backward
def gem_pool_backward(op: GemPool, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """`m ** (1 / p - 1) * max(x, eps) ** (p - 1)` over the places to x, the mean itself to the gain."""
    x, held, m, space = saved
    g, weight = grads[0], at.parameters["weight"]
    places = x[0, 0].size
    sent = np.expand_dims(g * weight * m ** (1 / op.p - 1) / places, space)
    dx = np.where(x >= op.eps, sent * held ** (op.p - 1), 0)
    return Backward((dx.astype(x.dtype),), {"weight": (g * m ** (1 / op.p)).sum(axis=0)})
