"""A graph taken apart: every layer reads numbers of its own instead of what the layer before it gave.

So each layer meets the reference's inputs, and what one gets wrong reaches no other. Node, parameter and state keep
their paths; a value that a layer reads becomes an input called `<path of the layer><<number of the slot>`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netspec.backend import Feed, Run
from netspec.ir.graph import Graph, Node, Ref

Array = NDArray[Any]

CUT = "<"
"""Stands in no path of a spec."""


def apart(graph: Graph) -> Graph:
    """The same nodes on inputs of their own. Targets and numbers written in formulas stay where they are."""
    cut = {(node.path, i): ref for node, i, ref in _readings(graph)}
    nodes = tuple(
        replace(
            node,
            inputs=tuple(
                Ref(slot(node, i)) if (node.path, i) in cut else ref for i, ref in enumerate(node.inputs)
            ),
        )
        for node in graph.nodes
    )
    inputs = {slot(node, i): graph.type_of(ref) for node, i, ref in _readings(graph)}
    return replace(graph, inputs=inputs, nodes=nodes, entries={})


def slot(node: Node, number: int) -> str:
    """The name of the input that one slot of a layer reads."""
    return f"{node.path}{CUT}{number}"


def layer_of(name: str) -> str:
    """The path of the layer that reads an input of this name."""
    return name.partition(CUT)[0]


def readings(graph: Graph) -> dict[str, Ref]:
    """What every input of the graph taken apart was, by its name."""
    return {slot(node, i): ref for node, i, ref in _readings(graph)}


def is_written(node: Node) -> bool:
    """Whether a node is a number written in a formula, which every program is given exactly."""
    return not (node.op.slots or node.parameters)


def _readings(graph: Graph) -> Iterator[tuple[Node, int, Ref]]:
    """Every slot of every layer that reads an input or what another layer gave."""
    written = {node.path for node in graph.nodes if is_written(node)}
    for node in graph.nodes:
        for i, ref in enumerate(node.inputs):
            if ref.path not in graph.targets and ref.path not in written:
                yield node, i, ref


def feed_apart(graph: Graph, feed: Feed, run: Run, kinds: Mapping[str, str]) -> Feed:
    """The numbers for `apart(graph)`: what the run gave and sent back, rounded to the types that `kinds` tells.

    `kinds` holds number types by the text of a Ref; what it does not hold is rounded to float32, and so are parameters,
    state, targets and inputs.
    """
    given: dict[str, Array] = {}
    told: dict[str, str] = {}
    for name, ref in readings(graph).items():
        value = feed.inputs[ref.path] if ref.path in graph.inputs else run.values[str(ref)]
        kind = kinds.get(str(ref), "float32")
        given[name] = rounded(value, kind)
        if kind == "bfloat16":
            told[name] = kind
    sent = {}
    for key, gradient in run.back.items():
        kind = kinds.get(key, "float32")
        sent[key] = rounded(gradient, kind)
        if kind == "bfloat16":
            told[key] = kind
    return replace(
        feed,
        inputs=given,
        targets=_rounded(feed.targets),
        parameters=_rounded(feed.parameters),
        state=_rounded(feed.state),
        noise=_rounded(feed.noise),
        arriving=sent,
        kinds=told,
    )


def feed_rounded(feed: Feed) -> Feed:
    """The same numbers in float32, for a run from end to end."""
    return replace(
        feed,
        inputs=_rounded(feed.inputs),
        targets=_rounded(feed.targets),
        parameters=_rounded(feed.parameters),
        state=_rounded(feed.state),
        noise=_rounded(feed.noise),
    )


def _rounded(arrays: Mapping[str, Array]) -> dict[str, Array]:
    """Arrays in float32."""
    return {key: rounded(value, "float32") for key, value in arrays.items()}


def rounded(value: Array, kind: str) -> Array:
    """Floating numbers rounded to the nearest of a type, ties to even, held in float32; others as they are.

    A bfloat16 is the upper half of a float32.
    """
    if not np.issubdtype(value.dtype, np.floating):
        return value
    with np.errstate(over="ignore"):
        single = np.asarray(value, dtype=np.float32)
    if kind != "bfloat16":
        return single
    bits = np.atleast_1d(single).view(np.uint32)
    odd = (bits >> np.uint32(16)) & np.uint32(1)
    upper = (bits + np.uint32(0x7FFF) + odd) & np.uint32(0xFFFF0000)
    kept = np.where(np.isfinite(np.atleast_1d(single)), upper, bits).view(np.float32)
    return np.asarray(kept.reshape(single.shape))
