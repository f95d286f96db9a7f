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
from math import ceil, prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netspec.backend import Arrays, Feed, Reference, Run
from netspec.ir.graph import Graph, Node, Ref
from netspec.ops.axis_norm import AxisNorm
from netspec.ops.elementwise import number

Array = NDArray[Any]

EPS = 2.0**-52
LAM = 8.0
DISTURBANCE = 2.0**-30
RUNS = 2
ELEMENTARY = 8
"""Roundings inside an elementary function, and a few products beside a sum."""

SINGLE = frozenset(
    f"netspec.ops.{family}"
    for family in (
        "activation",
        "arithmetic",
        "compare",
        "crop",
        "dropout",
        "elementary",
        "join",
        "pad",
        "rectifier",
        "scale",
        "shape",
        "shuffle",
        "slicing",
        "smooth",
    )
)
"""Families of ops whose every number is made of a few others. Inputs that spread are counted by the sizes."""

ROWS = frozenset({"softmax", "log_softmax", "cumsum", "cummax", "normal_cdf", "quantile"})
"""Ops that sum within one sample."""

FOLDING = frozenset({"fold", "unfold", "spread"})
"""Ops that move rows and repeat them: only gradients of what was repeated are sums."""

GATHERING = frozenset(
    {"max_pool", "avg_pool", "global_avg_pool", "global_max_pool", "mean", "sum", "amax", "amin"}
)
"""Ops whose every number is a sum or choice over its share of the input."""


def terms(
    node: Node, inputs: tuple[tuple[int, ...], ...], outputs: tuple[tuple[int, ...], ...], graph: Graph
) -> int:
    """The most terms that a sum inside this op has, forward or backward; all its numbers where the op is foreign."""
    kinds = [graph.type_of(ref) for ref in node.inputs]
    read = [prod(one) for one, kind in zip(inputs, kinds, strict=True) if number(kind) is None] or [1]
    read = [max(count, 1) for count in read]  # a mask may leave nothing of a batch
    made = [max(prod(shape), 1) for shape in outputs] or [1]
    weights = [graph.parameters[key].shape for key in node.parameters.values()]
    filters = [shape for shape in weights if len(shape) > 1]
    if filters and node.op.name in ("conv", "linear"):
        (weight,) = filters
        groups = getattr(node.op, "groups", 1)
        return max(prod(weight[1:]) + 1, made[0] // weight[0], weight[0] // groups * prod(weight[2:]))
    if filters and node.op.name == "conv_transpose":
        (weight,) = filters
        groups = getattr(node.op, "groups", 1)
        laid = weight[0] // groups * prod(weight[2:]) + 1  # filters on one place, the bias
        return max(laid, read[0] // weight[0], made[0] // (weight[1] * groups), prod(weight[1:]))
    if node.op.name in ("prelu", "layer_scale"):
        return read[0] // weights[0][0]
    if node.op.name == "batch_norm":
        return read[0] // inputs[0][1]
    if isinstance(node.op, AxisNorm):
        together = prod(inputs[0][i] for i in node.op.over(kinds[0]))
        return max(together, read[0] // together if weights else 1)  # a measure, and the gradient of a weight
    if node.op.name.startswith("adaptive_"):
        pairs = list(
            zip(inputs[0][2:], outputs[0][2:], strict=True)
        )  # windows, and how many look at one place
        return max(prod(ceil(n / o) + 1 for n, o in pairs), prod(ceil(o / n) + 1 for n, o in pairs))
    if node.op.name in FOLDING:
        return ceil(made[0] / read[0])
    if node.op.name in ("resize", "resize_like"):
        pairs = list(zip(inputs[0][2:], outputs[0][2:], strict=True))
        near = {"nearest": 1, "linear": 2, "bicubic": 4}[getattr(node.op, "mode", "bicubic")]
        # Neighbours of one place, or places that have it as a neighbour; and a weight is off by its place's rounding.
        return prod(near * (ceil(o / n) + 1) for n, o in pairs) + max(map(max, pairs))
    if node.op.name in GATHERING:
        return max(ceil(read[0] / made[0]), prod(_window(node)))
    if node.op.name in ROWS:
        return max(*read, *made) // max(inputs[0][0] if inputs[0] else 1, 1)
    if type(node.op).__module__ in SINGLE:
        return ceil(max(*read, *made) / min(read))
    return sum(read) + sum(made) + sum(map(prod, weights))


def _window(node: Node) -> tuple[int, ...]:
    """The window of a pool, whose inputs overlap."""
    size = getattr(node.op, "kernel_size", 1)
    return size if isinstance(size, tuple) else (size,) * max(node.types[0].rank - 2, 0)


def sizes(graph: Graph, run: Run, feed: Feed, reference: Reference, *, seed: int) -> Run:
    """The tolerance of every number of `run`, which is the reference's on `feed`."""
    longest = _longest(graph, run, feed)
    most = largest(graph, run, feed)
    shares = {path: DISTURBANCE * k / most for path, k in longest.items()}
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


def largest(graph: Graph, run: Run, feed: Feed) -> int:
    """K, the largest k of the model."""
    return max(_longest(graph, run, feed).values(), default=ELEMENTARY)


def _longest(graph: Graph, run: Run, feed: Feed) -> dict[str, int]:
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
            read, made = (tuple(shapes[ref] for ref in refs) for refs in (node.inputs, node.refs))
            found[node.path] = ELEMENTARY + terms(node, read, made, graph)
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
