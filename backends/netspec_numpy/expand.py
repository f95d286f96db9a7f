"""Spreading over the axes of another value."""

from __future__ import annotations

from typing import Any

import numpy as np

from netspec.ops.elementwise import number
from netspec.ops.expand import Expand
from netspec_numpy.laying import laid, lifted
from netspec_numpy.rule import Arrays, Backward, Context, Forward, float_like, lowers


@lowers(Expand)
def expand(op: Expand, inputs: Arrays, at: Context) -> Forward:
    """The same numbers along every axis that x has not."""
    x, like = inputs
    wide = laid(x, at.types[0], at.types[1], op.name)
    return Forward((np.broadcast_to(wide, like.shape).copy(),), (x,))


@expand.backward
def expand_backward(op: Expand, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """The sum over those axes; `like` only lends its axes."""
    (x,) = saved
    (g,) = grads
    if number(at.types[0]) is not None or float_like(x).dtype != x.dtype:
        return Backward((None, None))
    return Backward((lifted(g, at.types[0], at.types[1], op.name), None))
