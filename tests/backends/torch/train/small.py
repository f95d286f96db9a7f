"""A small run for the tests of training: a few hundred digits, a network with dropout, and watchers that interfere."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from netspec.backend import RunResult, Watcher
from netspec.front import load
from netspec.recipe.spec import Spec
from netspec_torch.train import checkpoint
from netspec_torch.train.run import train

SPEC = """
netspec: 1
name: small
inputs:
  image: {shape: {height: 8, width: 8}, kind: image, range: [0, 16]}
targets:
  label: {kind: class_index, classes: 10}
layers:
  - unsqueeze: channel
  - rescale: {mean: 8, std: 8}
  - conv: {out_channels: 4, kernel_size: 3}
  - batch_norm
  - relu
  - flatten
  - dropout: 0.3
  - {linear: 10, name: logits}
loss: cross_entropy(logits, label)
metrics:
  accuracy: accuracy(logits, label)
data:
  source: digits
  fields: {image: pixels, label: label}
  split: {by: sample, train: 150, validation: 50, seed: 1}
training:
  epochs: 2
  batch_size: 32
  seed: 3
  optimizer: {sgd: {lr: 0.05, momentum: 0.9, weight_decay: 1e-3}}
  schedule: [warmup: 3 steps, cosine]
  clip: {norm: 1}
"""


class Crash(Exception):
    """What ends a run in a test, without a chance to save anything."""


class Then(Watcher):
    """Does something once a step is done, and keeps the rows of the epochs and the losses of the steps."""

    def __init__(self, at: int = 0, action: Callable[[], None] = lambda: None) -> None:
        self.at, self.action = at, action
        self.rows: list[dict[str, float | int]] = []
        self.losses: list[float] = []
        self.read = 0

    def reading(self, done: int, total: int, what: str) -> None:
        self.read += 1

    def step(self, step: int, steps: int, loss: float) -> None:
        self.losses.append(loss)
        if step == self.at:
            self.action()

    def epoch(self, row: Mapping[str, float | int]) -> None:
        self.rows.append(dict(row))


def crash() -> None:
    """End the run at once."""
    raise Crash


def terminate() -> None:
    """What a scheduler sends before it kills."""
    os.kill(os.getpid(), signal.SIGTERM)


def write(folder: Path, *changes: tuple[str, str], text: str = SPEC) -> Path:
    """The spec with pieces of its text replaced, in a file in `folder`; each piece must be there."""
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = folder / "small.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def spec(folder: Path, *changes: tuple[str, str]) -> Spec:
    """The checked spec of `write`."""
    return load(write(folder, *changes))


def run(checked: Spec, resume: Path | None = None, watcher: Watcher | None = None) -> RunResult:
    """Train on the CPU, into `runs` beside the spec."""
    return train(checked, runs=checked.folder / "runs", resume=resume, device="cpu", watcher=watcher)


def only_run(checked: Spec) -> Path:
    """The folder of the one run there is."""
    (folder,) = (checked.folder / "runs").iterdir()
    return folder


def last(folder: Path) -> dict[str, Any]:
    """The last checkpoint."""
    return checkpoint.load(folder / "checkpoints" / "last.ckpt")


def same(one: Any, other: Any) -> bool:
    """Whether two checkpoints are equal bit by bit."""
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)
