"""From a sketch to a spec: its text, the graph that netspec reads from it, and the weights under that graph's keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from netspec.front import check_source
from netspec.ir.graph import Graph, Node
from netspec.recover.formula import items
from netspec.recover.idioms import shortened
from netspec.recover.item import Body, steps_of
from netspec.recover.mining import Mining
from netspec.recover.naming import word
from netspec.recover.series import Series
from netspec.recover.sketch import Sketch, Step
from netspec.recover.writing import Writing
from netspec.text import Severity, Source, SpecError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from netspec.recipe.spec import Spec

    Array = NDArray[Any]


MOST_STRUCTURED = 4000
"""So many layers are searched for what comes again; longer lists are written as they are."""


@dataclass(frozen=True)
class Written:
    """A spec that says what a sketch says: its text, the spec itself, and its numbers by the keys of its tables.

    `places` are the values of the sketch by the paths of the spec's nodes, as far as one step is one node.
    """

    text: str
    spec: Spec
    parameters: Mapping[str, Array]
    state: Mapping[str, Array]
    places: Mapping[str, str]
    sketch: Sketch


class Unfit(Exception):
    """The text is not what was meant; a plainer one may be."""


def written(sketch: Sketch) -> Written:
    """The spec of a sketch; SpecError NS774 where none is found that netspec reads as what was meant."""
    short = shortened(sketch)
    trouble: Exception | None = None
    for structured in (True, False):
        try:
            return _written(short, structured=structured)
        except Unfit as unfit:
            trouble = trouble or unfit
    raise SpecError.of(
        "NS774",
        f"no spec was found that says what `{sketch.name:.60}` does: {trouble}",
        help="please report it, with the source if you may share it",
    ) from trouble


def _written(sketch: Sketch, *, structured: bool) -> Written:
    """With blocks, residuals and branches, or as plain layers alone."""
    entry = next(iter(sketch.inputs)) if len(sketch.inputs) == 1 else None
    wanted = set(sketch.outputs.values())
    flat = items(sketch.steps, sketch.outputs)
    shared = {step.shares for step in sketch.steps if step.shares}
    shared |= {step.outputs[0] for step in sketch.steps if step.shares}
    if structured and len(flat) <= MOST_STRUCTURED:
        body = Series(flat, wanted).body(entry)
        mining = Mining(body, entry, wanted, shared)
        body, blocks = mining.body, mining.blocks
    else:
        body, blocks = tuple(flat), {}
    text = Writing(sketch, body, blocks, title(sketch.name)).text()
    spec, diagnostics = check_source(Source("imported.yaml", text), Path.cwd())
    errors = [one for one in diagnostics if one.severity is Severity.ERROR]
    if spec is None or errors:
        first = errors[0].message if errors else "it cannot be read"
        raise Unfit(first)
    parameters, state, places = _numbers(spec.graph, body)
    return Written(text, spec, parameters, state, places, sketch)


def title(name: str) -> str:
    """A name for the whole."""
    return word(name) or "imported"


def _nodes(graph: Graph) -> Iterator[Node]:
    """All nodes with numbers of their own or of others, in order."""
    for node in graph.nodes:
        for region in node.regions:
            yield from _nodes(region)
        if node.parameters or node.state:
            yield node


def _numbers(graph: Graph, body: Body) -> tuple[dict[str, Array], dict[str, Array], dict[str, str]]:
    """The numbers of the steps under the keys of the graph's tables, node by node; Unfit where the two do not match."""
    steps: list[Step] = [
        step for step in steps_of(body) if step.weights or step.shares or step.op == "batch_norm"
    ]
    nodes = list(_nodes(graph))
    if [one.op for one in steps] != [one.op.name for one in nodes]:
        raise Unfit("its layers come in another order than those of the source")
    parameters: dict[str, Array] = {}
    state: dict[str, Array] = {}
    places: dict[str, str] = {}
    for step, node in zip(steps, nodes, strict=True):
        places[node.path] = step.outputs[0]
        if step.shares:
            continue
        for own, key in node.parameters.items():
            wanted = graph.parameters[key].shape
            if own not in step.weights or tuple(step.weights[own].shape) != tuple(wanted):
                raise Unfit(f"`{key}` has no numbers of its shape")
            parameters[key] = np.ascontiguousarray(step.weights[own])
        for own, key in node.state.items():
            row = graph.state[key]
            given = step.weights.get(own)
            kind = np.int64 if row.dtype == "int64" else np.float32
            state[key] = np.full(row.shape, row.fill, kind) if given is None else np.asarray(given, kind)
    missing = graph.parameters.keys() - parameters.keys()
    if missing:
        raise Unfit(f"`{min(missing)}` has no numbers")
    return parameters, state, places
