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

from collections.abc import Iterable
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
    terms_of = longest(graph, run, feed)
    most = largest(graph, run, feed)
    shares = {path: DISTURBANCE * k / most for path, k in terms_of.items()}
    shown = [reference.disturb(graph, feed, shares, seed=(seed, 1, i)) for i in range(RUNS)]
    scale = LAM * most * EPS / DISTURBANCE
    losses = [np.asarray(one.loss, dtype=np.float64) for one in shown]  # NaN where there is none
    loss = None if run.loss is None else float(spread(losses, np.asarray(run.loss))) * scale
    return Run(
        values=_scaled(run.values, [one.values for one in shown], scale),
        loss=loss,
        parameters=_scaled(run.parameters, [one.parameters for one in shown], scale),
        inputs=_scaled(run.inputs, [one.inputs for one in shown], scale),
        state=_scaled(run.state, [one.state for one in shown], scale),
    )


def shown(graph: Graph, run: Run, feed: Feed, reference: Reference, *, seed: int) -> Run:
    """What s is for every number of `run`, where each node is off by the same share: the move of a unit disturbance."""
    shares = dict.fromkeys(longest(graph, run, feed), DISTURBANCE)
    runs = [reference.disturb(graph, feed, shares, seed=(seed, 4, i)) for i in range(RUNS)]
    return Run(
        values=_scaled(run.values, [one.values for one in runs], 1 / DISTURBANCE),
        parameters=_scaled(run.parameters, [one.parameters for one in runs], 1 / DISTURBANCE),
        inputs=_scaled(run.inputs, [one.inputs for one in runs], 1 / DISTURBANCE),
        state=_scaled(run.state, [one.state for one in runs], 1 / DISTURBANCE),
    )


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


def _scaled(start: Arrays, shown: Iterable[Arrays], scale: float) -> dict[str, Array]:
    """`scale` times what the disturbed runs show, tensor by tensor; 0 for what is no floating number."""
    runs = list(shown)
    return {key: spread([one[key] for one in runs], value) * scale for key, value in start.items()}


def spread(shown: list[Array], start: Array) -> Array:
    """How far disturbed numbers lie from the undisturbed: the largest at each place, at least the mean square."""
    if not np.issubdtype(start.dtype, np.floating):
        return np.zeros(start.shape)
    moved = np.zeros(start.shape)
    with np.errstate(invalid="ignore"):
        for one in shown:
            np.fmax(moved, abs(one - start), out=moved)
    if not np.isfinite(moved).all():
        moved = np.nan_to_num(moved, posinf=0.0)
    mean_square = np.sqrt(np.vdot(moved, moved) / moved.size) if moved.size else 0.0
    return np.asarray(np.maximum(moved, mean_square))
