"""Conformance: every op of the catalogue on its samples, and every update rule, in every backend against the reference.

A sample becomes a graph of one op (see `alone`) with numbers drawn for it. A backend must give the reference's values,
gradients and state within what rounding allows (see `rounding`), in float64 and in float32: the numbers are drawn so
that float32 holds them exactly, and the tolerance, which is linear in the roundings' size, is 2^29 times as wide there.
To it comes one rounding of each number: what is made of whole numbers alone is exact until it is held in a floating
type. The reference itself is held to the slopes of its own values. Update rules stand in `stepping`.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from netspec import backend as backends
from netspec.backend import Feed, Mode, Reference, Run, Runner
from netspec.ir.compound import Compound
from netspec.ir.graph import Graph
from netspec.ir.op import Op
from netspec.proof import rounding
from netspec.proof.alone import OP, alone
from netspec.proof.compare import compare
from netspec.proof.draw import draw
from netspec.proof.result import Row, What
from netspec.proof.slope import slope

Array = NDArray[Any]

Part = Literal["forward", "backward", "state", "update"]
PARTS: tuple[Part, ...] = ("forward", "backward", "state", "update")

FLOATS: Mapping[str, float] = {"float64": 1.0, "float32": 2.0**29}
"""Floating types, and how many times as coarse as float64 each is."""

SLOPES = "slopes"
"""What stands for a type where the reference is held to its own slopes."""


@dataclass(frozen=True)
class Held:
    """What one backend made of one op, or of one update rule, in one floating type.

    `cases` were compared; `difference` and `tolerance` are those of the number that uses most of what it may, which is
    in the sample `where`; `used` is the one over the other, and infinite where something has another shape. Without
    cases `note` says why; a backend need not know every op.
    """

    op: str
    backend: str
    dtype: str
    part: Part
    cases: int
    difference: float
    tolerance: float
    used: float
    ok: bool
    where: str
    note: str = ""

    def as_json(self) -> dict[str, object]:
        """Plain data; numbers that are not finite are null."""
        found: dict[str, object] = dict(vars(self))
        return {key: None if value in (float("inf"), float("nan")) else value for key, value in found.items()}


def conformance(
    ops: Mapping[str, type[Op]],
    candidates: Sequence[Runner],
    *,
    reference: str | Reference = "numpy",
    seed: int = 0,
    most: int | None = None,
) -> Iterator[Held]:
    """What every candidate makes of every op, op by op: on its good samples, or on the first `most` of them.

    Ops that no spec can call are passed over: what makes them is proved with whole models.
    """
    ours = backends.find(reference) if isinstance(reference, str) else reference
    assert isinstance(ours, Reference)
    for name, kind in ops.items():
        if kind.written:
            yield from _op(name, kind, candidates, ours, seed, most)


def _op(
    name: str, kind: type[Op], candidates: Sequence[Runner], ours: Reference, seed: int, most: int | None
) -> Iterator[Held]:
    """The rows of one op."""
    found: dict[tuple[str, str, Part], list[Row]] = {}
    able = [one for one in candidates if knows(one, kind)]
    for one in candidates:
        if one not in able:
            yield Held(
                name, one.name, "", "forward", 0, 0.0, 0.0, 0.0, ok=True, where="", note="has no rule for it"
            )
    good = [(i, one) for i, one in enumerate(kind.samples()) if one.code is None]
    for i, sample in good[:most]:
        graph = alone(kind(**sample.attributes), *sample.inputs)
        for key, row in _use(graph, able, ours, seed):
            found.setdefault(key, []).append(replace(row, where=f"{i}"))
    for (backend, dtype, part), rows in found.items():
        yield held(name, backend, dtype, part, rows)


def knows(backend: Runner, kind: type[Op]) -> bool:
    """Whether a backend has a rule for an op, or for the ops that it can be said with."""
    table = getattr(backend, "table", None)
    return table is None or kind in table() or issubclass(kind, Compound)


def held(op: str, backend: str, dtype: str, part: Part, rows: Iterable[Row]) -> Held:
    """All cases of one part as one row: the one that uses most of what it may."""
    rows = list(rows)
    worst = max(rows, key=lambda row: (not row.ok, row.used))
    cases = len({row.where for row in rows})
    ok = all(row.ok for row in rows)
    note = next((row.note for row in rows if not row.ok), "")
    return Held(
        op, backend, dtype, part, cases, worst.difference, worst.tolerance, worst.used, ok, worst.where, note
    )


def _use(
    graph: Graph, candidates: Sequence[Runner], ours: Reference, seed: int
) -> Iterator[tuple[tuple[str, str, Part], Row]]:
    """The rows of one sample, each with its backend, its floating type and its part."""
    node = graph.node(OP)
    assert node is not None
    modes: tuple[Mode, ...] = ("eval", "train") if node.state or node.noise else ("eval",)
    for mode in modes:
        feed = _coarse(draw(graph, seed=seed, batch=1, mode=mode))
        mine = ours.run(graph, feed)
        may = rounding.sizes(graph, mine, feed, ours, seed=seed)
        terms = rounding.largest(graph, mine, feed)
        free = {key: value for key, value in mine.inputs.items() if _is_free(graph, key)}
        for row in slope(graph, feed, replace(mine, inputs=free), ours, may=may, terms=terms, seed=seed).rows:
            yield (ours.name, SLOPES, "backward"), row
        for other in candidates:
            for dtype, coarse in FLOATS.items():
                try:
                    with warnings.catch_warnings(action="ignore"):  # remarks on speed are no difference
                        theirs = other.run(graph, _as(feed, dtype))
                except Exception as fault:  # noqa: BLE001 - of another's program anything may come
                    yield (other.name, dtype, "forward"), failed("value", mode, fault)
                    continue
                for part, row in _compared(mode, mine, theirs, may, coarse):
                    yield (other.name, dtype, part), row


def failed(what: What, mode: str, fault: Exception, where: str = "") -> Row:
    """The row of a run that ended in an error."""
    words = (f"{type(fault).__name__}: {fault}".splitlines() or [""])[0]
    return Row(what, mode, where, float("inf"), None, 0.0, (), ok=False, note=words)


def _is_free(graph: Graph, key: str) -> bool:
    """Whether an input may move at all: masks and classes may not."""
    facts = graph.inputs[key].facts
    return not facts.mask and facts.classes is None


def _compared(mode: Mode, ours: Run, theirs: Run, may: Run, coarse: float) -> Iterator[tuple[Part, Row]]:
    """The rows of the op's outputs, of all gradients, and in training of what it remembers."""

    def row(key: str, mine: Array, other: Array | None, allowed: Array) -> Row:
        return compare("value", mode, key, mine, other, (allowed + rounding.EPS * abs(mine)) * coarse)

    for key, value in ours.values.items():
        if key == OP or key.startswith(f"{OP}["):
            yield "forward", row(key, value, theirs.values.get(key), may.values[key])
    for mine, other, allowed in (
        (ours.parameters, theirs.parameters, may.parameters),
        (ours.inputs, theirs.inputs, may.inputs),
    ):
        for key, value in mine.items():
            if not key.startswith("g"):
                yield "backward", row(key, value, other.get(key), allowed[key])
    for key, value in ours.state.items() if mode == "train" else ():
        yield "state", row(key, value, theirs.state.get(key), may.state[key])


def _coarse(feed: Feed) -> Feed:
    """The feed with numbers that float32 holds exactly, as float64."""
    return _as(_as(feed, "float32"), "float64")


def _as(feed: Feed, dtype: str) -> Feed:
    """The feed in a floating type; whole numbers and masks stay."""

    def cast(arrays: Mapping[str, Array]) -> dict[str, Array]:
        return {
            key: x.astype(dtype) if np.issubdtype(x.dtype, np.floating) else x for key, x in arrays.items()
        }

    return replace(
        feed,
        inputs=cast(feed.inputs),
        targets=cast(feed.targets),
        parameters=cast(feed.parameters),
        state=cast(feed.state),
        noise=cast(feed.noise),
    )
