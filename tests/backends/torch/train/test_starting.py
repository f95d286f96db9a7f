"""A training that starts from other weights: they are told, kept with the run, and what the first step begins with."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

import netspec
from netspec.backend import Watcher
from netspec.text import SpecError
from netspec_torch.train.run import train
from tests.backends.torch.train import small

SHORT = (
    ("epochs: 2", "steps: 2"),
    ("warmup: 3 steps", "warmup: 1 steps"),
    ("seed: 3", "seed: 3\n  device: cpu"),
)
STILL = ("lr: 0.05, momentum: 0.9, weight_decay: 1e-3", "lr: 1e-30")
"""Steps so small that the weights stay what they were."""


class Told(Watcher):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def started(self, lines: Sequence[str]) -> None:
        self.lines += lines


def test_a_run_starts_from_another_runs_weights_and_keeps_the_report(tmp_path: Path) -> None:
    first = train(small.spec(tmp_path, *SHORT), runs=tmp_path / "runs").folder
    changed = small.spec(
        tmp_path,
        *SHORT,
        STILL,
        ("  - {linear: 10, name: logits}", "  - linear: 16\n  - {linear: 10, name: logits}"),
    )
    told = Told()
    second = train(changed, runs=tmp_path / "runs", weights=first, watcher=told).folder
    one, other = (torch.load(run / "weights.pt", weights_only=True) for run in (first, second))
    assert torch.equal(one["conv1.weight"], other["conv1.weight"])
    assert one["logits.weight"].shape != other["logits.weight"].shape
    record = json.loads((second / "run.json").read_text())["weights"]
    assert record["file"] == first.name
    assert record["sha256"] == hashlib.sha256((first / "weights.pt").read_bytes()).hexdigest()
    report = json.loads((second / "weights.json").read_text())
    assert report["counts"] == record["counts"]
    assert record["counts"]["new"] >= 2
    assert any(line.startswith("kept") and "conv1" in line for line in told.lines)
    assert str(tmp_path) not in (second / "run.json").read_text()
    assert not (first / "weights.json").exists()


def test_weights_that_do_not_fit_leave_no_run_behind(tmp_path: Path) -> None:
    torch.save({"other.weight": torch.zeros(3, 5)}, tmp_path / "w.pt")
    with pytest.raises(SpecError, match="NS765"):
        train(small.spec(tmp_path, *SHORT), runs=tmp_path / "runs", weights=tmp_path / "w.pt")
    assert not (tmp_path / "runs").exists()


def test_a_run_goes_on_with_its_own_weights_alone(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="resume"):
        netspec.train(small.spec(tmp_path, *SHORT), resume=tmp_path, weights=tmp_path / "w.pt")
