"""A training is replayed by the reference: the weights of a real run are those that the declared rule gives."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

import netspec_numpy
from netspec.backend import Feed
from netspec.data.samples import Samples, open_samples
from netspec.recipe.descent import Descent, descent
from netspec.recipe.pace import Pace
from netspec.recipe.schedule import paces
from netspec.recipe.spec import Spec
from netspec.recipe.training import Clip
from netspec_torch import optimizer
from netspec_torch.train import learner
from netspec_torch.train.batches import Plan
from netspec_torch.train.run import compile_spec
from tests.backends.torch.train import small
from tests.backends.update_recipes import allowed

Array = NDArray[Any]
Tables = list[dict[str, Array]]

SGD = "optimizer: {sgd: {lr: 0.05, momentum: 0.9, weight_decay: 1e-3}}"
ADAMW = "optimizer: {adamw: {lr: 0.01, weight_decay: 0.1, no_decay: [norm, bias]}}"
LION = "optimizer: {lion: {lr: 1e-3, betas: [0.95, 0.98], weight_decay: 0.1, no_decay: [logits]}}"
NADAM = "optimizer: {nadam: {lr: 0.01, momentum_decay: 0.1, decoupled_weight_decay: true, weight_decay: 0.1}}"
PLAIN = [("  - dropout: 0.3\n", ""), ("  - batch_norm\n", "")]


def watched(checked: Spec, patch: pytest.MonkeyPatch) -> tuple[Tables, Path]:
    """Train, and keep each step's gradients as they are before they are bounded."""
    gradients: Tables = []
    keys = [key for key, _ in compile_spec(checked).model.named_parameters()]
    bound = optimizer.bound

    def spying(clip: Clip | None, parameters: Iterable[Tensor], norm: Tensor | None = None) -> None:
        held = list(parameters)
        gradients.append(
            {
                key: one.grad.double().numpy().copy()
                for key, one in zip(keys, held, strict=True)
                if one.grad is not None
            }
        )
        bound(clip, held, norm)

    patch.setattr(learner, "bound", spying)
    return gradients, small.run(checked).folder


def first_weights(checked: Spec) -> dict[str, Array]:
    """What a run of the spec begins with."""
    return {key: one.detach().double().numpy() for key, one in compile_spec(checked).model.named_parameters()}


def course(checked: Spec, steps: int, steps_per_epoch: int) -> tuple[Descent, list[Pace]]:
    """What the spec says of its steps."""
    assert checked.training is not None
    pace = paces(checked.training.schedule, steps, steps_per_epoch)
    return descent(checked.training, checked.graph), [pace(step) for step in range(steps)]


SINGLE = 2.0**29
"""How much coarser float32 rounds than float64, for which `allowed` is told."""


@pytest.mark.parametrize(
    "changes",
    [
        [],
        [(SGD, ADAMW)],
        [(SGD, ADAMW), ("norm: 1", "value: 0.01")],
        [(SGD, LION), ("[warmup: 3 steps, cosine]", "[one_cycle: {base_momentum: 0.8}]")],
        [(SGD, NADAM), ("[warmup: 3 steps, cosine]", "[{one_cycle: {three_phase: true}}]")],
        [
            ("[warmup: 3 steps, cosine]", "[one_cycle]"),
            ("weight_decay: 1e-3", "weight_decay: 1e-3, nesterov: true"),
        ],
    ],
    ids=["sgd", "adamw", "adamw-value", "lion-one_cycle", "nadam-one_cycle", "sgd-one_cycle"],
)
def test_the_weights_of_a_run_are_what_the_reference_makes_of_its_gradients(
    changes: list[tuple[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked = small.spec(tmp_path, *changes)
    start = first_weights(checked)
    gradients, folder = watched(checked, monkeypatch)
    told, given = course(checked, 10, 5)
    assert len(gradients) == 10
    may = allowed(told, start, gradients, given)
    wanted = netspec_numpy.update(told, start, gradients, given)
    ends = small.last(folder)["model"]
    moves = []
    for key, value in wanted[-1].items():
        most = may[-1][key] * SINGLE
        off = abs(ends[key].double().numpy() - value)
        assert (off <= most).all(), (key, off.max())
        moves.append((abs(value - start[key]) / most).ravel())
    assert np.median(np.concatenate(moves)) > 1000  # what is allowed is far below what was learned


def replayed(checked: Spec, plan: Plan, samples: Samples, moved: np.random.Generator | None) -> Tables:
    """A training by the reference alone: batches, forward, backward and steps, in float64.

    With `moved`, every operation is off by a random share of `H`.
    """
    graph = checked.graph
    told, given = course(checked, 2 * plan.steps_per_epoch, plan.steps_per_epoch)
    start = first_weights(checked)
    here, gradients, after = start, [], []
    for step in range(len(given)):
        chosen = plan.part(step)[0]
        feed = Feed(
            {name: np.array(samples.fields[name][chosen]) for name in graph.inputs},
            {name: np.array(samples.fields[name][chosen]) for name in graph.targets},
            here,
            mode="train",
        )
        if moved is None:
            run = netspec_numpy.run(graph, feed)
        else:
            shares = {node.path: H for node in graph.nodes}
            run = netspec_numpy.disturb(graph, feed, shares, seed=[int(moved.integers(2**31))])
        gradients.append(dict(run.parameters))
        here = netspec_numpy.update(told, start, gradients, given[: step + 1])[-1]
        after.append(here)
    return after


H = 2.0**-30


@pytest.mark.parametrize(
    "changes", [[], [(SGD, "optimizer: {rmsprop: {lr: 1e-3, eps: 1e-2, momentum: 0.9}}")]]
)
def test_the_reference_trains_to_the_same_weights_from_the_same_data(
    changes: list[tuple[str, str]], tmp_path: Path
) -> None:
    checked = small.spec(tmp_path, *PLAIN, *changes)
    assert checked.training is not None
    assert checked.data is not None
    declared = {**checked.graph.inputs, **checked.graph.targets}
    samples = open_samples(checked.data, checked.folder, declared=declared)
    plan = Plan(samples.splits["train"], 32, 1, 3)
    ends = small.last(small.run(checked).folder)["model"]
    rng = np.random.default_rng(0)
    wanted = replayed(checked, plan, samples, None)[-1]
    others = [replayed(checked, plan, samples, rng)[-1] for _ in range(4)]
    for key, value in wanted.items():
        # what ops off by shares of H do to the end, scaled to float32; a layer sums up to 144 terms, which float32
        # rounds one after another where the disturbance moves each term once
        spread = np.max([abs(one[key] - value) for one in others], axis=0).max()
        off = abs(ends[key].double().numpy() - value).max()
        assert off <= spread / H * 2.0**-24 * 144
        assert abs(value - first_weights(checked)[key]).max() > 50 * off


def test_a_plateau_lowers_the_rate_in_a_run_and_goes_on_to_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learner.Learner, "SAVE_EVERY", 0.0)
    changes = [
        ("epochs: 2", "epochs: 6"),
        (
            "[warmup: 3 steps, cosine]",
            "[plateau: {maximize: accuracy, factor: 0.5, patience: 0 epochs, threshold: 0.2}]",
        ),
    ]
    for name in ("straight", "cut"):
        (tmp_path / name).mkdir()
    whole, cut = small.spec(tmp_path / "straight", *changes), small.spec(tmp_path / "cut", *changes)
    watcher = small.Then()
    straight = small.run(whole, watcher=watcher).folder
    with pytest.raises(small.Crash):
        small.run(cut, watcher=small.Then(18, small.crash))
    folder = small.only_run(cut)
    small.run(cut, resume=folder)
    assert small.same(small.last(straight), small.last(folder))
    assert (straight / "metrics.csv").read_bytes() == (folder / "metrics.csv").read_bytes()
    assert whole.training is not None
    seen = [float(row["accuracy"]) for row in watcher.rows]
    pace = paces(whole.training.schedule, 30, 5)
    rates = [row["lr"] for row in watcher.rows]
    assert rates == [0.05 * pace(5 * epoch + 4, seen).factor for epoch in range(6)]
    assert min(rates) < 0.05


@pytest.mark.parametrize("rule", [ADAMW, LION, NADAM])
def test_other_rules_go_on_to_the_same_bits(
    rule: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learner.Learner, "SAVE_EVERY", 0.0)
    for name in ("straight", "cut"):
        (tmp_path / name).mkdir()
    whole, cut = small.spec(tmp_path / "straight", (SGD, rule)), small.spec(tmp_path / "cut", (SGD, rule))
    straight = small.run(whole).folder
    with pytest.raises(small.Crash):
        small.run(cut, watcher=small.Then(7, small.crash))
    folder = small.only_run(cut)
    small.run(cut, resume=folder)
    assert small.same(small.last(straight), small.last(folder))
    assert all(
        isinstance(one, Tensor) and torch.isfinite(one).all() for one in small.last(folder)["model"].values()
    )
