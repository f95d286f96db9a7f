"""The reference's own gradient, held against the slope of its loss along a random direction.

Along a direction v of all parameters and inputs the loss is a function of one number, f(t) = L(w + t v), and its slope
at 0 must be the gradient times v. The slope is taken as D(h) = (f(h) - f(-h)) / (2 h) for three steps h1 > h2 > h3.
What D(h1) and D(h2) differ by bounds the error that the curve's bend leaves in D(h2) (it falls with h squared, or with
h where kinks are crossed); what D(h2) and D(h3) differ by shows the rounding (it grows with 1 / h). The tolerance is
four times their sum, and what the rounding of L itself makes of the quotient (see `rounding`; L's own tolerance over
K and h2), in case the three agree by chance. A wrong gradient is wrong by the same amount for every h.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netspec.backend import Arrays, Feed, Run, Runner
from netspec.ir.graph import Graph
from netspec.proof.result import Row
from netspec.proof.rounding import EPS, LAM

Array = NDArray[Any]

STEPS = (2.0**-20, 2.0**-23, 2.0**-26)


def slope(graph: Graph, feed: Feed, run: Run, reference: Runner, *, rounding: float, seed: int) -> list[Row]:
    """The row of a run with gradients; none where there is nothing to differentiate.

    `rounding` is how far one loss may be off, without the allowance for its longest sum.
    """
    rng = np.random.default_rng([seed, 2])
    parameters = {key: _direction(feed.parameters[key], rng) for key in run.parameters}
    inputs = {key: _direction(feed.inputs[key], rng) for key in run.inputs}
    if not parameters and not inputs:
        return []

    def loss(t: float) -> float:
        there = replace(
            feed, parameters=_moved(feed.parameters, parameters, t), inputs=_moved(feed.inputs, inputs, t)
        )
        found = reference.run(graph, there, gradients=False).loss
        return float("nan") if found is None else found

    shares = [run.parameters[key] * v for key, v in parameters.items()]
    shares += [run.inputs[key] * v for key, v in inputs.items()]
    told = float(sum(np.sum(share) for share in shares))
    size = float(sum(np.sum(abs(share)) for share in shares))
    bent, best, rough = ((loss(h) - loss(-h)) / (2 * h) for h in STEPS)
    tolerance = 4 * (abs(bent - best) + abs(best - rough)) + LAM * EPS * size + rounding / STEPS[1]
    finite = bool(np.isfinite([told, best, tolerance]).all())
    far = abs(told - best)
    return [
        Row(
            "slope",
            feed.mode,
            "all",
            difference=far if finite else float("inf"),
            relative=far / abs(told) if finite and told else None,
            tolerance=tolerance,
            place=(),
            ok=far <= tolerance or not finite,
            note="" if finite else "the reference itself is not finite here",
        )
    ]


def _direction(value: Array, rng: np.random.Generator) -> Array:
    """Random moves of the size of the tensor's own numbers."""
    size = np.sqrt(np.mean(np.square(value))) if value.size else 1.0
    return np.asarray(rng.standard_normal(value.shape) * (size or 1.0))


def _moved(start: Arrays, direction: Arrays, t: float) -> dict[str, Array]:
    """All numbers, those that have a direction moved along it."""
    return {key: value + t * direction[key] if key in direction else value for key, value in start.items()}
