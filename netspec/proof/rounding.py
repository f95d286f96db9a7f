"""How far two right programs may lie apart in float64: derived from the model and its numbers, not chosen.

A program computes each op with roundings. What matters are its sums: of k terms t, computed in any order, a sum is off
by at most `lam * sqrt(k) * u * sum |t|` except with a probability of `2 k exp(-lam ** 2 / 2)`, u = 2^-53 (Higham and
Mary 2019, A new approach to probabilistic rounding error analysis, theorem 2.4). `sum |t|` is at most `sqrt(k)` times
the root s of `sum t ** 2`, so that the error is below `lam * k * u * s`, and that of the difference of two programs
below `lam * k * eps * s` with eps = 2 u.

s is measured. If every term is changed by a random share h, independently and with mean zero, the sum changes by h
* s in the mean square: Monte Carlo arithmetic (Parker 1997). So the reference runs again with every elementary
operation, and everything that a node reads, off by a random share; h is so small that no kink is crossed, and so
large that rounding does not matter. That carries each disturbance to wherever it reaches, through the true
derivatives of the whole model, forward and backward: no product of norms is multiplied up from layer to layer, and
what cancels inside an op is seen. A node whose sums have k terms is off by h * k / K, where K is the largest k of
the model; the tolerance of a number is then

    lam * K * eps * s,   s = the larger of what two such runs show at this place, and the mean square over its tensor

The mean square keeps a place whose disturbance vanished by chance from being held to nothing. lam is 8: one place in
10^9 would exceed it, if every bound on the way were tight. Exact results (classes, masks) have the tolerance 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netspec.backend import Arrays, Feed, Reference, Run
from netspec.ir.graph import Graph, Ref
from netspec.ir.terms import Shapes

Array = NDArray[Any]

EPS = 2.0**-52
LAM = 8.0
DISTURBANCE = 2.0**-30
RUNS = 2
ELEMENTARY = 8
"""Roundings inside an elementary function, and a few products beside a sum."""


def sizes(graph: Graph, run: Run, feed: Feed, reference: Reference, *, seed: int) -> Run:
    """The tolerance of every number of `run`, which is the reference's on `feed`."""
    terms = longest(graph, run, feed)
    most = max(terms.values(), default=ELEMENTARY)
    shares = {path: DISTURBANCE * k / most for path, k in terms.items()}
    seeds = [(seed, 1, i) for i in range(RUNS)]
    return _moved(graph, run, feed, reference, shares, seeds, LAM * most * EPS / DISTURBANCE)


def shown(graph: Graph, run: Run, feed: Feed, reference: Reference, *, seed: int) -> Run:
    """What s is for every number of `run`, where each node is off by the same share: the move of a unit disturbance."""
    shares = dict.fromkeys(longest(graph, run, feed), DISTURBANCE)
    seeds = [(seed, 4, i) for i in range(RUNS)]
    return _moved(graph, run, feed, reference, shares, seeds, 1 / DISTURBANCE)


def _moved(
    graph: Graph,
    run: Run,
    feed: Feed,
    reference: Reference,
    shares: Mapping[str, float],
    seeds: Iterable[Sequence[int]],
    scale: float,
) -> Run:
    """`scale` times the moves of all numbers in disturbed runs, one run held at a time."""
    moves: dict[tuple[str, str], Array] = {}
    start = dict(_numbers(run))
    for one in seeds:
        for key, value in _numbers(reference.disturb(graph, feed, shares, seed=one)):
            if key in start:
                moves[key] = _further(moves.get(key), value, start[key])
    found = {key: _at_least_the_mean(moves[key]) * scale for key in start}

    def part(wanted: str) -> dict[str, Array]:
        return {name: value for (of, name), value in found.items() if of == wanted}

    return Run(
        values=part("values"),
        loss=None if run.loss is None else float(found["loss", ""]),
        parameters=part("parameters"),
        inputs=part("inputs"),
        state=part("state"),
    )


def _numbers(run: Run) -> Iterator[tuple[tuple[str, str], Array]]:
    """Every tensor of a run by its part and its name."""
    for part in ("values", "parameters", "inputs", "state"):
        for name, value in getattr(run, part).items():
            yield (part, name), value
    if run.loss is not None:
        yield ("loss", ""), np.asarray(run.loss)


def largest(graph: Graph, run: Run, feed: Feed) -> int:
    """K, the largest k of the model."""
    return max(longest(graph, run, feed).values(), default=ELEMENTARY)


def longest(graph: Graph, run: Run, feed: Feed) -> dict[str, int]:
    """The roundings to reckon with in every node that has been run, by its path; written numbers are exact, and
    so are parameters that are values themselves.
    """
    given = {**feed.inputs, **feed.targets}
    shapes = {Ref(name): np.shape(value) for name, value in given.items()}
    found: dict[str, int] = {}
    for node in graph.nodes:
        if not all(str(ref) in run.values for ref in node.refs):
            continue
        shapes |= {ref: np.shape(run.values[str(ref)]) for ref in node.refs}
        if node.op.slots:
            found[node.path] = ELEMENTARY + node.op.terms(
                Shapes(
                    tuple(graph.type_of(ref) for ref in node.inputs),
                    tuple(shapes[ref] for ref in node.inputs),
                    tuple(shapes[ref] for ref in node.refs),
                    {local: graph.parameters[key].shape for local, key in node.parameters.items()},
                )
            )
    return found


def _moves(shape: tuple[int, ...], rng: np.random.Generator, size: float) -> Array:
    """Random numbers of mean zero and mean square near `size ** 2`: 0.5 to 1.5 times `size`, of either sign."""
    x = rng.uniform(-size, size, shape)
    return x + np.copysign(size / 2, x)


def disturbed_arrays(arrays: Arrays, rng: np.random.Generator) -> dict[str, Array]:
    """Arrays changed by random shares of the module's h."""
    return {key: value * (1 + _moves(np.shape(value), rng, DISTURBANCE)) for key, value in arrays.items()}


def spread(shown: Sequence[Array], start: Array) -> Array:
    """How far disturbed numbers lie from the undisturbed: the largest at each place, at least the mean square."""
    moved: Array | None = None
    for one in shown:
        moved = _further(moved, one, start)
    return np.zeros(start.shape) if moved is None else _at_least_the_mean(moved)


def _further(moved: Array | None, one: Array, start: Array) -> Array:
    """The larger of what moved so far and what one disturbed run shows; 0 for what is no floating number."""
    if not np.issubdtype(start.dtype, np.floating):
        return np.zeros(start.shape)
    with np.errstate(invalid="ignore"):
        move = np.asarray(one - start)
        np.abs(move, out=move)
        return np.asarray(np.fmax(0.0 if moved is None else moved, move, out=move))


def _at_least_the_mean(moved: Array) -> Array:
    """Moves, none of them less than the mean square of its tensor."""
    if not np.isfinite(moved).all():
        moved = np.nan_to_num(moved, posinf=0.0)
    mean_square = np.sqrt(np.vdot(moved, moved) / moved.size) if moved.size else 0.0
    return np.asarray(np.maximum(moved, mean_square))
