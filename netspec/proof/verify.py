"""The proof: one model on the same numbers in two backends, both in float64, in training and in evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netspec import backend as backends
from netspec.backend import Arrays, Feed, Reference, Run, Runner, Stepper, Versatile
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
from netspec.proof.stages import Stages, Watch, unwatched
from netspec.proof.steps import STEPS, trained, updates
from netspec.recipe.descent import Descent
from netspec.recipe.pace import STEADY, Pace
from netspec.text import SpecError

Array = NDArray[Any]


def verify(
    graph: Graph,
    descent: Descent | None = None,
    *,
    group: Graph | None = None,
    seed: int = 0,
    batch: int = 2,
    paces: Sequence[Pace] = (STEADY,) * STEPS,
    modes: Sequence[str] = ("float64",),
    watch: Watch = unwatched,
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
    plain = "float64" in modes
    stages = Stages(2 * (1 + 3 * plain + len(others)) + 2 * plain + (group is not None), watch)
    rows: list[Row] = []
    apart: list[Row] = []
    drift: list[Drift] = []
    run: Run | None = None
    kinked = 0
    noise: Arrays = {}
    for feed in (evaluating(training), training):
        when = "training" if feed.mode == "train" else "evaluation"
        stages.begin(f"the reference in {when}")
        run = ours.run(graph, feed)
        if plain:
            stages.begin(f"what rounding does in {when}")
            may = rounding.sizes(graph, run, feed, ours, seed=seed)
            noise = may.parameters
            stages.begin(f"{theirs.name} in {when}")
            rows += _runs(graph, feed, run, theirs.run(graph, feed), may)
            stages.begin(f"slopes in {when}")
            found = slope(
                graph, feed, run, ours, may=may, terms=rounding.largest(graph, run, feed), seed=seed
            )
            rows += _located(graph, feed, run, ours, found, seed)
            kinked += found.kinked
        if others and isinstance(theirs, Versatile):
            layers = Layers(graph, feed, run, (ours, theirs), seed)
            for mode in others:
                stages.begin(f"{mode} in {when}")
                held = layers.hold(mode)
                apart += held.rows
                drift += held.drift
    if descent is not None and run is not None and run.parameters and plain:
        stages.begin("update rules")
        rows += updates(descent, training.parameters, run.parameters, paces, (ours, theirs), seed)
        stages.begin(f"{len(paces)} steps of training")
        if isinstance(ours, Stepper) and isinstance(theirs, Stepper):
            sides = (ours, theirs)
            nothing = {key for key, g in run.parameters.items() if not (abs(g) > noise[key]).any()}
            drift += trained(graph, descent, training, paces, sides, seed=seed, batch=batch, nothing=nothing)
    together: list[Row] = []
    if group is not None and plain:
        stages.begin("groups")
        together = _group(group, (ours, theirs), seed=seed, batch=batch)
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
        drift=tuple(sorted(drift, key=lambda one: list(MODES).index(one.way))),
        missing=left_out,
        terms=0 if run is None else rounding.largest(graph, run, training),
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
