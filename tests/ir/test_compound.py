"""Ops that are said with other ops: what follows from their steps, and that every backend then has them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import pytest

import netspec_numpy
import netspec_torch
from netspec.ir.compound import Compound, Step
from netspec.ir.expand import expanded
from netspec.ir.graph import Graph
from netspec.ir.op import Inferred
from netspec.ir.problem import Problem
from netspec.ir.types import TensorType, tensor
from netspec.ir.view import window
from netspec.ops.activation import Identity, Relu
from netspec.ops.arithmetic import Add
from netspec.ops.conv import Conv
from netspec.ops.dropout import Dropout
from netspec.ops.norm import BatchNorm
from netspec.passes.cost import cost
from netspec.passes.receptive_field import receptive_fields
from netspec.proof.draw import draw
from netspec.proof.verify import verify
from netspec.text import SpecError
from netspec_torch.module import compile as compile_graph
from tests.backends.torch.build import Build


class Stage(Compound):
    """A convolution, a norm, dropout, and the way around them."""

    name: ClassVar[str] = "stage"

    kernel_size: int = 3

    def expand(self, x: TensorType) -> tuple[Step, ...]:
        channels = int(x.axes[1].size)
        conv = Conv(out_channels=channels, kernel_size=self.kernel_size, padding=self.kernel_size // 2)
        return (
            Step("conv", conv),
            Step("norm", BatchNorm(), ("conv",)),
            Step("drop", Dropout(p=0.25), ("norm",)),
            Step("join", Add(), ("drop", 0)),
        )


class Two(Compound):
    """Two stages: a compound of compounds."""

    name: ClassVar[str] = "two"

    def expand(self, x: TensorType) -> tuple[Step, ...]:
        del x
        return (
            Step("first", Stage()),
            Step("second", Stage(kernel_size=5), ("first",)),
            Step("out", Relu(), ("second",)),
        )


IMAGE = tensor(batch="N", channel=2, height=6, width=5)


def graph(op: Compound, **options: Any) -> Graph:
    at = Build(image=IMAGE)
    at.use("conv1", Conv(out_channels=2, kernel_size=1), "image")
    at.use("stage1", op, "conv1", **options)
    at.use("relu1", Relu(), "stage1")
    return at.graph({"y": "relu1"})


def test_what_an_op_owns_is_what_its_steps_own() -> None:
    made = Two().infer(IMAGE)
    first = ["conv.weight", "conv.bias", "norm.weight", "norm.bias"]
    assert [one.name for one in made.parameters] == [
        f"{step}.{one}" for step in ("first", "second") for one in first
    ]
    assert [one.name for one in made.noise] == ["first.drop.keep", "second.drop.keep"]
    assert len(made.state) == 6
    assert made.outputs[0].axes == IMAGE.axes


def test_cost_and_receptive_field_are_those_of_the_steps() -> None:
    whole, parts = graph(Two()), expanded(graph(Two()))
    assert cost(whole).macs == cost(parts).macs == 6 * 5 * (4 + 2 * 2 * (9 + 25))
    fields, inner = receptive_fields(whole), receptive_fields(parts)
    for ref, field in fields.items():
        assert inner[ref] == field
    (y,) = whole.entry("predict").values()
    assert fields[y]["image", "height"] == window("height", 7, padding=3)


def test_both_backends_run_the_steps_of_an_op_that_they_do_not_know() -> None:
    for op in (Stage(), Two()):
        whole = graph(op)
        assert verify(whole, seed=3).ok
        feed = draw(whole, seed=1, batch=3, mode="train")
        assert set(netspec_numpy.run(whole, feed).values) == {"conv1", "stage1", "relu1"}


def test_layers_of_the_steps_have_the_keys_of_the_whole() -> None:
    whole = graph(Two())
    model = compile_graph(whole, seed=0)
    assert set(model.state_dict()) == {*whole.parameters, *whole.state}
    assert "stage1.first.conv.weight" in model.state_dict()


def test_first_values_and_what_is_frozen_reach_the_steps() -> None:
    from netspec.recipe.initializer import Constant

    init = {"conv.weight": Constant(value=0.5)}
    whole = graph(Stage(), init=init, frozen=["conv.bias", "statistics"])
    model = compile_graph(whole, seed=0)
    parameters = dict(model.named_parameters())
    assert bool((parameters["stage1.conv.weight"] == 0.5).all())
    assert not parameters["stage1.conv.bias"].requires_grad
    assert parameters["stage1.norm.bias"].requires_grad
    import torch

    before = model.state_dict()["stage1.norm.running_mean"].clone()
    model.train()(torch.ones(2, 2, 6, 5))
    assert torch.equal(model.state_dict()["stage1.norm.running_mean"], before)


def test_an_op_that_a_backend_knows_is_left_whole() -> None:
    whole = graph(Stage())
    assert expanded(whole, {Stage}) is whole
    assert [node.path for node in expanded(graph(Two()), {Stage}).nodes] == [
        "conv1",
        "stage1.first",
        "stage1.second",
        "stage1",
        "relu1",
    ]


def test_a_step_that_does_not_fit_is_said_of_the_whole() -> None:
    with pytest.raises(Problem) as caught:
        Stage().infer(tensor(batch="N", time=2, height=6, width=5))
    assert caught.value.at == 0
    assert "`conv`, a `conv` of `stage`" in caught.value.message


class Narrower(Stage):
    """Its own rule loses an axis that its steps keep."""

    def infer(self, x: TensorType) -> Inferred:
        made = super().infer(x)
        (y,) = made.outputs
        return replace(made, outputs=(y.with_axes(y.axes[:-1]),))


class Poorer(Stage):
    """Its own rule forgets a parameter."""

    def infer(self, x: TensorType) -> Inferred:
        made = super().infer(x)
        return replace(made, parameters=made.parameters[:-1])


class Restless(Stage):
    """Its last step draws noise, whose key would be another than the one it is drawn under."""

    def expand(self, x: TensorType) -> tuple[Step, ...]:
        return (Step("drop", Dropout(p=0.5)),)


@pytest.mark.parametrize(
    "op,why",
    [(Narrower(), "its steps give"), (Poorer(), "`norm.bias`"), (Restless(), "draws noise")],
    ids=["shape", "parameters", "noise"],
)
def test_an_op_and_its_steps_that_disagree_are_refused(op: Compound, why: str) -> None:
    at = Build(image=IMAGE)
    at.use("stage1", op, "image")
    with pytest.raises(SpecError, match=why) as caught:
        expanded(at.graph({"y": "stage1"}))
    assert caught.value.diagnostics[0].code == "NS739"


def test_the_steps_are_written_as_a_person_would() -> None:
    text = netspec_torch.source(graph(Stage()), name="staged")
    assert "class Stage(nn.Module):" in text
    assert "self.conv = nn.Conv2d(2, 2, 3, padding=1)" in text
    assert "self.stage1 = Stage()" in text
    nested = netspec_torch.source(graph(Two()), name="staged")
    assert "self.first = Stage()" in nested
    assert "self.second = Stage(kernel_size=5)" in nested


def test_the_last_step_may_be_anything_that_draws_nothing() -> None:
    class Quiet(Stage):
        """A random step, and one behind it."""

        def expand(self, x: TensorType) -> tuple[Step, ...]:
            return Step("drop", Dropout(p=0.5)), Step("out", Identity(), ("drop",))

    assert verify(graph(Quiet()), seed=1).ok
