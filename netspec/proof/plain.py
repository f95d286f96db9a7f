"""The mode `float64`: the whole model in both backends, from end to end, against the rounding of float64."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netspec.backend import Arrays, Faithful, Feed, Reference, Run, Runner
from netspec.ir.graph import Graph
from netspec.proof import rounding
from netspec.proof.apart import is_written
from netspec.proof.compare import compare
from netspec.proof.culprit import culprit
from netspec.proof.draw import draw
from netspec.proof.result import Row, What
from netspec.proof.slope import Slopes, slope
from netspec.proof.stages import Stages

Array = NDArray[Any]


@dataclass(frozen=True)
class Whole:
    """What one batch gave in training or in evaluation.

    `kinked` counts the directions along which no slope could be measured; of the gradients of `nothing` rounding alone
    is left.
    """

    rows: tuple[Row, ...]
    kinked: int
    nothing: frozenset[str]


def whole(
    graph: Graph,
    feed: Feed,
    run: Run,
    sides: tuple[Reference, Runner],
    *,
    seed: int,
    stages: Stages,
    when: str,
) -> Whole:
    """Compare all that both backends make of a batch, and the reference's gradient with slopes."""
    ours, theirs = sides
    stages.begin(f"what rounding does in {when}")
    may = rounding.sizes(graph, run, feed, ours, seed=seed)
    stages.begin(f"{theirs.name} in {when}")
    given = theirs.run(graph, feed)
    if isinstance(theirs, Faithful):
        theirs.confirm(graph, feed, given)
    rows = list(_rows(graph, feed, run, given, may))
    stages.begin(f"slopes in {when}")
    found = slope(graph, feed, run, ours, may=may, terms=rounding.largest(graph, run, feed), seed=seed)
    rows += _located(graph, feed, run, ours, found, seed)
    nothing = {key for key, g in run.parameters.items() if not (abs(g) > may.parameters[key]).any()}
    return Whole(tuple(rows), found.kinked, frozenset(nothing))


def grouped(group: Graph, sides: tuple[Reference, Runner], *, seed: int, batch: int) -> list[Row]:
    """The rows of the graph from samples to groups, which has nothing to train."""
    feed = draw(group, seed=seed, batch=batch, mode="eval")
    ours, theirs = (side.run(group, feed, gradients=False) for side in sides)
    may = rounding.sizes(group, ours, feed, sides[0], seed=seed)
    return list(_values("group value", group, feed, ours, theirs, may))


def _located(graph: Graph, feed: Feed, run: Run, reference: Reference, found: Slopes, seed: int) -> list[Row]:
    """The rows of the slopes; where one differs, with the layer whose backward is not its own slope."""
    if all(row.ok for row in found.rows):
        return list(found.rows)
    layer = culprit(graph, feed, run, reference, seed=seed)
    return [row if row.ok else replace(row, layer=layer) for row in found.rows]


def _rows(graph: Graph, feed: Feed, ours: Run, theirs: Run, may: Run) -> Iterator[Row]:
    """The rows of one run in both backends; a value that the loss or an output does not need is compared as well."""
    yield from _values("value", graph, feed, ours, theirs, may)
    if ours.loss is not None:
        other = None if theirs.loss is None else np.asarray(theirs.loss)
        yield compare("loss", feed.mode, "loss", np.asarray(ours.loss), other, np.asarray(may.loss))
    parts: list[tuple[What, Arrays, Arrays, Arrays]] = [
        ("gradient", ours.parameters, theirs.parameters, may.parameters),
        ("input gradient", ours.inputs, theirs.inputs, may.inputs),
    ]
    if feed.mode == "train":
        parts.append(("state", ours.state, theirs.state, may.state))
    for what, mine, given, allowed in parts:
        for key, value in mine.items():
            yield compare(what, feed.mode, key, value, given.get(key), allowed[key])


def _values(what: What, graph: Graph, feed: Feed, ours: Run, theirs: Run, may: Run) -> Iterator[Row]:
    """The rows of all values but the numbers written in formulas."""
    written = {str(ref) for node in graph.nodes if is_written(node) for ref in node.refs}
    for key, value in ours.values.items():
        if key not in written:
            yield compare(what, feed.mode, key, value, theirs.values.get(key), may.values[key])
