"""The reference's own gradient, held against the slope of its loss along random directions, away from kinks.

Along a direction v of all parameters and inputs the loss is a function of one number, f(t) = L(w + t v), and its slope
at 0 must be the gradient times v. The slope is taken as D(h) = (f(h) - f(-h)) / (2 h). Of a smooth f it is off by what
the rounding of L leaves in the quotient, R(h) = r / h, and by a bend that falls with h squared. A kink (a relu that
changes sides between -h and h) leaves half its jump, however small h is, and is no fault of the gradient. So h is made
smaller until nothing of a bend or kink is seen: D(h) and D(h / 4) agree within rounding, and so do the differences
of the slopes on both sides, S(h) = (f(h) - 2 f(0) + f(-h)) / h and 4 S(h / 4), which a smooth f makes proportional to
h, and a kink at 0 does not. A kink that escapes both has a jump of less than 6 R(h / 4), and moves D by half of it: the
tolerance is 4 R(h / 4), and what the rounding of the gradient itself makes of the product. A direction along which
kinks lie closer than rounding lets see is told and proves nothing; no tolerance is widened for it.

r is the tolerance of L (see `rounding`), which has the K terms of the longest sum, over the root of K: each of two
evaluations of the same program is off by a random walk of roundings and not by their sum.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import isfinite, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netspec.backend import Arrays, Feed, Run, Runner
from netspec.ir.graph import Graph
from netspec.proof.result import Row
from netspec.proof.rounding import EPS, LAM

Array = NDArray[Any]

STEPS = tuple(2.0**-i for i in range(18, 36, 2))
"""The sizes of h that are tried, each a quarter of the one before."""

DIRECTIONS = 3


@dataclass(frozen=True)
class Slopes:
    """A row for every direction along which a slope could be measured, and how many there were besides."""

    rows: tuple[Row, ...]
    kinked: int = 0


@dataclass(frozen=True)
class Measured:
    """A slope, how far rounding may have moved it, and which of the steps it took to be away from kinks."""

    slope: float
    rounding: float
    step: int


def slope(
    graph: Graph, feed: Feed, run: Run, reference: Runner, *, may: Run, terms: int, seed: int
) -> Slopes:
    """The rows of a run with gradients; none where there is nothing to differentiate.

    `may` holds the tolerances of the run's numbers, `terms` is the longest sum of the model.
    """
    free = {key: gradient for key, gradient in run.inputs.items() if is_free(graph, key)}
    if run.loss is None or not (run.parameters or free):
        return Slopes(())
    rng = np.random.default_rng([seed, 2])
    once = (may.loss or 0.0) / sqrt(terms) + LAM * EPS * abs(run.loss)
    rows: list[Row] = []
    kinked = 0
    start = min(max(0, _bits(run) - 18) // 2, len(STEPS) - 2)  # more numbers, and nearer kinks
    for number in range(1, DIRECTIONS + 1):
        parameters = {key: direction(feed.parameters[key], rng) for key in run.parameters}
        inputs = {key: direction(feed.inputs[key], rng) for key in free}
        loss = _along(graph, feed, reference, parameters, inputs)
        told, off = _product(run.parameters, may.parameters, parameters)
        more, off_more = _product(free, may.inputs, inputs)
        told, off = told + more, sqrt(off**2 + off_more**2)
        found = measure(loss, run.loss, once, start)
        if found is None:
            kinked += 1
            continue
        start = max(found.step - 1, 0)
        rows.append(_row(feed.mode, f"direction {number}", told, found, off))
    return Slopes(tuple(rows), kinked)


def measure(loss: Callable[[float], float], here: float, once: float, start: int = 0) -> Measured | None:
    """The slope of a function at 0 from the first of the steps at which nothing of a kink is seen; None without one.

    `here` is its value at 0, `once` how far one value may be off. Values that are not finite end the search.
    """
    above, below = loss(STEPS[start]), loss(-STEPS[start])
    for i in range(start, len(STEPS) - 1):
        h, less = STEPS[i], STEPS[i + 1]
        near, far = loss(less), loss(-less)
        wide, narrow = (above - below) / (2 * h), (near - far) / (2 * less)
        if not isfinite(wide) or not isfinite(narrow):
            return Measured(float("nan"), float("nan"), i)
        rounding = once / less
        sides = (above - 2 * here + below) / h - 4 * (near - 2 * here + far) / less
        if abs(wide - narrow) <= 2.5 * rounding and abs(sides) <= 17 * rounding:
            return Measured(narrow, rounding, i)
        above, below = near, far
    return None


def is_free(graph: Graph, key: str) -> bool:
    """Whether an input may move at all: masks and classes may not."""
    facts = graph.inputs[key].facts
    return not facts.mask and facts.classes is None


def _bits(run: Run) -> int:
    """How many numbers a run gave, as a power of two."""
    return sum(value.size for value in run.values.values()).bit_length()


def _along(
    graph: Graph, feed: Feed, reference: Runner, parameters: Arrays, inputs: Arrays
) -> Callable[[float], float]:
    """The loss as a function of how far the numbers move along a direction."""

    def loss(t: float) -> float:
        there = replace(
            feed, parameters=moved(feed.parameters, parameters, t), inputs=moved(feed.inputs, inputs, t)
        )
        found = reference.run(graph, there, gradients=False).loss
        return float("nan") if found is None else found

    return loss


def _product(gradients: Arrays, may: Arrays, direction: Arrays) -> tuple[float, float]:
    """The gradients times a direction, and how far rounding may move that."""
    told, off = 0.0, 0.0
    for key, v in direction.items():
        share = gradients[key] * v
        told += float(np.sum(share))
        off += float(np.sum(np.square(may[key] * v))) + float(np.sum(np.square(LAM * EPS * share)))
    return told, sqrt(off)


def _row(mode: str, where: str, told: float, found: Measured, off: float) -> Row:
    """The row of one direction; what is not finite proves nothing."""
    far, tolerance = abs(told - found.slope), 4 * found.rounding + off
    finite = isfinite(far) and isfinite(tolerance)
    return Row(
        "slope",
        mode,
        where,
        difference=far if finite else float("inf"),
        relative=far / abs(told) if finite and told else None,
        tolerance=tolerance,
        place=(),
        ok=not finite or far <= tolerance,
        note="" if finite else "the reference itself is not finite here",
    )


def direction(value: Array, rng: np.random.Generator) -> Array:
    """Random moves of the size of the tensor's own numbers."""
    size = np.sqrt(np.mean(np.square(value))) if value.size else 1.0
    return np.asarray(rng.standard_normal(value.shape) * (size or 1.0))


def moved(start: Arrays, direction: Arrays, t: float) -> dict[str, Array]:
    """All numbers, those that have a direction moved along it."""
    return {key: value + t * direction[key] if key in direction else value for key, value in start.items()}
