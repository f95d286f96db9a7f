"""What an op promises, held against what it does: for a test of whoever writes one, and for `netspec conformance`.

    from netspec.proof.promise import faults

    def test_the_op_keeps_its_promises():
        assert not list(faults(GemPool))

An op tells itself: docs, arguments, a rule of types, samples good and bad. Here each sample is tried alone. A good one
is accepted, with a letter in place of a size as well or else refused with a cure; its types are those of the numbers,
and its facts are true. A bad one is refused with its code and a cure. What backends compute of the samples is the
affair of `conformance`, which `faults` asks too.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from netspec import backend as backends
from netspec.backend import Reference, Runner
from netspec.ir.dim import Dim
from netspec.ir.foreign import blamed, told
from netspec.ir.graph import Graph
from netspec.ir.op import Op, Sample, infer_node
from netspec.ir.problem import Problem
from netspec.ir.types import Axis, TensorType
from netspec.lang.names import WIRES
from netspec.proof.alone import OP, alone
from netspec.proof.claims import untrue
from netspec.proof.conformance import Held, conformance
from netspec.proof.draw import draw
from netspec.proof.sizes import small_sizes
from netspec.text import SpecError

LEAST_SAID = 60
"""Docs shorter than this say less of an op than its name."""


@dataclass(frozen=True)
class Fault:
    """One promise that is not kept: of which op, in which sample (None for the op as a whole), and what is so."""

    op: str
    sample: int | None
    message: str

    def __str__(self) -> str:
        where = "" if self.sample is None else f" in sample {self.sample}"
        return f"`{self.op}`{where}: {self.message}"


def faults(
    kind: type[Op],
    *,
    reference: str | Reference = "numpy",
    candidates: Sequence[Runner] | None = None,
    seed: int = 0,
) -> Iterator[Fault]:
    """Everything that an op promises and does not keep, by itself and in every backend; nothing where all is well.

    `candidates` are the backends to hold to the reference: without them all that are installed. SpecError where a
    backend that is asked for is not there.
    """
    ours = _reference(reference)
    found = list(broken(kind, reference=ours, seed=seed))
    yield from found
    if found:
        return
    if candidates is None:
        candidates = [one for one in backends.installed().values() if one.name != ours.name]
    for row in conformance({kind.name: kind}, candidates, reference=ours, seed=seed):
        if not row.ok:
            what = row.note or f"off by {row.difference:.2g}, where rounding allows {row.tolerance:.2g}"
            message = f"{row.part} in `{row.backend}` ({row.dtype}): {what}"
            yield Fault(kind.name, int(row.where) if row.where.isdigit() else None, message)


def held(fault: Fault) -> Held:
    """A promise that is not kept as a row beside those of backends: nothing was compared."""
    where = "" if fault.sample is None else f"{fault.sample}"
    note = f"sample {where}: {fault.message}" if where else fault.message
    return Held(fault.op, "samples", "", "forward", 0, 0.0, 0.0, 0.0, ok=False, where=where, note=note)


def _reference(wanted: str | Reference) -> Reference:
    """What shows what rounding does to its numbers."""
    ours = backends.find(wanted) if isinstance(wanted, str) else wanted
    assert isinstance(ours, Reference)
    return ours


def broken(kind: type[Op], *, reference: str | Reference = "numpy", seed: int = 0) -> Iterator[Fault]:
    """What an op promises and does not keep by itself, with the reference alone."""
    if not kind.written:
        return  # what makes it is proved with whole models
    yield from (Fault(kind.name, None, message) for message in _untold(kind))
    try:
        samples = kind.samples()
        good = [one.code is None for one in samples]
    except Exception as fault:  # noqa: BLE001 - of another's program anything may come
        yield Fault(kind.name, None, f"its samples cannot be had: {_said(fault)}")
        return
    if True not in good:
        yield Fault(kind.name, None, "it has no good sample")
    ours = _reference(reference)
    for i, sample in enumerate(samples):
        for message in _kept(kind, sample, ours, seed):
            yield Fault(kind.name, i, message)


def _untold(kind: type[Op]) -> Iterator[str]:
    """What an op does not say of itself, or says that cannot be."""
    if len(inspect.cleandoc(vars(kind).get("__doc__") or "")) < LEAST_SAID:
        yield "it has no docs of its own, or next to none"
    if kind.main is not None and kind.main not in {*kind.model_fields, *kind.inputs()}:
        yield f"its main argument `{kind.main}` is no argument"
    for name in kind.model_fields:
        if name in WIRES:
            yield f"its argument `{name}` has the name of what stands beside an op"


def _kept(kind: type[Op], sample: Sample, ours: Reference, seed: int) -> Iterator[str]:
    """What one sample promises and the op does not keep."""
    try:
        op = kind(**sample.attributes)
    except Exception as fault:  # noqa: BLE001 - as above
        yield f"its arguments are refused: {_said(fault)}"
        return
    try:
        infer_node(op, sample.inputs)
    except Problem as problem:
        yield from _refusal(kind, sample, problem)
        return
    if sample.code is not None:
        yield f"it is accepted, and `{sample.code}` was promised"
        return
    try:
        yield from _run(op, sample.inputs, ours, seed)
        yield from _freed(op, sample.inputs)
    except SpecError as trouble:
        yield trouble.diagnostics[0].message
    except Exception as fault:  # noqa: BLE001 - as above
        yield f"the reference fails on it: {_said(fault)}"


def _refusal(kind: type[Op], sample: Sample, problem: Problem) -> Iterator[str]:
    """What is wrong with a refusal."""
    if sample.code is None:
        yield f"it is refused: {problem.message} [{problem.code}]"
        return
    if problem.code != sample.code:
        yield f"it is refused with `{problem.code}`, and `{sample.code}` was promised: {problem.message}"
    if not problem.help:
        yield f"`{problem.code}` has no cure: {problem.message}"
    known = {*kind.model_fields, *kind.inputs(), *sample.attributes}
    free = getattr(kind, "free_arguments", False)  # then it may be any axis
    if isinstance(problem.at, str) and problem.at not in known and not free:
        yield f"`{problem.code}` points at `{problem.at}`, which is no argument"


def _run(op: Op, types: tuple[TensorType, ...], ours: Reference, seed: int) -> Iterator[str]:
    """Where the numbers of the reference are not what the rule of types says."""
    graph = alone(op, *types)
    node = graph.node(OP)
    assert node is not None
    for mode in ("eval", "train") if node.state or node.noise else ("eval",):
        feed = draw(graph, seed=seed, batch=1, mode="train" if mode == "train" else "eval")
        only = {
            key: x for key, x in feed.inputs.items() if not key.startswith("g")
        }  # what follows is left out
        made = ours.run(graph, replace(feed, inputs=only), gradients=False)
        for ref, kind in zip(node.refs, node.types, strict=True):
            yield from _typed(graph, str(ref), kind, made.values[str(ref)])


def _typed(graph: Graph, name: str, kind: TensorType, y: Any) -> Iterator[str]:
    """Where one output is not what its type says."""
    shape = tuple(size.evaluate(small_sizes(graph, 1)) for size in kind.sizes)
    if y.shape != shape:
        yield f"`{name}` is inferred {list(shape)}, and the reference makes {list(y.shape)}"
        return
    made = "bool" if y.dtype == bool else "float32" if np.issubdtype(y.dtype, np.floating) else "int64"
    if made != kind.dtype:
        yield f"`{name}` is inferred {kind.dtype}, and the reference makes {made}"
    for one in untrue(kind, y):
        yield f"`{name}` is claimed {', '.join(kind.facts.names())}: {one}"


def _freed(op: Op, types: tuple[TensorType, ...]) -> Iterator[str]:
    """Where a letter in place of a size changes what is inferred, or is refused without a cure."""
    known = infer_node(op, types).outputs
    sizes = {axis for kind in types for axis in kind.axes if axis.size.value is not None}
    for axis in sorted(sizes, key=str):
        letter = {"S": int(axis.size)}
        free = tuple(kind.with_axes(_free(one, axis) for one in kind.axes) for kind in types)
        try:
            found = infer_node(op, free).outputs
        except Problem as problem:
            if not problem.help:
                yield f"with a letter for `{axis}` it is refused without a cure: {problem.message}"
            continue
        for one, other in zip(found, known, strict=True):
            if tuple(size.substitute(letter) for size in one.sizes) != other.sizes:
                yield f"with a letter for `{axis}` it infers {one.named()}, which is not {other.named()} there"


def _free(one: Axis, axis: Axis) -> Axis:
    """An axis with a letter for its size, if it is the one."""
    return Axis(one.name, Dim.of("S"), one.unit) if (one.name, one.size) == (axis.name, axis.size) else one


def _said(fault: BaseException) -> str:
    """An error in one line, with the package and the place where it is another's."""
    place = blamed(fault)
    return told(fault) + (f" ({place})" if place else "")
