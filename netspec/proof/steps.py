"""Steps of the declared training, in both backends.

Judged is the update rule: both sides are given the same parameters and gradients, and must make the same of them step
by step. Told besides is a true training: both sides start from the same numbers and then run forward, back, and take a
step, each on its own weights and statistics, with new samples and masks in every step. What one side rounds otherwise
is carried on and grows there as the model and its rates have it, so that nothing is judged by it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netspec.backend import Arrays, Feed, Run, Runner, Stepper
from netspec.ir.graph import Graph
from netspec.proof import rounding
from netspec.proof.compare import compare
from netspec.proof.draw import draw
from netspec.proof.drift import Drift, of, vectors
from netspec.proof.result import Row
from netspec.recipe.descent import Descent
from netspec.recipe.pace import Pace

Array = NDArray[Any]

STEPS = 3
"""The first step cannot show a wrong momentum."""

MOST_MOVED = 2**16
"""So many numbers of each parameter take part in judged steps: the rule is the same for all of them."""


def updates(
    descent: Descent,
    parameters: Arrays,
    gradients: Arrays,
    paces: Sequence[Pace],
    sides: tuple[Runner, Runner],
    seed: int,
) -> list[Row]:
    """The rows of the parameters after each step, from the run's gradients and, for later steps, random shares of them.

    Of a large parameter the first rows are taken. The tolerance is measured as in `rounding`: what the reference makes
    of slightly changed parameters and gradients, each step adding a few terms. Such changes may cancel where a move
    all but undoes a weight; what stays is that each step rounds the weight and its move anew, of which none is larger
    than twice the largest weight so far: half an ulp each, in either program.
    """
    rng = np.random.default_rng([seed, 3])
    start = {key: _first_rows(parameters[key]) for key in gradients}
    slopes = {key: _first_rows(gradient) for key, gradient in gradients.items()}
    given = [
        {key: g if i == 0 else g * rng.standard_normal(g.shape) for key, g in slopes.items()}
        for i in range(len(paces))
    ]
    ours, theirs = (side.update(descent, start, given, paces) for side in sides)
    shown = [
        sides[0].update(
            descent,
            rounding.disturbed_arrays(start, rng),
            [rounding.disturbed_arrays(one, rng) for one in given],
            paces,
        )
        for _ in range(rounding.RUNS)
    ]
    rows = []
    largest = {key: abs(value) for key, value in start.items()}
    for i, (mine, other) in enumerate(zip(ours, theirs, strict=True)):
        largest = {key: np.maximum(value, abs(mine[key])) for key, value in largest.items()}
        scale = rounding.LAM * rounding.ELEMENTARY * (i + 1) * rounding.EPS / rounding.DISTURBANCE
        for key, value in mine.items():
            may = rounding.spread([one[i][key] for one in shown], value) * scale
            may += np.nan_to_num(4 * largest[key] * (i + 1) * rounding.EPS, posinf=0.0)
            rows.append(compare("update", f"step {i + 1}", key, value, other.get(key), may))
    return rows


def _first_rows(value: Array) -> Array:
    """A parameter's first rows, as many as take part in the steps and at least one."""
    return value[: max(1, MOST_MOVED * value.shape[0] // value.size)] if value.size > MOST_MOVED else value


def trained(
    graph: Graph,
    descent: Descent,
    start: Feed,
    paces: Sequence[Pace],
    sides: tuple[Stepper, Stepper],
    *,
    seed: int,
    batch: int,
    nothing: Collection[str] = (),
) -> Iterator[Drift]:
    """How far the loss, the weights and the statistics of both sides come apart, step by step.

    The first step has the numbers of `start`, every other one samples and masks of its own. The weights are told by
    how they moved from where they began.
    """
    batches = _Batches(graph, start, seed, batch)
    ours, theirs = (_Training(side, graph, batches) for side in sides)
    walks = (one.walk(descent, paces) for one in (ours, theirs))
    for i, (mine, other) in enumerate(zip(*walks, strict=True), 1):
        step = f"step {i}"
        if ours.run is None or theirs.run is None:
            return
        if ours.run.loss is not None and theirs.run.loss is not None:
            pair = np.asarray(ours.run.loss), np.asarray(theirs.run.loss)
            yield of("float64", step, "loss", "loss", *pair)
        moves = [
            {key: w - start.parameters[key] for key, w in after.items() if key not in nothing}
            for after in (mine, other)
        ]
        yield from vectors("float64", step, "weights", *moves)
        floating = [
            {key: x for key, x in run.state.items() if np.issubdtype(x.dtype, np.floating)}
            for run in (ours.run, theirs.run)
        ]
        yield from vectors("float64", step, "statistics", *floating)


class _Training:
    """One side on its way: `run` is its last run."""

    def __init__(self, side: Stepper, graph: Graph, batches: _Batches) -> None:
        self._side, self._graph, self._batches = side, graph, batches
        self._held: Arrays = batches.start.parameters
        self.run: Run | None = None

    def walk(self, descent: Descent, paces: Sequence[Pace]) -> Iterator[Mapping[str, Array]]:
        """The parameters after each step."""
        for after in self._side.steps(descent, self._held, self._gradients(), paces):
            self._held = after
            yield after

    def _gradients(self) -> Iterator[Arrays]:
        """The gradients of each step, on what the steps before made of the parameters and the statistics."""
        step, state = 0, self._batches.start.state
        while True:
            feed = replace(self._batches.of(step), parameters=self._held, state=state)
            self.run = replace(self._side.run(self._graph, feed), values={}, back={})
            step, state = step + 1, self.run.state
            yield self.run.parameters


class _Batches:
    """What is trained on: the samples and masks of `start` first, then others; both sides ask for the same ones."""

    def __init__(self, graph: Graph, start: Feed, seed: int, batch: int) -> None:
        self.start = start
        self._graph, self._seed, self._batch = graph, seed, batch
        self._last = (0, start)

    def of(self, step: int) -> Feed:
        """The samples and masks of a step."""
        if self._last[0] != step:
            drawn = draw(
                self._graph, seed=self._seed + step, batch=self._batch, mode="train", held=self.start
            )
            self._last = (step, drawn)
        return self._last[1]
