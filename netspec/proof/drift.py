"""How far two runs come apart from end to end: told, never judged, because a network amplifies what it rounds."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netspec.backend import Run
from netspec.ir.graph import Graph

Array = NDArray[Any]


@dataclass(frozen=True)
class Drift:
    """Two tensors that went different ways: the cosine between them, and the distance over the reference's length.

    `way` is the mode of the proof, `mode` is `train` or `eval` or a step. `cosine` is None where one of them is zero,
    `relative` where the reference is.
    """

    way: str
    mode: str
    what: str
    where: str
    cosine: float | None
    relative: float | None

    def as_json(self) -> dict[str, object]:
        """Plain data."""
        return {
            "way": self.way,
            "mode": self.mode,
            "what": self.what,
            "where": self.where,
            "cosine": self.cosine,
            "relative": self.relative,
        }


def drifts(
    graph: Graph, way: str, mode: str, ours: Run, theirs: Run, nothing: Collection[str] = ()
) -> Iterator[Drift]:
    """The outputs, the loss, and the gradients: all of them as one vector, and the parameter whose cosine is least.

    Parameters in `nothing` have a gradient of which rounding alone is left, and no direction to drift from.
    """
    for name, ref in graph.entry("predict").items():
        if str(ref) in ours.values and str(ref) in theirs.values:
            yield of(way, mode, "output", name, ours.values[str(ref)], theirs.values[str(ref)])
    if ours.loss is not None and theirs.loss is not None:
        yield of(way, mode, "loss", "loss", np.asarray(ours.loss), np.asarray(theirs.loss))
    gradients = {key: gradient for key, gradient in ours.parameters.items() if key not in nothing}
    yield from vectors(way, mode, "gradient", gradients, theirs.parameters)


def vectors(
    way: str, mode: str, what: str, ours: Mapping[str, Array], theirs: Mapping[str, Array]
) -> Iterator[Drift]:
    """All tensors as one vector, and the tensor whose cosine is least."""
    shared = [key for key in ours if key in theirs and ours[key].shape == theirs[key].shape]
    if not shared:
        return
    each = [of(way, mode, what, key, ours[key], theirs[key]) for key in shared]
    sums = np.sum([_products(ours[key], theirs[key]) for key in shared], axis=0)
    yield _from(way, mode, what, "all", sums)
    measured = [one for one in each if one.cosine is not None]
    if len(measured) > 1:
        yield min(measured, key=lambda one: one.cosine or 0.0)


def of(way: str, mode: str, what: str, where: str, ours: Array, theirs: Array) -> Drift:
    """The drift of one tensor."""
    return _from(way, mode, what, where, _products(ours, theirs))


def _products(ours: Array, theirs: Array) -> Array:
    """a.a, b.b, a.b and (a - b).(a - b)."""
    a, b = (np.asarray(x, dtype=np.float64).ravel() for x in (ours, theirs))
    with np.errstate(invalid="ignore", over="ignore"):
        gap = a - b
        return np.asarray([a @ a, b @ b, a @ b, gap @ gap])


def _from(way: str, mode: str, what: str, where: str, sums: Array) -> Drift:
    """The drift that these products make; None for what is not finite."""
    ours, theirs, both, gap = (float(one) for one in sums)
    cosine = both / np.sqrt(ours * theirs) if ours > 0 and theirs > 0 else None
    relative = np.sqrt(gap / ours) if ours > 0 else None
    return Drift(way, mode, what, where, _finite(cosine), _finite(relative))


def _finite(value: float | None) -> float | None:
    return float(value) if value is not None and np.isfinite(value) else None
