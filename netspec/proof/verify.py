"""The proof: one model on the same numbers in two backends, in every mode, in training and in evaluation."""

from __future__ import annotations

from collections.abc import Sequence

from netspec import backend as backends
from netspec.backend import Arrays, Reference, Runner, Stepper, Versatile
from netspec.ir.expand import expanded
from netspec.ir.graph import Graph
from netspec.passes.rows import masked
from netspec.proof import rounding
from netspec.proof.diverging import first, first_of_modes
from netspec.proof.draw import draw, evaluating
from netspec.proof.drift import Drift
from netspec.proof.modes import MODES, Layers, missing
from netspec.proof.plain import grouped, whole
from netspec.proof.result import Proof, Row
from netspec.proof.sizes import small_sizes
from netspec.proof.slope import DIRECTIONS
from netspec.proof.stages import Stages, Watch, unwatched
from netspec.proof.steps import STEPS, trained, updates
from netspec.recipe.descent import Descent
from netspec.recipe.pace import STEADY, Pace
from netspec.text import SpecError


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
    # Where the candidate says an op with others, each of these is a layer of its own: kinks lie between them.
    inner = expanded(graph, theirs.table()) if hasattr(theirs, "table") else graph
    stages = Stages(2 * (1 + 3 * plain + len(others)) + 2 * plain + (plain and group is not None), watch)
    rows: list[Row] = []
    apart: list[Row] = []
    together: list[Row] = []
    drift: list[Drift] = []
    gradients: Arrays = {}
    nothing: frozenset[str] = frozenset()
    sizes = small_sizes(graph, batch) | (small_sizes(group, batch) if group is not None else {})
    kinked = terms = 0
    for feed in (evaluating(training), training):
        when = "training" if feed.mode == "train" else "evaluation"
        stages.begin(f"the reference in {when}")
        run = ours.run(graph, feed)
        gradients, terms = run.parameters, rounding.largest(graph, run, feed)
        sizes |= {op.rows: len(run.values[node.path]) for node, op in masked(graph)}
        if plain:
            found = whole(graph, feed, run, (ours, theirs), seed=seed, stages=stages, when=when)
            rows += found.rows
            kinked, nothing = kinked + found.kinked, found.nothing
        if others and isinstance(theirs, Versatile):
            inside = run if inner is graph else ours.run(inner, feed)
            layers = Layers(inner, feed, inside, (ours, theirs), seed)
            for mode in others:
                stages.begin(f"{mode} in {when}")
                held = layers.hold(mode)
                apart, drift = [*apart, *held.rows], [*drift, *held.drift]
            del layers, inside
        del run
    if descent is not None and gradients and plain:
        stages.begin("update rules")
        rows += updates(descent, training.parameters, gradients, paces, (ours, theirs), seed)
        gradients = {}
        stages.begin(f"{len(paces)} steps of training")
        if isinstance(ours, Stepper) and isinstance(theirs, Stepper):
            walking = (ours, theirs)
            drift += trained(
                graph, descent, training, paces, walking, seed=seed, batch=batch, nothing=nothing
            )
    if group is not None and plain:
        stages.begin("groups")
        together = grouped(group, (ours, theirs), seed=seed, batch=batch)
    return Proof(
        reference=ours.name,
        candidate=theirs.name,
        seed=seed,
        sizes=sizes,
        rows=(*rows, *together, *apart),
        diverging=first(graph, rows, theirs.name)
        or first(group or graph, together, theirs.name)
        or first_of_modes(inner, apart, theirs.name),
        notes=_notes(graph, descent, rows, kinked),
        drift=tuple(sorted(drift, key=lambda one: list(MODES).index(one.way))),
        missing=left_out,
        terms=terms,
    )


def _reference(wanted: str | Reference) -> Reference:
    """The reference; SpecError NS716 where the backend of that name is none."""
    found = backends.find(wanted) if isinstance(wanted, str) else wanted
    if not isinstance(found, Reference):
        raise SpecError.of(
            "NS716", f"the backend `{found.name}` cannot tell how far rounding goes", help="use `numpy`"
        )
    return found


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
