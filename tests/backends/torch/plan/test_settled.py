from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from torch import nn

from netspec.text import SpecError
from netspec_torch.plan import PLAIN, Settled
from netspec_torch.way import no_compiler

HELD = Settled(
    memory_format="channels_last", compile=True, threads=2, workers=3, precision="bf16", float32=("0",)
)


def network() -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 4, 3))


def batch() -> dict[str, torch.Tensor]:
    return {"image": torch.randn(2, 3, 8, 8), "label": torch.arange(2)}


def test_a_settled_plan_is_plain_data_and_back() -> None:
    assert Settled.from_json(json.loads(json.dumps(HELD.as_json()))) == HELD
    assert Settled.from_json(PLAIN.as_json()) == PLAIN


@pytest.mark.parametrize(
    "change",
    [
        {"device": "cpu:0"},
        {"memory_format": "channels_first"},
        {"compile": 1},
        {"threads": 0},
        {"threads": True},
        {"workers": 1.0},
        {"workers": 65},
        {"precision": "float64"},
        {"float32": "conv"},
        {"float32": [1]},
    ],
)
def test_what_is_no_plan_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(SpecError, match="NS661"):
        Settled.from_json({**HELD.as_json(), **change})


@pytest.mark.parametrize("garbage", [None, [], "auto", {}, {"threads": 1}])
def test_garbage_is_refused(garbage: object) -> None:
    with pytest.raises(SpecError, match="NS661"):
        Settled.from_json(garbage)


def test_the_plain_plan_leaves_a_model_and_its_batch_as_they_are() -> None:
    model, given = network(), batch()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    threads = torch.get_num_threads()
    with PLAIN.throughout(), PLAIN.running():
        called = PLAIN.apply(model)
        assert called is model
        assert torch.get_num_threads() == threads
        assert called(PLAIN.placed(given)["image"]).dtype == torch.float32
    assert PLAIN.placed(given)["image"] is given["image"]
    assert before.keys() == model.state_dict().keys()


def test_channels_last_holds_weights_and_pictures_and_their_numbers() -> None:
    model, given = network(), batch()
    settled = Settled(memory_format="channels_last")
    settled.apply(model)
    weight = model.get_parameter("0.weight")
    assert weight.is_contiguous(memory_format=torch.channels_last)
    placed = settled.placed(given)
    assert placed["image"].is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(placed["image"], given["image"])
    assert placed["label"].shape == (2,)


def test_threads_are_those_of_the_plan_within_and_come_back() -> None:
    before = torch.get_num_threads()
    with Settled(threads=before + 1).throughout():
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before


def test_a_layer_behind_the_fence_computes_in_float32_and_keeps_its_names() -> None:
    model, given = network(), batch()
    keys = list(model.state_dict())
    kinds: dict[str, torch.dtype] = {}
    settled = Settled(precision="bf16", float32=("3",))
    called = settled.apply(model)
    for path in ("0", "3"):
        model.get_submodule(path).register_forward_hook(
            lambda layer, inputs, made, path=path: kinds.update({path: made.dtype})
        )
    with settled.running():
        called(given["image"]).sum().backward()
    assert kinds == {"0": torch.bfloat16, "3": torch.float32}
    assert list(model.state_dict()) == keys
    assert model.get_parameter("3.weight").grad is not None


@pytest.mark.skipif(bool(no_compiler()), reason="nothing here compiles")
@pytest.mark.slow
def test_a_compiled_model_with_a_fence_gives_what_the_eager_one_gives() -> None:
    eager, compiled = network(), network()
    given = batch()["image"]
    settled = Settled(precision="bf16", float32=("3",))
    plain = settled.apply(eager)
    fast = Settled(precision="bf16", float32=("3",), compile=True).apply(compiled)
    with settled.running():
        torch.testing.assert_close(fast(given), plain(given), rtol=2**-6, atol=2**-6)
