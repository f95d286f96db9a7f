"""What is laid over another value by the names of its axes, as NumPy spreads it."""

from __future__ import annotations

import numpy as np

from netspec.ir.types import TensorType
from netspec.ops.laying import lay
from netspec_numpy.rule import Array


def laid(x: Array, kind: TensorType, over: TensorType, op: str) -> Array:
    """`x` with the axes of `over` in their order, of size 1 where it has none."""
    places, _ = lay(kind, over, op, 0, "input")
    turned = x.transpose(np.argsort(places))
    return turned[tuple(slice(None) if i in places else None for i in range(over.rank))]


def lifted(g: Array, kind: TensorType, over: TensorType, op: str) -> Array:
    """The way back of `laid`: summed over the axes along which it was spread, the rest in the order of `kind`."""
    places, _ = lay(kind, over, op, 0, "input")
    rest = g.sum(axis=tuple(i for i in range(over.rank) if i not in places))
    ranks = np.argsort(np.argsort(places))
    return np.asarray(rest.transpose(ranks))
