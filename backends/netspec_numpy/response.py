"""Norms of single numbers by their neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np

from netspec.ops.response import LocalResponseNorm
from netspec_numpy.rule import Array, Arrays, Backward, Context, Forward, lowers


@lowers(LocalResponseNorm)
def local_response_norm(op: LocalResponseNorm, inputs: Arrays, at: Context) -> Forward:
    """`y[c] = x[c] / d[c] ** beta` with `d[c] = k + alpha / size * sum over j of x[j] ** 2`."""
    del at
    (x,) = inputs
    d = op.k + op.alpha / op.size * _summed(x * x, op.size // 2, (op.size - 1) // 2)
    return Forward((x * d**-op.beta,), (x, d))


@local_response_norm.backward
def local_response_norm_backward(
    op: LocalResponseNorm, saved: tuple[Any, ...], grads: Arrays, at: Context
) -> Backward:
    """`dx[j] = g[j] / d[j] ** beta - 2 * alpha * beta / size * x[j] * sum over c of g[c] * x[c] / d[c] ** (beta + 1)`.

    The channels c are those that look at j, so that the window is the other way round.
    """
    del at
    x, d = saved
    (g,) = grads
    seen = _summed(g * x * d ** (-op.beta - 1), (op.size - 1) // 2, op.size // 2)
    return Backward((g * d**-op.beta - (2 * op.alpha * op.beta / op.size) * x * seen,))


def _summed(x: Array, before: int, behind: int) -> Array:
    """For each channel the sum of it, those `before` it and those `behind` it, as far as they are there."""
    count = x.shape[1]
    reach = [
        x[:, max(c - before, 0) : min(c + behind + 1, count)].sum(axis=1, keepdims=True) for c in range(count)
    ]
    return np.concatenate(reach, axis=1)
