"""Keras, where it is installed: its network is the spec's, and what it has not is named. It is no dependency."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from netspec.front import load
from netspec.recipe.spec import Spec
from netspec_torch.bench.contender import LeftOut
from netspec_torch.bench.job import Job
from netspec_torch.bench.network import own
from netspec_torch.bench.same import check
from tests.backends.torch.bench.test_theirs import SPEC, batch

os.environ.setdefault("KERAS_BACKEND", "torch")
pytest.importorskip("keras")
build = pytest.importorskip("netspec_torch.bench.in_keras").build

LAYERS = {
    "a strided conv with its own padding": """
  - conv: {out_channels: 4, kernel_size: 3, stride: 2, padding: 1}
""",
    "a conv that keeps the size": """
  - conv: {out_channels: 4, kernel_size: 3, padding: 2, dilation: 2}
""",
    "a grouped conv": """
  - conv: {out_channels: 4, kernel_size: 1}
  - conv: {out_channels: 6, kernel_size: 3, groups: 2}
""",
    "a transposed conv": """
  - conv_transpose: {out_channels: 3, kernel_size: 2, stride: 2}
""",
    "a padded pool": """
  - conv: {out_channels: 3, kernel_size: 3}
  - relu
  - max_pool: {kernel_size: 3, stride: 2, padding: 1}
""",
    "a mean": """
  - avg_pool: {kernel_size: 2, padding: 1}
""",
    "a sum of two": """
  - residual:
      layers:
        - conv: {out_channels: 1, kernel_size: 3, padding: 1}
        - batch_norm
  - silu
""",
    "a join": """
  - {conv: {out_channels: 2, kernel_size: 1}, name: a}
  - {conv: {out_channels: 3, kernel_size: 1}, name: b}
  - {concat, from: [a, b]}
""",
    "differences": """
  - frame_difference: width
  - rescale: {mean: 0.5, std: 0.25}
  - leaky_relu
""",
}


def spec(folder: Path, layers: str, text: str = SPEC) -> Spec:
    head, tail = text[: text.index("  - conv:")], text[text.index("  - flatten") :]
    file = folder / "pictures.yaml"
    file.write_text(head + layers.lstrip("\n") + tail, encoding="utf-8")
    return load(file)


@pytest.mark.parametrize("layers", LAYERS.values(), ids=LAYERS)
def test_a_network_in_keras_computes_what_the_spec_says(tmp_path: Path, layers: str) -> None:
    checked = spec(tmp_path, layers)
    job = Job(checked, 4, {name: one.numpy() for name, one in batch().items()}, "cpu", "float32")
    check(own(checked), build(job), batch(), random=False)


@pytest.mark.parametrize(
    "layers, said",
    [
        ("  - group_norm: 1\n", "`group_norm`"),
        ("  - max_pool: {kernel_size: 2, ceil_mode: true}\n", "no max_pool with these settings"),
        (
            "  - conv: {out_channels: 2, kernel_size: 3, padding: 1, padding_mode: reflect}\n",
            "no conv with these",
        ),
    ],
)
def test_what_keras_has_not_is_named(tmp_path: Path, layers: str, said: str) -> None:
    checked = spec(tmp_path, layers)
    job = Job(checked, 4, {name: one.numpy() for name, one in batch().items()}, "cpu", "float32")
    with pytest.raises(LeftOut, match=said):
        build(job)


def test_what_is_frozen_learns_in_neither(tmp_path: Path) -> None:
    checked = spec(tmp_path, "  - conv: {out_channels: 2, kernel_size: 3}\n    freeze: weight\n")
    job = Job(checked, 4, {name: one.numpy() for name, one in batch().items()}, "cpu", "float32")
    built = build(job)
    check(own(checked), built, batch(), random=False)
    assert "conv1.weight" not in built.gradients()
    assert isinstance(built.gradients()["conv1.bias"], torch.Tensor)
