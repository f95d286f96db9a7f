"""Which layer of the reference sends back what is not its slope: asked when the slope of the whole loss differs.

The graph is taken apart (see `apart`), so that every layer reads its own numbers. What a layer gives, times the
gradient that arrives at it, is a function of these numbers, and its slope along a random direction must be what the
layer sends back times the direction. All layers are asked in the same runs.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netspec.backend import Feed, Run, Runner
from netspec.ir.graph import Graph, Node
from netspec.proof.apart import apart, layer_of, readings
from netspec.proof.rounding import EPS, LAM, longest
from netspec.proof.slope import direction, is_free, measure, moved

Array = NDArray[Any]


def culprit(graph: Graph, feed: Feed, run: Run, reference: Runner, *, seed: int) -> str:
    """The path of the first layer whose backward is not its slope; empty where none is found.

    A parameter that several layers share is not moved: what each of them sends to it cannot be told apart.
    """
    cut = apart(graph)
    given = {
        name: feed.inputs[ref.path] if ref.path in graph.inputs else run.values[str(ref)]
        for name, ref in readings(graph).items()
    }
    alone = replace(feed, inputs=given, arriving=run.back)
    here = reference.run(cut, alone)
    rng = np.random.default_rng([seed, 6])
    owners: dict[str, list[str]] = {}
    for node in cut.nodes:
        for key in node.parameters.values():
            owners.setdefault(key, []).append(node.path)
    own = {
        key: direction(feed.parameters[key], rng) for key in here.parameters if len(owners.get(key, ())) == 1
    }
    read = {key: direction(given[key], rng) for key in here.inputs if is_free(cut, key)}
    told: dict[str, float] = {}
    size: dict[str, float] = {}
    shares = [(owners[key][0], here.parameters[key] * v) for key, v in own.items()]
    shares += [(layer_of(key), here.inputs[key] * v) for key, v in read.items()]
    for path, share in shares:
        told[path] = told.get(path, 0.0) + float(np.sum(share))
        size[path] = size.get(path, 0.0) + float(np.sum(np.square(share)))
    runs: dict[float, Run] = {0.0: here}

    def values(t: float) -> Run:
        if t not in runs:
            there = replace(alone, parameters=moved(feed.parameters, own, t), inputs=moved(given, read, t))
            runs[t] = reference.run(cut, there, gradients=False)
        return runs[t]

    terms = longest(cut, here, alone)
    for node in cut.nodes:
        if node.path in told and _wrong(
            node, told[node.path], size[node.path], values, run, terms[node.path]
        ):
            return node.path
    return ""


def _wrong(node: Node, told: float, size: float, values: Any, run: Run, terms: int) -> bool:
    """Whether a layer's slope is not what it sends back."""

    def result(t: float) -> Array:
        made = values(t).values
        return np.concatenate(
            [np.ravel(made[str(ref)] * run.back[str(ref)]) for ref in node.refs if str(ref) in run.back]
        )

    start = result(0.0)
    once = LAM * EPS * np.sqrt(terms) * float(np.sqrt(np.vdot(start, start)))
    found = measure(lambda t: float(np.sum(result(t) - start)), 0.0, once)
    if found is None or not np.isfinite(found.slope):
        return False
    return bool(abs(told - found.slope) > 4 * found.rounding + LAM * terms * EPS * np.sqrt(size))
