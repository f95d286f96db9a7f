"""Faults that were planted on purpose: each is found, and at its own line, whatever numbers are drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

import netspec_numpy
import netspec_torch
from netspec.ir.compound import Step
from netspec.ir.types import TensorType
from netspec.ops.conv import Conv
from netspec.ops.dropout import Dropout
from netspec.ops.norm import BatchNorm
from netspec.ops.separable import DepthwiseConv
from netspec.proof import Proof, verify
from netspec.recipe.descent import Descent
from netspec.recipe.optimizer import Sgd
from netspec_numpy.rule import Context
from tests.proof.specs import CLASSIFIER, Planted, altered, read

SGD = Descent(Sgd(lr=0.1, momentum=0.9, weight_decay=1e-3))
SEEDS = range(5)


def is_second(op: Conv) -> bool:
    return op.out_channels == 5


def padded_on_the_wrong_side(op: Conv, inputs: Any, at: Context, made: Any) -> Any:
    del op, inputs, at
    return replace(made, outputs=(np.roll(made.outputs[0], 1, axis=-1),))


def without_bias(op: Any, at: Context, sent: Any) -> Any:
    del op, at
    return replace(sent, parameters={key: g * (key != "bias") for key, g in sent.parameters.items()})


def stale_mean(op: Any, inputs: Any, at: Context, made: Any) -> Any:
    del op, inputs
    kept = {"running_mean": at.state["running_mean"]} if "running_mean" in made.state else {}
    return replace(made, state={**made.state, **kept})


def unscaled(op: Dropout, inputs: Any, at: Context, made: Any) -> Any:
    """Keeps what the mask keeps, and forgets to make up for what it takes."""
    del inputs
    return replace(made, outputs=(made.outputs[0] * (1 - op.p),)) if at.mode == "train" else made


def swapped(descent: Descent, *rest: Any) -> Any:
    assert isinstance(descent.optimizer, Sgd)
    other = descent.optimizer.model_copy(update={"momentum": 1 - descent.optimizer.momentum})
    return netspec_numpy.update(replace(descent, optimizer=other), *rest)


@dataclass(frozen=True)
class Fault:
    """A backend with one fault, the layer's line by a part of it, what differs, and what of that the message names."""

    backend: Planted
    line: str
    what: str
    named: str
    mode: str = "eval"


FAULTS: dict[str, Fault] = {
    "a wrong padding": Fault(
        Planted(altered(Conv, forward=padded_on_the_wrong_side, when=is_second)),
        "stride: 2",
        "value",
        "`conv2`",
    ),
    "a missing gradient of a bias": Fault(
        Planted(altered(Conv, backward=without_bias, when=is_second)), "stride: 2", "gradient", "`conv2.bias`"
    ),
    "a stale running mean": Fault(
        Planted(altered(BatchNorm, forward=stale_mean)),
        "- batch_norm",
        "state",
        "`batch_norm1.running_mean`",
        mode="train",
    ),
    "a wrong scale of dropout": Fault(
        Planted(altered(Dropout, forward=unscaled)), "- dropout", "value", "`dropout1`", mode="train"
    ),
    "a swapped momentum": Fault(Planted(step=swapped), "out_channels: 4", "update", "`conv1.", mode="step 2"),
}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", FAULTS)
def test_it_is_found_and_located_every_time(name: str, seed: int) -> None:
    fault = FAULTS[name]
    proof = verify(read(CLASSIFIER).graph, SGD, reference=netspec_numpy, candidate=fault.backend, seed=seed)
    assert not proof.ok
    first = next(row for row in proof.rows if not row.ok)
    assert (first.what, first.mode) == (fault.what, fault.mode)
    found = proof.diverging[0]
    assert found.code == "NS714"
    assert fault.named in found.message
    assert found.span is not None
    assert fault.line in CLASSIFIER.splitlines()[found.span.line - 1]


# ------------------------------------------------------------------------------- an op said with other ops, wrongly

SAID = """
netspec: 1
name: said
inputs: {image: {shape: [3, 9, 8]}}
targets: {label: {kind: class_index, classes: 3}}
layers:
  - conv: {out_channels: 4, kernel_size: 3}
  - relu
  - depthwise_conv: {kernel_size: 3, padding: [[2, 0], 1], stride: 2}
  - global_avg_pool
  - {linear: 3, name: logits}
loss: cross_entropy(logits, label)
"""

Wrong = Callable[[Step], Step]


def mirrored(step: Step) -> Step:
    """The padding of one side on the other: the shapes stay right."""
    assert isinstance(step.op, Conv)
    return replace(step, op=step.op.model_copy(update={"padding": ((0, 2), (1, 1))}))


def unstrided(step: Step) -> Step:
    """The stride forgotten: shapes are inferred from the same steps, and wrong in the same way."""
    assert isinstance(step.op, Conv)
    return replace(step, op=step.op.model_copy(update={"stride": 1}))


def prove_said(patch: pytest.MonkeyPatch, wrong: Wrong | None, seed: int) -> tuple[Proof, tuple[int, ...]]:
    true = DepthwiseConv.expand

    def expand(self: DepthwiseConv, x: TensorType) -> tuple[Step, ...]:
        return tuple(map(wrong, true(self, x))) if wrong is not None else true(self, x)

    patch.setattr(DepthwiseConv, "expand", expand)
    graph = read(SAID).graph
    node = graph.node("depthwise_conv1")
    assert node is not None
    shape = tuple(int(str(size)) for size in node.types[0].sizes[2:])
    return verify(graph, reference=netspec_numpy, candidate=netspec_torch, seed=seed), shape


def test_an_op_that_is_said_rightly_agrees_with_its_own_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    proof, shape = prove_said(monkeypatch, None, 0)
    assert proof.ok
    assert shape == (4, 3)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("wrong,shape", [(mirrored, (4, 3)), (unstrided, (7, 6))])
def test_an_expand_and_an_infer_that_are_wrong_in_the_same_way_are_located(
    wrong: Wrong, shape: tuple[int, ...], seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    proof, inferred = prove_said(monkeypatch, wrong, seed)
    assert inferred == shape
    found = proof.diverging[0]
    assert "`depthwise_conv1`" in found.message
    assert found.span is not None
    assert "- depthwise_conv" in SAID.splitlines()[found.span.line - 1]
