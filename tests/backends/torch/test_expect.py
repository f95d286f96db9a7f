"""Nothing is broadcast between what the model returns and the targets, wherever the loss is called from."""

from __future__ import annotations

import pytest
import torch

import netspec

SPEC = """
netspec: 1
inputs: {x: [4]}
targets: {v: {shape: []}, w: {shape: [1]}}
layers:
  - {linear: 1, name: y}
  - {formula: "mean(y, axis=feature)", name: z}
outputs: [y, z]
loss: {first: "mse(z, v)", second: "mse(y, w)"}
"""


@pytest.fixture(scope="module")
def loss(tmp_path_factory: pytest.TempPathFactory) -> torch.nn.Module:
    file = tmp_path_factory.mktemp("spec") / "spec.yaml"
    file.write_text(SPEC, encoding="utf-8")
    return netspec.loss(file)


OUTPUTS = {"y": torch.ones(3, 1), "z": torch.ones(3)}


@pytest.mark.parametrize(
    "name, shape, message",
    [
        ("v", (3, 1), r"`v` must be \[3\], and it is \[3, 1\]"),
        ("v", (1,), r"`v` must be \[3\], and it is \[1\]"),
        ("v", (), r"`v` must be \[3\], and it is \[\]"),
        ("w", (3,), r"`w` must be \[3, 1\], and it is \[3\]"),
        ("w", (3, 5), r"`w` must be \[3, 1\], and it is \[3, 5\]"),
    ],
)
def test_a_target_of_another_shape_is_refused_and_never_broadcast(
    loss: torch.nn.Module, name: str, shape: tuple[int, ...], message: str
) -> None:
    targets = {"v": torch.zeros(3), "w": torch.zeros(3, 1), name: torch.zeros(shape)}
    with pytest.raises(ValueError, match=message):
        loss(OUTPUTS, targets)


@pytest.mark.parametrize("count", [1, 3])
def test_targets_as_declared_are_taken(loss: torch.nn.Module, count: int) -> None:
    outputs = {"y": torch.ones(count, 1), "z": torch.ones(count)}
    value = loss(outputs, {"v": torch.zeros(count), "w": torch.zeros(count, 1)})
    assert value.item() == 2
