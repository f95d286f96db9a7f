"""Other ways of running: coarser numbers, other layouts, the compiler, another device. Each layer by itself.

From end to end a coarse number type says little: a network amplifies what its first layers round. So every layer is
given the reference's own inputs and the gradients that arrive at it, rounded to the type it would get them in (see
`apart`), and its results are held against the reference's rule on those very numbers. What may differ is derived as in
`rounding`, with two units instead of one: operands and results are rounded to the type of the layer, sums are added
up in float32. If u is half the gap of that type at 1, eps that of float32 and k the terms of the layer's longest sum,

    tolerance = lam * (u + k * eps) * s + 3 u |y|

where s is what the disturbed reference shows of this layer: how far its results move where operands, steps and results
are each off by a share. Where one term outweighs all others, and the disturbances of that place cancelled by chance,
the second part holds: the roundings of two operands and of the result y in full. In bfloat16 u is 2^-8; that of float32
is within k * eps. A layer is judged by bfloat16 if it reads or gives it, or multiplies matrices, which autocast does in
it whatever it is given. Numbers below 2^-126 may be flushed to zero.

The drift of a run from end to end is told besides, and decides nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netspec.backend import Feed, Reference, Run, Versatile
from netspec.ir.graph import Graph, Node
from netspec.proof import rounding
from netspec.proof.apart import apart, feed_apart, feed_rounded, is_written, layer_of, readings
from netspec.proof.compare import compare
from netspec.proof.drift import Drift, drifts
from netspec.proof.result import Missing, Row, What

Array = NDArray[Any]

SINGLE = 2.0**-23
HALF_GAP = {"float32": 0.0, "bfloat16": 2.0**-8}
"""u of a number type; that of float32 is counted among the terms of a sum."""

ROUNDINGS = 3
"""Those that every number meets: of two operands, and its own."""

FLUSHED = 2.0**-126

MODES: Mapping[str, str] = {
    "float64": "everything, from end to end, against the rounding of float64",
    "float32": "every layer by itself in float32",
    "bf16": "every layer by itself under bfloat16 autocast",
    "channels_last": "every layer by itself in float32, channels last in memory",
    "compile": "every layer by itself in float32, through torch.compile",
    "cuda": "every layer by itself in float32 on the CUDA device",
}
"""The modes of a proof, in the order of a report, and what each one runs."""

QUICK = ("float64", "float32", "bf16", "channels_last")
"""The modes of a proof that was asked for none."""


@dataclass(frozen=True)
class Held:
    """What one mode gave: a row for every tensor of every layer, and the drift from end to end."""

    rows: tuple[Row, ...]
    drift: tuple[Drift, ...]


def missing(candidate: object, wanted: Sequence[str]) -> tuple[Missing, ...]:
    """The modes that are not run, with reasons: not asked for, or out of reach of the candidate on this machine."""
    found = []
    for mode in MODES:
        if mode not in wanted:
            found.append(Missing(mode, "not asked for"))
        elif mode == "float64":
            continue
        elif not isinstance(candidate, Versatile):
            found.append(Missing(mode, "the candidate runs in one way only"))
        elif why := candidate.lacks(mode):
            found.append(Missing(mode, why))
    return tuple(found)


class Layers:
    """One batch, layer by layer: what the reference makes of each layer's rounded inputs, kept from mode to mode."""

    def __init__(
        self, graph: Graph, feed: Feed, run: Run, sides: tuple[Reference, Versatile], seed: int
    ) -> None:
        self._graph, self._feed, self._run, self._seed = graph, feed, run, seed
        self._ours, self._theirs = sides
        self._apart = apart(graph)
        self._known: dict[frozenset[tuple[str, str]], tuple[Feed, Run, Run]] = {}

    def hold(self, mode: str) -> Held:
        """Run one mode, and compare."""
        theirs = self._theirs.run_as(mode, self._graph, feed_rounded(self._feed))
        coarse = {key: kind for key, kind in theirs.kinds.items() if kind == "bfloat16"}
        given, ours, shown = self._reference(coarse)
        nothing = self._nothing(given, ours, shown)
        drift = tuple(drifts(self._graph, mode, self._feed.mode, self._run, theirs, nothing))
        del theirs
        alone = self._theirs.run_as(mode, self._apart, given)
        may = _Tolerances(self._apart, given, ours, shown, coarse)
        return Held(tuple(_rows(self._graph, mode, given, ours, alone, may)), drift)

    def _nothing(self, given: Feed, ours: Run, shown: Run) -> set[str]:
        """Parameters of whose gradient nothing but rounding is left, as of a bias before a batch norm."""
        terms = rounding.longest(self._apart, ours, given)
        owners = _owners(self._apart)
        found = set()
        for key, gradient in self._run.parameters.items():
            k = max((terms.get(path, 0) for path in owners.get(key, ())), default=0)
            left = rounding.LAM * k * rounding.EPS * np.max(shown.parameters[key], initial=0)
            if np.max(abs(gradient), initial=0) <= left:
                found.add(key)
        return found

    def _reference(self, coarse: Mapping[str, str]) -> tuple[Feed, Run, Run]:
        """The numbers of every layer, what the reference makes of them, and how far disturbances move that."""
        key = frozenset(coarse.items())
        if key not in self._known:
            given = feed_apart(self._graph, self._feed, self._run, coarse)
            ours = self._ours.run(self._apart, given)
            shown = rounding.shown(self._apart, ours, given, self._ours, seed=self._seed)
            self._known = {key: (given, ours, shown)}
        return self._known[key]


class _Tolerances:
    """How far every tensor of every layer may be off: what disturbances show, times the layer's own factor."""

    def __init__(self, graph: Graph, feed: Feed, run: Run, shown: Run, coarse: Mapping[str, str]) -> None:
        terms = rounding.longest(graph, run, feed)
        self._run, self._shown = run, shown
        self._unit = {node.path: HALF_GAP[_kind(graph, node, feed, coarse)] for node in graph.nodes}
        self._factor = {
            path: rounding.LAM * (unit + terms.get(path, 0) * SINGLE) for path, unit in self._unit.items()
        }
        self._owner = _owners(graph)

    def value(self, key: str) -> Array:
        """That of a layer's result."""
        return self._of(self._shown.values[key], self._run.values[key], [key.partition("[")[0]])

    def read(self, name: str) -> Array:
        """That of the gradient which a layer sends to one of its inputs."""
        return self._of(self._shown.inputs[name], self._run.inputs[name], [layer_of(name)])

    def gradient(self, key: str) -> Array:
        """That of the gradient of a parameter."""
        return self._of(self._shown.parameters[key], self._run.parameters[key], self._owner.get(key, []))

    def state(self, key: str) -> Array:
        """That of a statistic."""
        return self._of(self._shown.state[key], self._run.state[key], self._owner.get(key, []))

    def _of(self, shown: Array, made: Array, paths: Sequence[str]) -> Array:
        """The tolerance by the layers that made a tensor, the coarsest and the longest of them; 0 for what is exact."""
        factor = max((self._factor[path] for path in paths), default=0.0)
        unit = max((self._unit[path] for path in paths), default=0.0)
        with np.errstate(invalid="ignore"):
            may = shown * factor + FLUSHED
            if unit:
                may += ROUNDINGS * unit * abs(np.nan_to_num(made, posinf=0, neginf=0))
        return np.where(shown > 0, may, 0.0)


def _owners(graph: Graph) -> dict[str, list[str]]:
    """The layers that use each parameter and each statistic."""
    found: dict[str, list[str]] = {}
    for node in graph.nodes:
        for key in (*node.parameters.values(), *node.state.values()):
            found.setdefault(key, []).append(node.path)
    return found


def _kind(graph: Graph, node: Node, feed: Feed, coarse: Mapping[str, str]) -> str:
    """The coarsest number type that a layer works in; in a mode without bfloat16 that is float32."""
    if not coarse:
        return "float32"
    touched = any(str(ref) in coarse for ref in node.refs) or any(
        feed.kinds.get(str(ref)) for ref in node.inputs
    )
    types = tuple(graph.type_of(ref) for ref in node.inputs)
    return "bfloat16" if touched or node.op.macs(types, node.types) != 0 else "float32"


def _rows(graph: Graph, mode: str, feed: Feed, ours: Run, theirs: Run, may: _Tolerances) -> Sequence[Row]:
    """The rows of one mode: results, gradients of parameters and inputs, statistics."""
    written = {str(ref) for node in graph.nodes if is_written(node) for ref in node.refs}
    owners = _owners(graph)
    found: list[Row] = []

    def add(what: What, where: str, layer: str, pair: tuple[Array, Array | None], allowed: Array) -> None:
        mine = pair[0].astype(np.float32) if _is_floating(pair[0]) else pair[0]
        row = compare(what, feed.mode, where, mine, pair[1], allowed)
        found.append(replace(row, way=mode, layer=layer))

    with np.errstate(over="ignore"):
        for key, value in ours.values.items():
            if key not in written:
                add("value", key, key.partition("[")[0], (value, theirs.values.get(key)), may.value(key))
        for key, value in ours.parameters.items():
            if any(_reached(graph, path, feed) for path in owners.get(key, ())):
                add("gradient", key, owners[key][-1], (value, theirs.parameters.get(key)), may.gradient(key))
        cut = readings(graph)
        for name, value in ours.inputs.items():
            layer = layer_of(name)
            if _reached(graph, layer, feed):
                where = f"{layer} to {cut[name]}"
                add("input gradient", where, layer, (value, theirs.inputs.get(name)), may.read(name))
        if feed.mode == "train":
            for key, value in ours.state.items():
                if key in owners:
                    add("state", key, owners[key][-1], (value, theirs.state.get(key)), may.state(key))
    return found


def _reached(graph: Graph, path: str, feed: Feed) -> bool:
    """Whether a gradient arrives at a layer."""
    node = graph.node(path)
    return node is not None and any(str(ref) in feed.arriving for ref in node.refs)


def _is_floating(value: Array) -> bool:
    return bool(np.issubdtype(value.dtype, np.floating))
