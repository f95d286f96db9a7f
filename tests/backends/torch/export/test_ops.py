"""Every op that predicts goes out as ONNX and as a program, or is listed here with the reason why not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from torch import Tensor
from torch.export import ExportedProgram

from netspec.backend import FreeSize, Trial
from netspec.front import check_source
from netspec.ir.dim import Dim
from netspec.ir.graph import Graph
from netspec.ir.op import Op, Sample
from netspec.ir.problem import Problem
from netspec.ops import catalogue
from netspec.proof.trials import KINDS
from netspec.recipe.spec import Spec
from netspec.text import Source
from netspec_torch.export.onnx import runs_with, translated
from netspec_torch.export.program import Numbers, Unfit, numbers, program
from netspec_torch.export.rounding import allowances, compare
from netspec_torch.export.standing import ONNX, PLAIN
from netspec_torch.module import assemble
from tests.conformance.case import Case, case, draw, graph_of
from tests.conformance.harness import use_of

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

PREDICTS = [
    name
    for name, kind in sorted(catalogue().items())
    if "loss" not in kind.__module__
    and kind.__module__.rpartition(".")[2] not in ("metric", "overlap", "density")
]
"""Ops of layers; a loss and a metric stand in no file that predicts."""

STANDING = (
    "adaptive_avg_pool-4",
    "adaptive_max_pool-0",
    "avg_pool-14",
    "conv_transpose-4",
    "cummax-0",
    "rrelu-1",
)
"""Uses for which something else stands in: tried on every run."""

REFUSED: dict[str, str] = {}
"""Ops, or `op-sample`, that ONNX does not take, with what is said."""

USES = [
    pytest.param(name, i, id=f"{name}-{i}", marks=[] if f"{name}-{i}" in STANDING else pytest.mark.slow)
    for name in PREDICTS
    for i, sample in enumerate(catalogue()[name].samples())
    if sample.code is None
]


def use(kind: type[Op], sample: Sample) -> tuple[Case, bool]:
    """The use of a sample with a free batch, if its rule takes that."""
    plain = use_of(kind, sample)
    sizes = {one.axes[0].size.value for one in plain.types if one.batched}
    if len(sizes) != 1 or not sample.inputs:
        return plain, False
    types = tuple(
        one.with_axes((replace(one.axes[0], size=Dim.of("N")), *one.axes[1:])) if one.batched else one
        for one in plain.types
    )
    try:
        return case(plain.op, *types, frozen=plain.frozen), True
    except Problem:
        return plain, False


def predicting(found: Case) -> Graph:
    graph = graph_of(found)
    return replace(graph, entries={"predict": {f"y{i}": ref for i, ref in enumerate(graph.nodes[0].refs)}})


def trial(found: Case, batch: int) -> Trial:
    rng = np.random.default_rng(batch)
    arrays: dict[str, NDArray[Any]] = {}
    for i, kind in enumerate(found.types):
        at = kind.with_axes(replace(axis, size=axis.size.substitute({"N": batch})) for axis in kind.axes)
        arrays[f"x{i}"] = np.ascontiguousarray(draw(at, rng), dtype=KINDS[kind.dtype])
    return Trial({"N": batch}, arrays)


@pytest.mark.parametrize("name,place", USES)
def test_an_op_goes_out_as_it_is(name: str, place: int, tmp_path: Path) -> None:
    found, free = use(catalogue()[name], catalogue()[name].samples()[place])
    if not any(one.batched for one in found.types):
        pytest.skip("a number that stands in a formula")
    graph = predicting(found)
    model = assemble(graph, seed=2).model.eval()
    sizes = [FreeSize("N", 1)] if free else []
    tried = numbers(model, graph, [trial(found, 1), trial(found, 3)] if free else [trial(found, 2)])
    program(model, graph, sizes, tried, PLAIN)
    spec, _ = check_source(
        Source("net.yaml", "netspec: 1\nname: op\ninputs: {x: [2]}\nlayers: [relu]\n"), tmp_path
    )
    assert spec is not None
    told = REFUSED.get(name) or REFUSED.get(f"{name}-{place}")
    if told is not None:
        with pytest.raises(Unfit, match=told):
            _in_onnx(graph, program(model, graph, sizes, tried, ONNX, exact=False), tried, spec, tmp_path)
        return
    made = program(model, graph, sizes, tried, ONNX, exact=False)
    answers = _in_onnx(graph, made, tried, spec, tmp_path)
    allowed = allowances(model, graph, tried)
    for one, given in zip(tried, answers, strict=True):
        worst = compare(one.outputs, given, allowed)
        assert worst is None or worst[1] <= worst[2], worst


def _in_onnx(
    graph: Graph, made: ExportedProgram, tried: Sequence[Numbers], spec: Spec, folder: Path
) -> list[dict[str, Tensor]]:
    file = folder / "op.onnx"
    file.write_bytes(translated(made, spec, graph).SerializeToString())
    answers = runs_with(file, graph, tried)
    assert answers is not None
    return answers


def test_what_is_refused_is_an_op() -> None:
    assert {one.partition("-")[0] for one in REFUSED} <= catalogue().keys()
