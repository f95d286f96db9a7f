"""Every layer by itself, in other number types, layouts and compilers: right ones agree, planted faults are located."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

import netspec_numpy
import netspec_torch
from netspec.backend import Feed, Run
from netspec.ir.graph import Graph
from netspec.proof import Proof, verify
from netspec.proof.apart import CUT, apart, readings, rounded
from netspec.proof.draw import draw
from netspec.proof.modes import QUICK
from netspec.text import SpecError
from netspec_torch.way import WAYS, lacks
from tests.proof.specs import CLASSIFIER, CURVE, read

SEEDS = (0, 1, 2)

BLOCKS = """
netspec: 1
name: blocks
inputs: {image: {shape: [3, 8, 8]}}
targets: {label: {kind: class_index, classes: 4}}
blocks:
  unit:
    params: {width: int}
    layers:
      - conv: {out_channels: $width, kernel_size: 3, padding: 1}
      - group_or_batch
      - relu
layers:
  - {unit: {width: 6}, repeat: 2, name: trunk}
  - {unit: {width: 8}, name: top}
  - global_avg_pool
  - {linear: 4, name: logits}
loss: cross_entropy(logits, label)
""".replace("group_or_batch", "batch_norm")


def prove(
    text: str = CLASSIFIER, *, modes: tuple[str, ...] = QUICK, candidate: Any = netspec_torch, seed: int = 0
) -> Proof:
    return verify(read(text).graph, modes=modes, reference=netspec_numpy, candidate=candidate, seed=seed)


def wrong(proof: Proof) -> set[tuple[str, str, str]]:
    return {(row.way, row.what, row.layer) for row in proof.rows if not row.ok}


# ------------------------------------------------------------------------------------------------------ right ones


@settings(max_examples=10)
@given(st.integers(0, 2**32 - 1), st.sampled_from([CLASSIFIER, CURVE, BLOCKS]))
def test_no_numbers_raise_a_false_alarm_in_any_quick_mode(seed: int, text: str) -> None:
    proof = prove(text, seed=seed)
    assert proof.ok, [row for row in proof.rows if not row.ok]


def test_every_layer_is_compared_in_every_mode_with_its_gradients() -> None:
    graph = read(CLASSIFIER).graph
    seen = {(row.way, row.what, row.mode, row.layer) for row in prove().rows}
    trained = {node.path for node in graph.nodes if node.parameters}
    for way in ("float32", "bf16", "channels_last"):
        for mode in ("eval", "train"):
            assert {(way, "value", mode, node.path) for node in graph.nodes} <= seen
            assert {(way, "gradient", mode, path) for path in trained} <= seen
            assert {
                (way, "input gradient", mode, path) for path in (*trained, "max_pool1", "dropout1")
            } <= seen
        assert (way, "state", "train", "batch_norm1") in seen


def test_what_is_not_run_is_told_with_its_reason() -> None:
    told = {one.mode: one.why for one in prove(modes=("float64", "float32")).missing}
    assert set(told) == {"bf16", "channels_last", "compile", "cuda"}
    assert told["bf16"] == "not asked for"


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")
def test_cuda_is_left_out_where_there_is_none_and_refused_where_nothing_else_was_asked_for() -> None:
    (missing,) = (one for one in prove(modes=("float32", "cuda")).missing if one.mode == "cuda")
    assert "CUDA" in missing.why
    with pytest.raises(SpecError, match=r"NS717.*CUDA"):
        prove(modes=("cuda",))
    with pytest.raises(SpecError, match=r"NS717.*CUDA"):
        netspec_torch.run_as("cuda", read(CURVE).graph, Feed({}))


def test_a_backend_that_runs_in_one_way_only_is_proved_in_that() -> None:
    @dataclass(frozen=True)
    class Plain:
        """The reference under another name, without ways."""

        name: str = "plain"
        run = staticmethod(netspec_numpy.run)
        update = staticmethod(netspec_numpy.update)

    proof = prove(candidate=Plain())
    assert proof.ok
    assert {row.way for row in proof.rows} == {"float64"}
    assert {one.why for one in proof.missing if one.mode in QUICK} == {"the candidate runs in one way only"}


def test_drift_from_end_to_end_is_told_for_outputs_loss_and_gradients() -> None:
    drift = prove(BLOCKS).drift
    assert {one.way for one in drift} == {"float32", "bf16", "channels_last"}
    assert {one.what for one in drift} == {"output", "loss", "gradient"}
    for one in drift:
        assert one.relative is not None
        assert one.relative < (0.5 if one.way == "bf16" else 1e-4)
    # The bias before a batch norm has the gradient 0, so nothing of it can drift.
    assert not [one for one in drift if one.mode == "train" and one.where == "top.conv1.bias"]


def test_bf16_is_held_to_a_few_roundings_of_bf16_and_float32_to_far_less() -> None:
    by_way: dict[str, list[float]] = {}
    for row in prove(BLOCKS).rows:
        if row.what == "value" and row.relative:
            by_way.setdefault(row.way, []).append(row.tolerance * row.relative / row.difference)
    assert max(by_way["bf16"]) < 0.3
    assert max(by_way["float32"]) < 1e-3


GATED = """
netspec: 1
name: gated
inputs: {image: {shape: [3, 6, 6]}}
targets: {label: {kind: class_index, classes: 3}}
layers:
  - conv: {out_channels: 8, kernel_size: 3}
  - {squeeze_excite: {squeeze_channels: 4, scale_activation: hardsigmoid}, name: gate}
  - global_avg_pool
  - {linear: 3, name: logits}
loss: cross_entropy(logits, label)
"""


@pytest.mark.parametrize("seed", range(6))
def test_an_op_that_is_said_with_others_is_judged_step_by_step_for_kinks_lie_between_them(seed: int) -> None:
    proof = prove(GATED, seed=seed)
    assert proof.ok, [row for row in proof.rows if not row.ok]
    layers = {row.layer for row in proof.rows if row.way == "bf16"}
    assert {"gate", "gate.fc1", "gate.fc2"} < layers
    assert {row.where for row in proof.rows if row.way == "float64" and row.where.startswith("gate")} == {
        "gate", "gate.fc1.weight", "gate.fc1.bias", "gate.fc2.weight", "gate.fc2.bias",
    }  # fmt: skip


def test_a_fault_in_a_step_of_such_an_op_is_told_at_the_line_of_the_op() -> None:
    proof = prove(GATED, candidate=Faulty("bf16", conv(without_bias, 4)))
    assert {(way, layer) for way, _, layer in wrong(proof)} == {("bf16", "gate.fc1")}
    (found,) = proof.diverging
    assert found.span is not None
    assert "squeeze_excite" in GATED.splitlines()[found.span.line - 1]


# -------------------------------------------------------------------------------------------------- planted faults


@dataclass(frozen=True)
class Faulty:
    """PyTorch with a patch that is in place while one mode runs."""

    way: str
    patch: Callable[[pytest.MonkeyPatch], None]
    name: str = "faulty"
    run = staticmethod(netspec_torch.run)
    update = staticmethod(netspec_torch.update)
    lacks = staticmethod(netspec_torch.lacks)
    table = staticmethod(netspec_torch.table)

    def run_as(self, way: str, graph: Graph, feed: Feed, *, gradients: bool = True) -> Run:
        with pytest.MonkeyPatch.context() as patched:
            if way == self.way:
                self.patch(patched)
            return netspec_torch.run_as(way, graph, feed, gradients=gradients)

    def described(self) -> Mapping[str, str]:
        return {}


def conv(
    change: Callable[[nn.Conv2d, Tensor, Tensor], Tensor], which: int
) -> Callable[[pytest.MonkeyPatch], None]:
    """A patch of what convolutions with `which` output channels give."""
    true = nn.Conv2d.forward

    def forward(self: nn.Conv2d, x: Tensor) -> Tensor:
        made = true(self, x)
        return change(self, x, made) if self.out_channels == which else made

    return lambda patch: patch.setattr(nn.Conv2d, "forward", forward)


def shifted_if_last(layer: nn.Conv2d, x: Tensor, made: Tensor) -> Tensor:
    """Reads the padding of the wrong side, where channels stand last in memory."""
    last = x.is_contiguous(memory_format=torch.channels_last) and not x.is_contiguous()
    return made.roll(1, -1) if last else made


def without_bias(layer: nn.Conv2d, x: Tensor, made: Tensor) -> Tensor:
    """Forgets the bias under autocast."""
    if layer.bias is None or not torch.is_autocast_enabled("cpu"):
        return made
    return made - layer.bias.to(made).reshape(-1, 1, 1)


def deaf_bias(layer: nn.Conv2d, x: Tensor, made: Tensor) -> Tensor:
    """Sends the bias half of its gradient."""
    if layer.bias is None:
        return made
    half = layer.bias / 2
    return made + (half.detach() - half).to(made).reshape(-1, 1, 1)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_fault_of_channels_last_alone_is_located(seed: int) -> None:
    proof = prove(candidate=Faulty("channels_last", conv(shifted_if_last, 5)), seed=seed)
    assert {(way, layer) for way, _, layer in wrong(proof)} == {("channels_last", "conv2")}
    (found,) = proof.diverging
    assert found.code == "NS714"
    assert "`conv2`" in found.message
    assert "`channels_last`" in found.message
    assert found.span is not None
    assert "kernel_size: 3, padding: 1, stride: 2" in CLASSIFIER.splitlines()[found.span.line - 1]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_fault_of_bf16_alone_is_located_and_not_what_it_leads_to(seed: int) -> None:
    proof = prove(candidate=Faulty("bf16", conv(without_bias, 4)), seed=seed)
    assert {(way, layer) for way, _, layer in wrong(proof)} == {("bf16", "conv1")}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("way", ["float32", "bf16"])
def test_a_gradient_that_is_wrong_in_one_mode_is_located(seed: int, way: str) -> None:
    proof = prove(candidate=Faulty(way, conv(deaf_bias, 5)), seed=seed)
    assert wrong(proof) == {(way, "gradient", "conv2")}
    assert "the gradient of `conv2.bias`" in proof.diverging[0].message


def test_a_layer_inside_a_repeated_block_is_told_with_its_definition_and_its_uses() -> None:
    def once(layer: nn.Conv2d, x: Tensor, made: Tensor) -> Tensor:
        return made * 1.5 if layer.in_channels == 6 else made

    proof = prove(BLOCKS, candidate=Faulty("float32", conv(once, 6)))
    (found,) = proof.diverging
    assert "`trunk.1.conv1`" in found.message
    lines = BLOCKS.splitlines()
    assert found.span is not None
    assert "- conv:" in lines[found.span.line - 1]
    (use,) = found.labels
    assert "unit: {width: 6}" in lines[use.span.line - 1]
    assert use.text == "`unit` is used here"


@pytest.mark.slow
@pytest.mark.skipif(bool(lacks("compile")), reason="torch.compile needs a compiler")
def test_a_fault_of_the_compiled_model_alone_is_located() -> None:
    text = CLASSIFIER.replace("  - leaky_relu: 0.1\n  - max_pool: 2\n", "").replace(
        "  - batch_norm\n  - relu\n", ""
    )

    def compiled_only(layer: nn.Conv2d, x: Tensor, made: Tensor) -> Tensor:
        return made.flip(-1) if torch.compiler.is_compiling() else made

    assert prove(text, modes=("compile",)).ok
    proof = prove(text, modes=("compile",), candidate=Faulty("compile", conv(compiled_only, 5)))
    assert {(way, layer) for way, _, layer in wrong(proof)} == {("compile", "conv2")}


# -------------------------------------------------------------------------------------------------------- the parts


def test_apart_every_layer_reads_an_input_of_its_own() -> None:
    graph = read(BLOCKS).graph
    cut = apart(graph)
    assert [node.path for node in cut.nodes] == [node.path for node in graph.nodes]
    paths = {node.path for node in graph.nodes}
    assert not [ref for node in cut.nodes for ref in node.inputs if ref.path in paths]
    assert set(cut.inputs) == set(readings(graph))
    assert all(CUT in name for name in cut.inputs)


def test_gradients_that_arrive_from_outside_take_the_place_of_the_loss_in_both_backends() -> None:
    graph = read(CURVE).graph
    feed = draw(graph, seed=0, batch=3, mode="train")
    whole = netspec_numpy.run(graph, feed)
    sent = replace(feed, arriving={"linear2": whole.back["linear2"]})
    for side in (netspec_numpy, netspec_torch):
        found = side.run(graph, sent)
        assert np.allclose(found.parameters["linear1.weight"], whole.parameters["linear1.weight"], rtol=1e-12)
        assert np.allclose(found.inputs["x"], whole.inputs["x"], rtol=1e-12)


@settings(max_examples=50)
@given(st.floats(-1e38, 1e38) | st.sampled_from([0.0, np.inf, -np.inf, np.nan, 1.00390625, 1.01171875]))
def test_rounding_to_bfloat16_is_that_of_torch(value: float) -> None:
    ours = rounded(np.array([value]), "bfloat16")
    assert np.array_equal(ours, torch.tensor([np.float32(value)]).bfloat16().float().numpy(), equal_nan=True)


def test_every_mode_has_a_way_and_none_without_a_mode() -> None:
    from netspec.proof.modes import MODES

    assert set(WAYS) == set(MODES)
    assert lacks("float16") != ""
