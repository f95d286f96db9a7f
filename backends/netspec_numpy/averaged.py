"""Weights averaged over steps, written out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from netspec.backend import Arrays
from netspec.recipe.average import Average
from netspec_numpy.rule import Array


def average(recipe: Average, weights: Sequence[Arrays]) -> list[dict[str, Array]]:
    """The averages after each step, given what the weights are after it; float64.

    `a(1) = w(1)`, `a(t) = ema * a(t-1) + (1 - ema) * w(t)`; an array of whole numbers is that of the last step.
    """
    after: list[dict[str, Array]] = []
    for now in weights:
        before = after[-1] if after else now
        after.append({key: _mean(recipe.ema, np.asarray(before[key]), np.asarray(now[key])) for key in now})
    return after


def _mean(ema: float, before: Array, now: Array) -> Array:
    """The average of one array."""
    if not np.issubdtype(now.dtype, np.floating):
        return now.copy()
    return np.asarray(ema * before.astype(np.float64) + (1 - ema) * now.astype(np.float64))
