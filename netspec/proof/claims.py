"""What a type claims of numbers, held against the numbers themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netspec.ir.types import TensorType

EPS = 2.0**-52
ONE = 1e-12
"""How far a sum of shares may be from one: no op adds as many as would lose more."""


def untrue(kind: TensorType, y: NDArray[Any]) -> Iterator[str]:
    """Every fact of `kind` that is false of `y`, in words. Bounds are mathematics: roundings are forgiven."""
    facts = kind.facts
    numeric = y.astype(np.float64)
    bounds = [abs(bound) for bound in (facts.low, facts.high) if np.isfinite(bound)]
    near = 64 * EPS * (1 + max(bounds, default=0.0))
    if y.size and numeric.min() < facts.low - near:
        yield f"{numeric.min():g} is below {facts.low:g}"
    if y.size and numeric.max() > facts.high + near:
        yield f"{numeric.max():g} is above {facts.high:g}"
    if facts.classes is not None and not _are_classes(numeric, facts.classes):
        yield f"not all are classes 0 .. {facts.classes - 1}"
    if facts.mask and not np.all((numeric == 0) | (numeric == 1)):
        yield "a mask is 0 or 1"
    spoken = (facts.sums_to_one, facts.nondecreasing, facts.log_probabilities)
    strange = [axis for axis in spoken if axis is not None and kind.find(axis) is None]
    if strange:
        yield f"a fact speaks of the axis `{strange[0]}`, and there is none in {kind.named()}"
    else:
        yield from _along(kind, numeric, near)


def _along(kind: TensorType, numeric: NDArray[Any], near: float) -> Iterator[str]:
    """The false facts among those that speak of an axis."""
    facts = kind.facts
    if facts.sums_to_one is not None:
        total = numeric.sum(axis=kind.find(facts.sums_to_one))
        if not np.allclose(total, 1, rtol=0, atol=ONE):
            yield f"along `{facts.sums_to_one}` it sums to {total.ravel()[:4]}, not to one"
    if facts.log_probabilities is not None:
        total = np.exp(numeric).sum(axis=kind.find(facts.log_probabilities))
        if not np.allclose(total, 1, rtol=0, atol=ONE):
            yield f"along `{facts.log_probabilities}` the exponentials sum to {total.ravel()[:4]}, not to one"
    if facts.nondecreasing is not None:
        steps = np.diff(numeric, axis=kind.find(facts.nondecreasing) or 0)
        if np.any(steps < -near):
            yield f"along `{facts.nondecreasing}` it falls by {-steps.min():g}"


def _are_classes(numbers: NDArray[Any], count: int) -> bool:
    """Whether all are whole and among the classes."""
    whole = np.array_equal(numbers, np.floor(numbers))
    return whole and bool(np.all((numbers >= 0) & (numbers < count)))
