"""Averaged weights in a real run: what they are, what is measured with them, and going on with them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import netspec_numpy
from netspec.recipe.average import Average
from netspec_torch.averaged import Averaged
from netspec_torch.train import checkpoint
from netspec_torch.train.evaluate import evaluate
from netspec_torch.train.learner import Learner
from netspec_torch.train.run import compile_spec
from tests.backends.torch.train import small

CLIP = "clip: {norm: 1}"
EMA = (CLIP, f"{CLIP}\n  average: {{ema: 0.8}}")


def test_the_averages_of_a_run_are_what_the_formula_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    after: list[dict[str, Any]] = []
    take = Averaged.take

    def spying(self: Averaged, weights: Mapping[str, Tensor]) -> None:
        after.append({key: value.detach().numpy().copy() for key, value in weights.items()})
        take(self, weights)

    monkeypatch.setattr(Averaged, "take", spying)
    folder = small.run(small.spec(tmp_path, EMA)).folder
    assert len(after) == 10
    found = small.last(folder)["average"]
    wanted = netspec_numpy.average(Average(ema=0.8), after)[-1]
    assert found.keys() == wanted.keys() == small.last(folder)["model"].keys()
    assert "batch_norm1.running_var" in found
    for key, value in wanted.items():
        size = max(abs(one[key]).max() for one in after)
        # a step of float32 rounds a difference, a product and a sum, each below 2 * size; old roundings shrink by 0.8
        assert (abs(found[key].numpy() - value) <= 6 * size * 2**-24 / (1 - 0.8)).all(), key
        last = after[-1][key]
        assert np.array_equal(value, last) == (key == "batch_norm1.num_batches_tracked")


def test_training_goes_as_without_an_average_and_the_averages_are_what_is_measured_and_kept(
    tmp_path: Path,
) -> None:
    for name in ("bare", "averaged"):
        (tmp_path / name).mkdir()
    bare = small.run(small.spec(tmp_path / "bare"))
    checked = small.spec(tmp_path / "averaged", EMA)
    watcher = small.Then()
    result = small.run(checked, watcher=watcher)
    one, other = small.last(bare.folder), small.last(result.folder)
    assert small.same(one["model"], other["model"])
    assert "average" not in one
    kept = torch.load(result.folder / "weights.pt", weights_only=True)
    best = checkpoint.load(result.folder / "checkpoints" / "best.ckpt")
    assert small.same(kept, best["average"])
    assert not torch.equal(
        kept["logits.weight"],
        best["model"]["logits.weight"],
    )
    told = evaluate(checked, result.folder, device="cpu")
    row = next(row for row in watcher.rows if row["epoch"] == result.report["best_epoch"])
    assert (
        told["metrics"]["accuracy"] == pytest.approx(row["accuracy"]) == result.report["metrics"]["accuracy"]
    )
    model = compile_spec(checked).model
    model.load_state_dict(kept)


@pytest.mark.parametrize("cut", [3, 7])
def test_a_run_with_averages_goes_on_to_the_same_bits(
    cut: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Learner, "SAVE_EVERY", 0.0)
    for name in ("straight", "cut"):
        (tmp_path / name).mkdir()
    straight = small.run(small.spec(tmp_path / "straight", EMA)).folder
    checked = small.spec(tmp_path / "cut", EMA)
    with pytest.raises(small.Crash):
        small.run(checked, watcher=small.Then(cut, small.crash))
    folder = small.only_run(checked)
    small.run(checked, resume=folder)
    assert small.same(small.last(straight), small.last(folder))
    assert (straight / "metrics.csv").read_bytes() == (folder / "metrics.csv").read_bytes()
