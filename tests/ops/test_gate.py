"""Gates over channels and places, held to modules that are written in PyTorch as their papers say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - the name that everybody gives it
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from netspec.front import check_source
from netspec.ir.compound import Step
from netspec.ir.types import TensorType, tensor
from netspec.ops.adaptive import AdaptiveMaxPool
from netspec.ops.gate import Cbam, SqueezeExcite
from netspec.passes.cost import cost
from netspec.text import Source
from tests.conformance.case import case, forward, numbers
from tests.conformance.harness import check_agreement, check_letters, check_or_refused, refuses_attributes
from tests.ops.strategies import images, seeds

FUNCTIONS = {
    "relu": torch.relu,
    "silu": F.silu,
    "hardswish": F.hardswish,
    "gelu": F.gelu,
    "sigmoid": torch.sigmoid,
    "hardsigmoid": F.hardsigmoid,
}


@pytest.mark.parametrize("space", [1, 2, 3])
@given(data=st.data())
def test_numpy_and_torch_agree_on_any_squeeze(space: int, data: st.DataObject) -> None:
    arguments = {
        "activation": data.draw(st.sampled_from(["relu", "silu", "hardswish", "gelu"])),
        "scale_activation": data.draw(st.sampled_from(["sigmoid", "hardsigmoid"])),
        "bias": data.draw(st.booleans()),
        data.draw(st.sampled_from(["reduction", "squeeze_channels"])): data.draw(st.integers(1, 4)),
    }
    op = SqueezeExcite.model_validate(arguments)
    image = data.draw(images(space, channels=(1, 3, 4)))
    check_or_refused(op, image, seed=data.draw(seeds))
    check_letters(op, image)


@given(
    st.sampled_from(["relu", "silu", "hardswish", "gelu"]),
    st.sampled_from(["sigmoid", "hardsigmoid"]),
    st.integers(1, 3),
    seeds,
)
def test_a_squeeze_is_that_of_hu_and_others(activation: str, scale: str, inner: int, seed: int) -> None:
    op = SqueezeExcite.model_validate(
        {"activation": activation, "scale_activation": scale, "squeeze_channels": inner}
    )
    use = case(op, tensor(batch=2, channel=4, height=3, width=2))
    drawn = numbers(use, seed)
    x = torch.from_numpy(drawn.inputs[0])
    held = {key: torch.from_numpy(value) for key, value in drawn.parameters.items()}
    s = F.adaptive_avg_pool2d(x, 1)
    s = FUNCTIONS[activation](F.conv2d(s, held["fc1.weight"], held["fc1.bias"]))
    s = FUNCTIONS[scale](F.conv2d(s, held["fc2.weight"], held["fc2.bias"]))
    (y,) = forward(use, drawn, "eval")
    assert np.allclose(y, (s * x).numpy(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("space", [1, 2, 3])
@settings(max_examples=12)  # its tolerance takes a backward for every number of the result
@given(data=st.data())
def test_numpy_and_torch_agree_on_any_attention_module(space: int, data: st.DataObject) -> None:
    op = Cbam(
        reduction=data.draw(st.integers(1, 3)),
        kernel_size=data.draw(st.integers(1, 5)),
        bias=data.draw(st.booleans()),
    )
    image = data.draw(images(space, channels=(1, 2, 3), least=2))
    check_or_refused(op, image, seed=data.draw(seeds))


def _cbam(x: Tensor, held: dict[str, Tensor]) -> Tensor:
    """The paper's formulas 2 and 3 with 2 d tensors."""

    def mlp(pooled: Tensor) -> Tensor:
        return F.conv2d(torch.relu(F.conv2d(pooled, held["fc1.weight"])), held["fc2.weight"])

    x = x * torch.sigmoid(mlp(x.mean((2, 3), keepdim=True)) + mlp(x.amax((2, 3), keepdim=True)))
    maps = torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], dim=1)
    return x * torch.sigmoid(F.conv2d(maps, held["conv.weight"], padding=held["conv.weight"].shape[-1] // 2))


@given(st.integers(1, 3), st.sampled_from([1, 3, 7]), seeds)
def test_an_attention_module_is_that_of_woo_and_others(reduction: int, window: int, seed: int) -> None:
    use = case(Cbam(reduction=reduction, kernel_size=window), tensor(batch=2, channel=4, height=5, width=4))
    drawn = numbers(use, seed)
    held = {key: torch.from_numpy(value) for key, value in drawn.parameters.items()}
    (y,) = forward(use, drawn, "eval")
    assert np.allclose(y, _cbam(torch.from_numpy(drawn.inputs[0]), held).numpy(), rtol=1e-12, atol=1e-12)


SPEC = """netspec: 1
inputs: {image: [16, H, 6]}
layers:
  - {squeeze_excite: 4, name: se}
  - {cbam: {reduction: 8, kernel_size: 3}, name: gates}
"""


def test_gates_count_what_their_parts_multiply_and_see_the_whole_picture() -> None:
    spec, found = check_source(Source("gates.yaml", SPEC), Path())
    assert not found
    assert spec is not None
    by_path = {row.node.path: row for row in cost(spec.graph).rows}
    assert by_path["se"].macs == 2 * 16 * 4
    assert (
        str(by_path["gates"].macs) == "108*H + 128"
    )  # 2 places of 2 matrices, 18 weights for each of 6 H places
    assert sorted(spec.graph.parameters) == [
        "gates.conv.weight",
        "gates.fc1.weight",
        "gates.fc2.weight",
        "se.fc1.bias",
        "se.fc1.weight",
        "se.fc2.bias",
        "se.fc2.weight",
    ]


@pytest.mark.parametrize("arguments", [{"reduction": 0}, {"squeeze_channels": 0}, {"activation": "sigmoid"}])
def test_arguments_that_cannot_be_are_refused(arguments: dict[str, object]) -> None:
    refuses_attributes(SqueezeExcite, **arguments)


def test_any_size_keeps_its_axes() -> None:
    kind: TensorType = tensor(batch=2, channel=16, height="H", width="W")
    assert case(SqueezeExcite(), kind).inferred.outputs[0].axes == kind.axes
    assert case(Cbam(), kind).inferred.outputs[0].axes == kind.axes


def test_steps_that_are_wrong_differ_from_the_formula(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reference does not run the steps, so it does not go wrong with them."""
    use = case(SqueezeExcite(reduction=2), tensor(batch=2, channel=4, height=3, width=2))
    check_agreement(use)
    right = SqueezeExcite.expand

    def wrong(op: SqueezeExcite, x: TensorType) -> tuple[Step, ...]:
        """The largest number in place of the mean."""
        first, *rest = right(op, x)
        return (replace(first, op=AdaptiveMaxPool(output_size=1)), *rest)

    monkeypatch.setattr(SqueezeExcite, "expand", wrong)
    with pytest.raises(AssertionError, match="output 0"):
        check_agreement(case(use.op, *use.types))
