"""Steps of a training: the rule is judged, and a true training is told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import netspec_numpy
import netspec_torch
from netspec.backend import Arrays
from netspec.proof import Proof, verify
from netspec.proof.draw import draw
from netspec.proof.steps import trained
from netspec.recipe.descent import Descent, descent
from netspec.recipe.optimizer import AdamW, Sgd
from netspec.recipe.pace import STEADY, Pace
from netspec.recipe.training import Clip
from tests.proof.specs import CLASSIFIER, CURVE, Planted, read

GROUPS = (
    CLASSIFIER
    + """
training:
  epochs: 2
  batch_size: 4
  optimizer: {adamw: {lr: 0.1, weight_decay: 0.2, no_decay: [norm, bias]}}
"""
)


def prove(candidate: Any, text: str = GROUPS, *, seed: int = 0, steps: int = 3) -> Proof:
    spec = read(text)
    assert spec.training is not None
    return verify(
        spec.graph,
        descent(spec.training, spec.graph),
        paces=(STEADY,) * steps,
        reference=netspec_numpy,
        candidate=candidate,
        seed=seed,
    )


def wrong(proof: Proof) -> set[tuple[str, str]]:
    return {(row.mode, row.where) for row in proof.rows if not row.ok}


# ------------------------------------------------------------------------------------------------------ right ones


@pytest.mark.parametrize("seed", range(3))
def test_as_many_steps_are_judged_and_told_as_are_asked_for(seed: int) -> None:
    proof = prove(netspec_torch, seed=seed, steps=6)
    assert proof.ok
    steps = [f"step {i}" for i in range(1, 7)]
    assert list(dict.fromkeys(row.mode for row in proof.rows if row.what == "update")) == steps
    assert list(dict.fromkeys(one.mode for one in proof.drift)) == steps
    for one in proof.drift:
        assert one.relative is not None
        assert one.relative < 1e-6, one


def test_a_training_is_forward_back_and_step_again_and_again_on_its_own_weights() -> None:
    graph = read(CURVE).graph
    rule = Descent(Sgd(lr=0.05, momentum=0.9))
    start = draw(graph, seed=4, batch=3, mode="train")
    seen: list[dict[str, Any]] = []

    class Seen:
        """The reference, which keeps what it gives."""

        name = "seen"
        run = staticmethod(netspec_numpy.run)
        update = staticmethod(netspec_numpy.update)

        def steps(
            self, descent: Descent, parameters: Arrays, gradients: Iterable[Arrays], paces: Sequence[Pace]
        ) -> Iterator[dict[str, Any]]:
            for after in netspec_numpy.steps(descent, parameters, gradients, paces):
                seen.append(after)
                yield after

    sides = (Seen(), netspec_torch)
    drift = list(trained(graph, rule, start, (STEADY,) * 3, sides, seed=4, batch=3))
    assert {one.what for one in drift} == {"loss", "weights"}
    held, gradients = start.parameters, []
    for i, after in enumerate(seen):
        feed = start if i == 0 else draw(graph, seed=4 + i, batch=3, mode="train", held=start)
        gradients.append(netspec_numpy.run(graph, replace(feed, parameters=held)).parameters)
        held = netspec_numpy.update(rule, start.parameters, gradients, (STEADY,) * len(gradients))[-1]
        assert all(np.array_equal(held[key], after[key]) for key in held)


def test_steps_one_by_one_are_the_steps_all_at_once_in_both_backends() -> None:
    rng = np.random.default_rng(0)
    rule = Descent(AdamW(lr=0.1), clip=Clip(norm=0.5), undecayed=frozenset({"b"}))
    start = {"w": rng.normal(size=(3, 2)), "b": rng.normal(size=3)}
    gradients = [{key: rng.normal(size=value.shape) for key, value in start.items()} for _ in range(4)]
    for side in (netspec_numpy, netspec_torch):
        at_once = side.update(rule, start, gradients, (STEADY,) * 4)
        for a, b in zip(at_once, side.steps(rule, start, iter(gradients), (STEADY,) * 4), strict=True):
            assert all(np.array_equal(a[key], b[key]) for key in start)
        with pytest.raises(ValueError, match="4 gradients for 3 steps"):
            side.update(rule, start, gradients, (STEADY,) * 3)


def test_what_goes_another_way_in_the_training_is_told() -> None:
    class Late:
        """PyTorch, whose second step is half as long."""

        name = "late"
        run = staticmethod(netspec_torch.run)
        update = staticmethod(netspec_torch.update)

        def steps(
            self, descent: Descent, parameters: Arrays, gradients: Iterable[Arrays], paces: Sequence[Pace]
        ) -> Iterator[dict[str, Any]]:
            slower = [replace(pace, factor=0.5) if i == 1 else pace for i, pace in enumerate(paces)]
            return netspec_torch.steps(descent, parameters, gradients, slower)

    proof = prove(Late())
    assert proof.ok  # nothing is judged by a whole training
    far = {
        one.mode: one.relative or 0.0 for one in proof.drift if (one.what, one.where) == ("weights", "all")
    }
    assert far["step 1"] < 1e-8
    assert far["step 2"] > 0.01


# -------------------------------------------------------------------------------------------------- planted faults


@pytest.mark.parametrize("seed", range(3))
def test_weight_decay_on_parameters_that_it_should_spare_is_located(seed: int) -> None:
    def greedy(descent: Descent, *rest: Any) -> Any:
        return netspec_numpy.update(replace(descent, undecayed=frozenset()), *rest)

    proof = prove(Planted(step=greedy), seed=seed)
    spared = {"conv1.bias", "batch_norm1.weight", "batch_norm1.bias", "conv2.bias", "logits.bias"}
    assert {where for _, where in wrong(proof)} == spared
    assert ("step 1", "batch_norm1.weight") in wrong(proof)
    (found,) = proof.diverging
    assert "the parameter `conv1.bias` after step 1" in found.message
    assert found.span is not None
    assert "conv: {out_channels: 4" in GROUPS.splitlines()[found.span.line - 1]


@pytest.mark.parametrize("seed", range(3))
def test_a_bound_that_is_forgotten_is_found(seed: int) -> None:
    def unbound(descent: Descent, *rest: Any) -> Any:
        return netspec_numpy.update(replace(descent, clip=None), *rest)

    text = GROUPS + "  clip: {norm: 0.01}\n"
    assert prove(netspec_torch, text, seed=seed).ok
    proof = prove(Planted(step=unbound), text, seed=seed)
    assert {row.what for row in proof.rows if not row.ok} == {"update"}
