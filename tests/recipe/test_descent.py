from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest

from netspec.front import check_source
from netspec.ir.compound import Compound, Step
from netspec.ir.types import TensorType, tensor
from netspec.ops import catalogue
from netspec.ops.conv import Conv
from netspec.ops.norm import BatchNorm
from netspec.recipe.descent import descent, named, undecayed
from netspec.recipe.spec import Spec
from netspec.text import Source
from netspec.weights.initial import first
from tests.backends.torch.build import Build

TEXT = """netspec: 1
inputs: {x: [3, 8, 8]}
targets: {label: {kind: class_index, classes: 2}}
blocks:
  unit:
    layers:
      - {conv: {out_channels: 4, kernel_size: 3}, name: conv}
      - {batch_norm, name: even}
layers:
  - {unit, repeat: 2, name: stem}
  - global_avg_pool
  - {linear: 2, name: scores}
loss: cross_entropy(scores, label)
training:
  epochs: 1
  batch_size: 2
  optimizer: {adamw: {lr: 0.1, no_decay: [norm, bias]}}
  clip: {norm: 1}
"""


def spec(text: str = TEXT) -> Spec:
    found, diagnostics = check_source(Source("model.yaml", text), Path())
    assert found is not None, [one.message for one in diagnostics]
    return found


def test_norm_and_bias_name_the_parameters_of_norms_and_all_biases() -> None:
    graph = spec().graph
    assert named(graph, "norm") == {f"stem.{i}.even.{own}" for i in (0, 1) for own in ("weight", "bias")}
    assert named(graph, "bias") == {
        "scores.bias", *(f"stem.{i}.{one}.bias" for i in (0, 1) for one in ("conv", "even"))
    }  # fmt: skip


@pytest.mark.parametrize(
    "word,keys",
    [
        ("scores", {"scores.weight", "scores.bias"}),
        ("scores.weight", {"scores.weight"}),
        ("stem.1.conv", {"stem.1.conv.weight", "stem.1.conv.bias"}),
        ("stem.1", {f"stem.1.{one}.{own}" for one in ("conv", "even") for own in ("weight", "bias")}),
        ("score", set()),
        ("conv", set()),
    ],
)
def test_other_words_are_paths(word: str, keys: set[str]) -> None:
    assert named(spec().graph, word) == keys


def test_a_descent_is_the_rule_the_clip_and_what_is_spared() -> None:
    checked = spec()
    assert checked.training is not None
    found = descent(checked.training, checked.graph)
    assert found.optimizer is checked.training.optimizer
    assert found.clip is checked.training.clip
    assert found.undecayed == undecayed(checked.graph, ["norm", "bias"])
    assert "scores.weight" not in found.undecayed


def test_every_norm_with_parameters_is_known_as_one() -> None:
    wrong = [
        name for name, op in catalogue().items()
        if name.endswith("_norm") != op.normalises and "local" not in name
    ]  # fmt: skip
    assert wrong == []


class Evened(Compound):
    """A convolution with a norm behind it, as an op of another package may be."""

    name: ClassVar[str] = "evened"

    def expand(self, x: TensorType) -> tuple[Step, ...]:
        """The two ops that it is said with."""
        del x
        return (
            Step("conv", Conv(out_channels=4, kernel_size=3), (0,)),
            Step("even", BatchNorm(), ("conv",)),
        )


def test_the_norm_inside_of_an_op_that_is_said_with_others_is_known_too() -> None:
    at = Build(x=tensor(batch="N", channel=3, height=6, width=6))
    at.use("layer", Evened(), "x")
    graph = at.graph({"y": "layer"})
    assert named(graph, "norm") == {"layer.even.weight", "layer.even.bias"}
    assert named(graph, "bias") == {"layer.even.bias", "layer.conv.bias"}
    started = first(graph, 0)
    assert started.keys() == graph.parameters.keys()
    assert (started["layer.even.weight"] == 1).all()
