"""Products of matrices: the backward is two of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from netspec.ops.matmul import Matmul
from netspec_numpy.rule import Array, Arrays, Backward, Context, Forward, lowers


@lowers(Matmul)
def matmul(op: Matmul, inputs: Arrays, at: Context) -> Forward:
    """`z[..., i, j] = sum over k of x[..., i, k] * y[..., k, j]`."""
    del op, at
    x, y = inputs
    return Forward((np.asarray(x @ y),), (x, y))


@matmul.backward
def matmul_backward(op: Matmul, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """`dx = g y^T` and `dy = x^T g`, summed over the axes along which a matrix was spread."""
    del op, at
    x, y = saved
    (g,) = grads
    return Backward((_lifted(g @ y.swapaxes(-1, -2), x.shape), _lifted(x.swapaxes(-1, -2) @ g, y.shape)))


def _lifted(g: Array, shape: tuple[int, ...]) -> Array:
    """Summed over axes that are not there, and over those of size 1."""
    g = g.sum(axis=tuple(range(g.ndim - len(shape))))
    spread = tuple(i for i, size in enumerate(shape) if size == 1 and g.shape[i] != 1)
    return np.asarray(g.sum(axis=spread, keepdims=True) if spread else g)
