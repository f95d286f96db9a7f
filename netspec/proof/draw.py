"""Numbers to run a model on: inputs and targets of which every declared fact is true, parameters, state and masks.

They are drawn in general position: continuous, so that no two numbers tie and none lies on a kink, and of such a
size that activations neither die out nor saturate on their way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import inf, isfinite, prod, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netspec.backend import Feed, Mode, find
from netspec.ir.graph import Graph, GraphParameter, GraphState, Ref
from netspec.ir.types import TensorType
from netspec.passes.rows import masked
from netspec.proof.sizes import all_hold, small_sizes
from netspec.text import SpecError

Array = NDArray[Any]

TRIES = 32
"""So many times masks are drawn that choose rows."""

LARGEST_WORK = 2**30
"""So many float64 numbers, 8 GiB, may be held at once."""

COPIES = 17
"""How often the parameters are there at once, as parameters, gradients, tolerances and memories of either side:
measured where it is most, in the steps of a training."""


def draw(graph: Graph, *, seed: int, batch: int, mode: Mode, held: Feed | None = None) -> Feed:
    """A feed with numbers for everything; the same seed gives the same numbers in both modes.

    `held` is a feed whose parameters and state are taken over instead of drawn.

    Masks that choose the rows of a `map` are drawn again until they leave as many as the layers behind them need.
    SpecError NS712 where free sizes cannot be chosen, NS713 where the model is too large for this machine's proof.
    """
    sizes = small_sizes(graph, batch)
    _check_size(graph, sizes)
    rng = np.random.default_rng(seed)
    kept: dict[str, int] = {}
    for _ in range(TRIES):
        feed, kept = _numbers(graph, sizes, rng, mode, held)
        if not kept or (all(kept.values()) and all_hold(graph, {**sizes, **kept})):
            return feed
    raise SpecError.of(
        "NS712",
        f"no batch of {batch} can be made for this model: of random numbers its masks leave {min(kept.values())} rows",
        help="declare the `range` of what the `where` of a `map` is made of, or try another `--batch`",
    )


def _numbers(
    graph: Graph, sizes: Mapping[str, int], rng: np.random.Generator, mode: Mode, held: Feed | None
) -> tuple[Feed, dict[str, int]]:
    """Numbers for everything, and how many rows each mask keeps, by the letter of that size."""
    noise: dict[str, Array] = {}
    feed = Feed(
        inputs={name: typed(kind, sizes, rng) for name, kind in graph.inputs.items()},
        targets={name: typed(kind, sizes, rng) for name, kind in graph.targets.items()},
        parameters=(
            {key: _parameter(row, rng) for key, row in graph.parameters.items()}
            if held is None
            else held.parameters
        ),
        state={key: _state(row, rng) for key, row in graph.state.items()} if held is None else held.state,
        noise=noise,
        mode=mode,
    )
    choosing = {node.path: op.rows for node, op in masked(graph)}
    kept: dict[str, int] = {}
    for node in graph.nodes:
        if node.path in choosing:
            kept[choosing[node.path]] = _rows(graph, node.inputs[1], feed)
        for one in node.noise:
            shape = tuple(size.evaluate({**sizes, **kept}) for size in one.shape)
            noise[f"{node.path}.{one.name}"] = np.asarray(one.of(rng.random(shape)))
    return feed, kept


def _rows(graph: Graph, mask: Ref, feed: Feed) -> int:
    """How many rows a mask keeps: its ones, if need be after a run of the reference up to it."""
    if mask.path in feed.inputs:
        return int(feed.inputs[mask.path].sum())
    wanted = replace(graph, entries={"mask": {"mask": mask}})
    before = replace(wanted, nodes=tuple(wanted.walk("mask")))
    return int(find("numpy").run(before, feed, gradients=False).values[str(mask)].sum())


def evaluating(feed: Feed) -> Feed:
    """The same numbers in evaluation."""
    return replace(feed, mode="eval")


def typed(kind: TensorType, sizes: Mapping[str, int], rng: np.random.Generator) -> Array:
    """Random numbers of which all facts of the type are true, floating ones in float64."""
    shape = tuple(size.evaluate(sizes) for size in kind.sizes)
    facts = kind.facts
    if kind.dtype == "bool" or facts.mask:
        return _as(kind, rng.integers(0, 2, shape))
    if facts.classes is not None:
        return _as(kind, rng.integers(0, facts.classes, shape))
    if facts.places is not None:
        every = np.arange(prod(size.evaluate(sizes) for size in facts.places))
        chosen = rng.permuted(np.tile(every, (*shape[:2], 1)), axis=-1)
        return np.asarray(chosen[..., : prod(shape[2:])].reshape(shape))
    if kind.dtype == "int64":
        low = facts.low if isfinite(facts.low) else min(0.0, facts.high - 9)
        return np.asarray(rng.integers(int(low), int(min(facts.high, low + 9)) + 1, shape))
    named = facts.log_probabilities or facts.sums_to_one
    if named is not None:
        raised = np.exp(rng.normal(size=shape))
        shares = raised / raised.sum(axis=_axis(kind, named), keepdims=True)
        return np.asarray(np.log(shares) if facts.log_probabilities else shares)
    x = _within(facts.low, facts.high, shape, rng)
    return np.sort(x, axis=_axis(kind, facts.nondecreasing)) if facts.nondecreasing else x


def _within(low: float, high: float, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Continuous numbers between the bounds: uniform between two, beyond one, normal without any."""
    if (low, high) == (-inf, inf):
        return rng.normal(size=shape)
    if not isfinite(low):
        low = high - 1 - abs(high)
    if not isfinite(high):
        high = low + 1 + abs(low)
    return rng.uniform(low, high, shape)


def _axis(kind: TensorType, named: str) -> int:
    """The position of the axis that a fact names; `feature` may be any, then the last."""
    found = kind.find(named)
    return kind.rank - 1 if found is None else found


def _as(kind: TensorType, whole: Array) -> Array:
    """Whole numbers as the type says."""
    return whole.astype({"bool": np.bool_, "int64": np.int64}.get(kind.dtype, np.float64))


def _parameter(row: GraphParameter, rng: np.random.Generator) -> Array:
    """Weights as He and others (2015) start them, scales near 1, shifts near 0."""
    spread = rng.normal(size=row.shape)
    if len(row.shape) > 1:
        return spread * sqrt(2 / max(prod(row.shape[1:]), 1))
    return 1 + 0.2 * spread if row.key.rpartition(".")[2] == "weight" else 0.2 * spread


def _state(row: GraphState, rng: np.random.Generator) -> Array:
    """Running statistics near where they start, a count as after three batches."""
    if row.dtype != "float32":
        return np.full(row.shape, 3, dtype={"bool": np.bool_, "int64": np.int64}[row.dtype])
    if row.fill == 0:
        return 0.3 * rng.normal(size=row.shape)
    return row.fill * rng.uniform(0.6, 1.5, row.shape)


def _check_size(graph: Graph, sizes: Mapping[str, int]) -> None:
    """SpecError NS713 where the run would take more memory than it may: asked before anything is allocated.

    Counted are every value with its gradient and noise, and the largest matrix of windows.
    """
    kinds = [
        *graph.inputs.values(),
        *graph.targets.values(),
        *(kind for node in graph.nodes for kind in node.types),
    ]
    held = sum(_count(kind, sizes) for kind in kinds)
    windows = 0
    for node in graph.nodes:
        if node.parameters and node.inputs and node.types[0].rank > 2:
            weight = max(
                (graph.parameters[key] for key in node.parameters.values()), key=lambda row: row.count
            )
            windows = max(
                windows, weight.count // weight.shape[0] * _count(node.types[0], sizes) // weight.shape[0]
            )
    learned = sum(row.count for row in graph.parameters.values())
    work = 4 * held + 2 * windows + COPIES * learned
    if work > LARGEST_WORK:
        raise SpecError.of(
            "NS713",
            f"the proof of this model would take about {work / 2**27:,.0f} GiB, more than {LARGEST_WORK / 2**27:.0f}",
            help="use a smaller `--batch`, or make the model smaller with `--set`",
        )


def _count(kind: TensorType, sizes: Mapping[str, int]) -> int:
    """How many numbers a value has."""
    return prod(size.evaluate(sizes) for size in kind.sizes)
