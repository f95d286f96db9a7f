"""The proof: one model on the same numbers in two backends, both in float64, in training and in evaluation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netspec import backend as backends
from netspec.backend import Arrays, Feed, Reference, Run, Runner, Versatile
from netspec.ir.graph import Graph
from netspec.passes.rows import masked
from netspec.proof import rounding
from netspec.proof.compare import compare
from netspec.proof.culprit import culprit
from netspec.proof.diverging import first, first_of_modes
from netspec.proof.draw import draw, evaluating
from netspec.proof.drift import Drift
from netspec.proof.modes import MODES, Layers, missing
from netspec.proof.result import Proof, Row, What
from netspec.proof.sizes import small_sizes
from netspec.proof.slope import DIRECTIONS, Slopes, slope
from netspec.recipe.descent import Descent
from netspec.recipe.pace import STEADY, Pace
from netspec.text import SpecError

Array = NDArray[Any]

STEPS = 3
"""The first step cannot show a wrong momentum."""

MOST_MOVED = 2**16
"""So many numbers of each parameter take part in the steps: the rule is the same for all of them."""


def verify(
    graph: Graph,
    descent: Descent | None = None,
    *,
    group: Graph | None = None,
    seed: int = 0,
    batch: int = 2,
    paces: Sequence[Pace] = (STEADY,) * STEPS,
    modes: Sequence[str] = ("float64",),
    reference: str | Reference = "numpy",
    candidate: str | Runner = "torch",
) -> Proof:
    """Run a graph in both backends on random numbers and compare all that they give.

    Compared are every node's value, the loss, the gradient of every trainable parameter and floating input, and the
    running statistics; then the parameters after one step of `descent` for each of `paces` (what the schedule makes of
    it), from the same gradients; the reference's gradient with the slope of its loss; and every value of `group`,
    the graph from samples to groups. That is the mode `float64`; in each other one of `modes` every layer is compared
    by itself (see `modes`). Tolerances are derived (see `rounding` and `slope`). SpecError where a backend is missing
    or no numbers can be drawn.
    """
    ours, theirs = (
        _reference(reference),
        backends.find(candidate) if isinstance(candidate, str) else candidate,
    )
    training = draw(graph, seed=seed, batch=batch, mode="train")
    left_out = missing(theirs, modes)
    others = [mode for mode in MODES if mode != "float64" and mode not in {one.mode for one in left_out}]
    if not others and "float64" not in modes:
        raise SpecError.of(
            "NS717",
            "no mode that was asked for can be run here: "
            + "; ".join(f"`{one.mode}`: {one.why}" for one in left_out if one.mode in modes),
            help="leave `--modes` out, or name others",
        )
    rows: list[Row] = []
    apart: list[Row] = []
    drift: list[Drift] = []
    run: Run | None = None
    kinked = 0
    for feed in (evaluating(training), training):
        run = ours.run(graph, feed)
        if "float64" in modes:
            may = rounding.sizes(graph, run, feed, ours, seed=seed)
            rows += _runs(graph, feed, run, theirs.run(graph, feed), may)
            found = slope(
                graph, feed, run, ours, may=may, terms=rounding.largest(graph, run, feed), seed=seed
            )
            rows += _located(graph, feed, run, ours, found, seed)
            kinked += found.kinked
        if others and isinstance(theirs, Versatile):
            layers = Layers(graph, feed, run, (ours, theirs), seed)
            for mode in others:
                held = layers.hold(mode)
                apart += held.rows
                drift += held.drift
    if descent is not None and run is not None and run.parameters and "float64" in modes:
        rows += _updates(descent, training.parameters, run.parameters, paces, (ours, theirs), seed)
    together = _group(group, (ours, theirs), seed=seed, batch=batch) if group is not None else []
    sizes = small_sizes(graph, batch) | (small_sizes(group, batch) if group is not None else {})
    if run is not None:
        sizes |= {op.rows: len(run.values[node.path]) for node, op in masked(graph)}
    return Proof(
        reference=ours.name,
        candidate=theirs.name,
        seed=seed,
        sizes=sizes,
        rows=(*rows, *together, *apart),
        diverging=first(graph, rows, theirs.name)
        or first(group or graph, together, theirs.name)
        or first_of_modes(graph, apart, theirs.name),
        notes=_notes(graph, descent, rows, kinked),
        drift=tuple(drift),
        missing=left_out,
    )


def _reference(wanted: str | Reference) -> Reference:
    """The reference; SpecError NS716 where the backend of that name is none."""
    found = backends.find(wanted) if isinstance(wanted, str) else wanted
    if not isinstance(found, Reference):
        raise SpecError.of(
            "NS716", f"the backend `{found.name}` cannot tell how far rounding goes", help="use `numpy`"
        )
    return found


def _located(graph: Graph, feed: Feed, run: Run, reference: Reference, found: Slopes, seed: int) -> list[Row]:
    """The rows of the slopes; where one differs, with the layer whose backward is not its own slope."""
    if all(row.ok for row in found.rows):
        return list(found.rows)
    layer = culprit(graph, feed, run, reference, seed=seed)
    return [row if row.ok else replace(row, layer=layer) for row in found.rows]


def _runs(graph: Graph, feed: Feed, ours: Run, theirs: Run, may: Run) -> list[Row]:
    """The rows of one run in both backends; a value that the loss or an output does not need is compared as well."""
    rows = _values("value", graph, feed, ours, theirs, may)
    if ours.loss is not None:
        other = None if theirs.loss is None else np.asarray(theirs.loss)
        rows.append(compare("loss", feed.mode, "loss", np.asarray(ours.loss), other, np.asarray(may.loss)))
    parts: list[tuple[What, Arrays, Arrays, Arrays]] = [
        ("gradient", ours.parameters, theirs.parameters, may.parameters),
        ("input gradient", ours.inputs, theirs.inputs, may.inputs),
    ]
    if feed.mode == "train":
        parts.append(("state", ours.state, theirs.state, may.state))
    for what, mine, given, allowed in parts:
        rows += [
            compare(what, feed.mode, key, value, given.get(key), allowed[key]) for key, value in mine.items()
        ]
    return rows


def _values(what: What, graph: Graph, feed: Feed, ours: Run, theirs: Run, may: Run) -> list[Row]:
    """The rows of all values but the numbers written in formulas."""
    written = {
        str(ref) for node in graph.nodes if not (node.op.slots or node.parameters) for ref in node.refs
    }
    return [
        compare(what, feed.mode, key, value, theirs.values.get(key), may.values[key])
        for key, value in ours.values.items()
        if key not in written
    ]


def _group(group: Graph, sides: tuple[Reference, Runner], *, seed: int, batch: int) -> list[Row]:
    """The rows of the graph from samples to groups, which has nothing to train."""
    feed = draw(group, seed=seed, batch=batch, mode="eval")
    ours, theirs = (side.run(group, feed, gradients=False) for side in sides)
    may = rounding.sizes(group, ours, feed, sides[0], seed=seed)
    return _values("group value", group, feed, ours, theirs, may)


def _updates(
    descent: Descent,
    parameters: Mapping[str, Array],
    gradients: Mapping[str, Array],
    paces: Sequence[Pace],
    sides: tuple[Runner, Runner],
    seed: int,
) -> list[Row]:
    """The rows of the parameters after each step, from the run's gradients and, for later steps, random shares of them.

    Of a large parameter the first rows are taken. The tolerance is measured as in `rounding`: what the reference makes
    of slightly changed parameters and gradients, each step adding a few terms.
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
    for i, (mine, other) in enumerate(zip(ours, theirs, strict=True)):
        scale = rounding.LAM * rounding.ELEMENTARY * (i + 1) * rounding.EPS / rounding.DISTURBANCE
        for key, value in mine.items():
            may = rounding.spread([one[i][key] for one in shown], value) * scale
            rows.append(compare("update", f"step {i + 1}", key, value, other.get(key), may))
    return rows


def _first_rows(value: Array) -> Array:
    """A parameter's first rows, as many as take part in the steps and at least one."""
    return value[: max(1, MOST_MOVED * value.shape[0] // value.size)] if value.size > MOST_MOVED else value


def _notes(graph: Graph, descent: Descent | None, rows: Sequence[Row], kinked: int) -> tuple[str, ...]:
    """What was not proved, and why."""
    found = []
    if not graph.entry("loss"):
        found.append("the spec has no loss, so there are no gradients to compare")
    if descent is None:
        found.append("the spec names no optimizer, so no step was compared")
    endless = [row.where for row in rows if row.note.startswith("the reference itself")]
    if kinked:
        found.append(
            f"along {kinked} of {2 * DIRECTIONS} directions kinks lie too near for a slope, which prove nothing"
        )
    if endless:
        found.append(f"numbers that are not finite prove nothing: first at `{endless[0]}`")
    return tuple(found)
