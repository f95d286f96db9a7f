"""What element by element rules share: plain numbers as they are, and gradients back to the shape they came from."""

from __future__ import annotations

import numpy as np

from netspec.ops.elementwise import number
from netspec_numpy.rule import Array, Arrays, Context

Operand = Array | float
"""A tensor, or a plain number, which has no gradient."""


def operands(inputs: Arrays, at: Context) -> tuple[Operand, ...]:
    """The inputs; a plain number, which its type tells, is that number."""
    pairs = zip(inputs, at.types, strict=True)
    return tuple(x if (value := number(kind)) is None else value for x, kind in pairs)


def back(x: Operand, gradient: Operand) -> Array | None:
    """The gradient of `x` from that of what it was spread to: summed over the axes it was spread along.

    None where `x` is a plain number, or no floating number.
    """
    if isinstance(x, float) or not np.issubdtype(x.dtype, np.floating):
        return None
    g = np.asarray(gradient)
    if g.ndim > x.ndim:
        g = g.sum(axis=tuple(range(g.ndim - x.ndim)))
    spread = tuple(i for i, (size, old) in enumerate(zip(g.shape, x.shape, strict=True)) if size != old)
    return np.asarray(g.sum(axis=spread, keepdims=True) if spread else g)
