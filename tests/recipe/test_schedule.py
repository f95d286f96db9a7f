from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from torch.optim import lr_scheduler

from netspec.recipe.quantity import Quantity
from netspec.recipe.schedule import (
    SCHEDULES,
    Constant,
    Cosine,
    Exponential,
    MultiStep,
    Polynomial,
    Schedule,
    Step,
    Warmup,
    paces,
    steps_of,
)

STEPS, EPOCH = 60, 6


def made(kind: type[Schedule], **arguments: Any) -> Schedule:
    """A phase from what is written."""
    return kind.model_validate(arguments)


def by_torch(build: Callable[[torch.optim.Optimizer], Any], every: int) -> list[float]:
    """The factors of a scheduler of torch that is stepped each `every` steps, from a rate of 1."""
    stepper = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    schedule = build(stepper)
    found = []
    for step in range(STEPS):
        found.append(float(stepper.param_groups[0]["lr"]))
        stepper.step()
        if (step + 1) % every == 0:
            schedule.step()
    return found


@pytest.mark.parametrize(
    "phase,build,every",
    [
        (Constant(), lambda o: lr_scheduler.ConstantLR(o, factor=1.0), 1),
        (Cosine(), lambda o: lr_scheduler.CosineAnnealingLR(o, T_max=STEPS), 1),
        (Cosine(end=0.1), lambda o: lr_scheduler.CosineAnnealingLR(o, T_max=STEPS, eta_min=0.1), 1),
        (made(Step, step_size="7 steps"), lambda o: lr_scheduler.StepLR(o, 7), 1),
        (made(Step, step_size="3 epochs", gamma=0.5), lambda o: lr_scheduler.StepLR(o, 3, 0.5), EPOCH),
        (
            made(MultiStep, milestones=["5 steps", "40 steps"]),
            lambda o: lr_scheduler.MultiStepLR(o, [5, 40]),
            1,
        ),
        (
            made(MultiStep, milestones=["2 epochs", "7 epochs"], gamma=0.2),
            lambda o: lr_scheduler.MultiStepLR(o, [2, 7], 0.2),
            EPOCH,
        ),
        (Exponential(gamma=0.9), lambda o: lr_scheduler.ExponentialLR(o, 0.9), EPOCH),
        (Polynomial(power=0.9), lambda o: lr_scheduler.PolynomialLR(o, STEPS, 0.9), 1),
        (
            made(Warmup, **{"for": "8 steps", "start": 0.2}),
            lambda o: lr_scheduler.LinearLR(o, 0.2 + 0.8 / 8, 1.0, 7),
            1,
        ),
    ],
)
def test_a_phase_gives_the_rates_of_torchs_scheduler(phase: Schedule, build: Any, every: int) -> None:
    pace = paces([phase], STEPS, EPOCH)
    assert [pace(step).factor for step in range(STEPS)] == pytest.approx(
        by_torch(build, every), rel=1e-12, abs=1e-15
    )


def test_phases_follow_one_another_and_the_last_takes_what_is_left() -> None:
    pace = paces([made(Warmup, **{"for": "2 epochs"}), Cosine(end=0.5)], STEPS, EPOCH)
    warm, rest = 2 * EPOCH, STEPS - 2 * EPOCH
    for step in range(STEPS):
        expected = (
            (step + 1) / warm if step < warm else 0.5 + 0.25 * (1 + math.cos(math.pi * (step - warm) / rest))
        )
        assert pace(step).factor == pytest.approx(expected, rel=1e-15)
    assert pace(warm - 1).factor == pace(warm).factor == 1.0
    assert pace(STEPS).factor == pytest.approx(0.5)


def test_without_phases_the_rate_stays() -> None:
    assert [paces([], 10, 5)(step).factor for step in (0, 9, 1000)] == [1.0, 1.0, 1.0]


def test_a_warmup_alone_stays_at_its_end() -> None:
    pace = paces([made(Warmup, **{"for": "4 steps"})], 10, 5)
    assert [pace(step).factor for step in (0, 1, 3, 4, 9)] == [0.25, 0.5, 1.0, 1.0, 1.0]


PHASES = st.one_of(
    st.just(Constant()),
    st.builds(lambda end: Cosine(end=end), st.floats(0, 1)),
    st.builds(lambda gamma: Exponential(gamma=gamma), st.floats(0.01, 1)),
    st.builds(lambda power: Polynomial(power=power), st.floats(0.1, 9)),
    st.builds(
        lambda n, gamma: made(Step, step_size=f"{n} steps", gamma=gamma),
        st.integers(1, 50),
        st.floats(0.01, 1),
    ),
)


@given(
    st.lists(st.tuples(st.integers(1, 300), st.sampled_from(["steps", "epochs"])), max_size=3),
    PHASES,
    st.integers(1, 2000),
    st.integers(1, 50),
)
def test_a_factor_is_never_above_one_below_zero_or_missing(
    warmups: list[tuple[int, str]], last: Schedule, steps: int, epoch: int
) -> None:
    phases = [made(Warmup, **{"for": f"{n} {unit}"}) for n, unit in warmups]
    pace = paces([*phases, last], steps, epoch)
    for step in {0, 1, steps // 2, steps - 1, steps, steps + 7}:
        assert 0.0 <= pace(step).factor <= 1.0


@pytest.mark.parametrize(
    "kind,arguments",
    [
        (Warmup, {}),
        (Warmup, {"for": 5}),
        (Warmup, {"for": "0 epochs"}),
        (Warmup, {"for": "5 mm"}),
        (Warmup, {"for": "5 steps", "start": 1.5}),
        (Cosine, {"end": -0.1}),
        (Cosine, {"end": float("nan")}),
        (Step, {}),
        (Step, {"step_size": "0 steps"}),
        (Step, {"step_size": "1 steps", "gamma": 10.0}),
        (MultiStep, {"milestones": []}),
        (MultiStep, {"milestones": ["5 epochs", "5 epochs"]}),
        (MultiStep, {"milestones": ["5 epochs", "90 steps"]}),
        (Exponential, {}),
        (Exponential, {"gamma": 0.0}),
        (Polynomial, {"power": float("inf")}),
        (Constant, {"end": 0.1}),
    ],
)
def test_wrong_arguments_are_refused(kind: type[Schedule], arguments: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        made(kind, **arguments)


def test_a_duration_is_whole_steps_and_at_least_one() -> None:
    assert steps_of(Quantity(1.5, "epochs"), 7) == 10
    assert steps_of(Quantity(12, "steps"), 7) == 12
    assert steps_of(Quantity(0.01, "epochs"), 7) == 1


@pytest.mark.parametrize("kind", SCHEDULES.values())
def test_every_phase_tells_its_formula(kind: type[Schedule]) -> None:
    assert "factor(t) =" in (kind.__doc__ or "")
