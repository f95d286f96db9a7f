"""Weights of a file in a model: the right numbers in the right places, or the model as it was."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import netspec
from netspec.text import SpecError
from netspec_torch.weights.put import load
from tests.specs.test_zoo import zoo


def net(classes: int = 5) -> nn.Module:
    return nn.Sequential(
        OrderedDict(
            conv=nn.Conv2d(3, 4, 3), norm=nn.BatchNorm2d(4), pool=nn.AdaptiveAvgPool2d(1),
            flat=nn.Flatten(), head=nn.Linear(4, classes),
        )
    )  # fmt: skip


def saved(folder: Path, state: Any) -> Path:
    torch.save(state, folder / "w.pt")
    return folder / "w.pt"


def refused(model: nn.Module, file: Path, **more: Any) -> str:
    """The code of the refusal, after which the model must be what it was."""
    before = {key: value.clone() for key, value in model.state_dict().items()}
    with pytest.raises(SpecError) as trouble:
        load(model, file, **more)
    after = model.state_dict()
    assert all(torch.equal(after[key], value) for key, value in before.items())
    (one,) = trouble.value.diagnostics
    assert one.help
    return one.code


def test_a_model_with_a_new_head_gets_the_rest_and_keeps_its_first_values_there(tmp_path: Path) -> None:
    old, model = net(7), net(5)
    old.forward(torch.rand(2, 3, 8, 8))
    head = model.get_parameter("head.weight")
    before = head.detach().clone()
    report = load(model, saved(tmp_path, old.state_dict()))
    assert torch.equal(head, before)
    for key, value in old.state_dict().items():
        if not key.startswith("head."):
            assert torch.equal(model.state_dict()[key], value)
    assert report.counts["new"] == 2
    assert refused(model, tmp_path / "w.pt", strict=True) == "NS766"


@pytest.mark.parametrize("kind", [torch.float64, torch.float16, torch.bfloat16])
def test_numbers_come_in_the_models_own_precision(tmp_path: Path, kind: torch.dtype) -> None:
    state = {
        key: value.to(kind) if value.is_floating_point() else value
        for key, value in net().state_dict().items()
    }
    model = net()
    load(model, saved(tmp_path, state))
    for key, value in model.state_dict().items():
        assert torch.equal(value, state[key].to(value.dtype))


def test_a_tensor_is_reshaped_where_the_numbers_are_the_same(tmp_path: Path) -> None:
    state = net().state_dict()
    state["head.weight"] = state["head.weight"][:, :, None, None]
    model = net()
    assert load(model, saved(tmp_path, state)).counts["reshaped"] == 1
    assert torch.equal(model.state_dict()["head.weight"], state["head.weight"].flatten(1))


def test_the_optimizer_and_tied_weights_see_the_new_numbers(tmp_path: Path) -> None:
    model = net()
    held = model.get_parameter("conv.weight")
    load(model, saved(tmp_path, net().state_dict()))
    assert model.get_parameter("conv.weight") is held
    assert held.requires_grad


def bad(**changes: Any) -> dict[str, Tensor]:
    state = net().state_dict()
    for key, change in changes.items():
        name = key.replace("_", ".", 1)
        state[name] = change(state[name])
    return state


def nan(value: Tensor) -> Tensor:
    return torch.full_like(value, torch.nan)


@pytest.mark.parametrize(
    "changes,code",
    [
        ({"head_bias": nan}, "NS768"),
        ({"head_bias": lambda value: value.long()}, "NS768"),
        ({"head_bias": lambda value: value > 0}, "NS768"),
        ({"head_bias": lambda value: torch.full_like(value, 1e300, dtype=torch.float64)}, "NS768"),
        ({"norm_num_batches_tracked": lambda value: torch.tensor(1.5)}, "NS768"),
        ({"norm_num_batches_tracked": lambda value: torch.tensor(torch.nan)}, "NS768"),
    ],
)
def test_a_bad_number_at_the_end_leaves_the_model_as_it_was(tmp_path: Path, changes: Any, code: str) -> None:
    assert refused(net(), saved(tmp_path, bad(**changes))) == code


def test_a_file_of_another_network_leaves_the_model_as_it_was(tmp_path: Path) -> None:
    assert refused(net(), saved(tmp_path, nn.LSTM(3, 4).state_dict())) == "NS765"
    assert refused(net(), tmp_path / "none.pt") == "NS760"
    saved(tmp_path, nn.Conv2d(3, 4, 3).state_dict())
    assert refused(net(), tmp_path / "w.pt", pairs={"weight": "head.weight"}) == "NS767"
    assert (
        refused(net(), tmp_path / "w.pt", pairs={"weight": "conv.weight", "bias": "conv.weight"}) == "NS767"
    )
    assert refused(nn.ReLU(), tmp_path / "w.pt") == "NS769"


def test_a_map_names_tensors_layers_or_blocks(tmp_path: Path) -> None:
    old = nn.Sequential(OrderedDict(stem=nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))))
    saved(tmp_path, old.state_dict())
    model = net()
    report = load(
        model, tmp_path / "w.pt", pairs={"stem.0": "conv", "stem.1.running_mean": "norm.running_mean"}
    )
    assert torch.equal(model.state_dict()["conv.weight"], old.state_dict()["stem.0.weight"])
    assert report.rows[0].why == "as asked"


def test_numbers_of_batches_may_be_floats_that_are_whole(tmp_path: Path) -> None:
    model = net()
    load(model, saved(tmp_path, bad(norm_num_batches_tracked=lambda value: torch.tensor([7.0]).reshape(()))))
    assert int(model.state_dict()["norm.num_batches_tracked"]) == 7


def test_a_state_of_another_library_gives_the_same_outputs(tmp_path: Path) -> None:
    """The structure of ResNet under the names of torchvision's, as tests/golden/torchvision has them."""
    spec = zoo("resnet18")
    one, other = netspec.compile(spec, seed=1).eval(), netspec.compile(spec, seed=2).eval()
    names = {"batch_norm": "bn", "basic1.": "", "logits": "fc"}
    state = OrderedDict()
    for key, value in one.state_dict().items():
        for ours, theirs in names.items():
            key = key.replace(ours, theirs)  # noqa: PLW2901
        state[key] = value
    report = netspec.load_weights(other, saved(tmp_path, state), spec=spec)
    assert report.whole
    x = torch.rand(1, 3, 32, 32)
    with torch.no_grad():
        assert torch.equal(one(x), other(x))


def test_a_model_of_another_spec_is_refused_before_anything_is_put_into_it(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not the one that the spec `resnet18` compiles to"):
        netspec.load_weights(net(), saved(tmp_path, net().state_dict()), spec=zoo("resnet18"))
