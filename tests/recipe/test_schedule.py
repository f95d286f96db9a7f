from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal

import pytest
import torch
from hypothesis import assume, example, given
from hypothesis import strategies as st
from pydantic import ValidationError
from torch.optim import lr_scheduler

from netspec.recipe.cycle import CosineRestarts, OneCycle
from netspec.recipe.pace import Pace
from netspec.recipe.phase import Schedule, steps_of
from netspec.recipe.plateau import Plateau
from netspec.recipe.quantity import Quantity
from netspec.recipe.schedule import (
    SCHEDULES,
    Constant,
    Cosine,
    Exponential,
    MultiStep,
    Polynomial,
    Step,
    Warmup,
    paces,
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
            made(CosineRestarts, T_0="7 steps", end=0.1),
            lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 7, eta_min=0.1),
            1,
        ),
        (
            made(CosineRestarts, T_0="4 steps", T_mult=3),
            lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 4, 3),
            1,
        ),
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


@given(
    pct_start=st.floats(0.02, 1),
    anneal_strategy=st.sampled_from(["cos", "linear"]),
    momenta=st.tuples(st.floats(0, 0.99), st.floats(0, 0.99)),
    div_factor=st.floats(1, 100),
    final_div_factor=st.floats(1, 1e5),
    three_phase=st.booleans(),
    steps=st.integers(2, 60),
    adam=st.booleans(),
)
def test_one_cycle_moves_rate_and_momentum_as_torch_does(
    pct_start: float, momenta: tuple[float, float], steps: int, *, adam: bool, **arguments: Any
) -> None:
    low, high = sorted(momenta)
    arguments |= {"pct_start": pct_start, "base_momentum": low, "max_momentum": high}
    assume(abs(pct_start * steps - 1) > 1e-6)  # torch divides by the length of the first way, which is 0 here
    w = [torch.zeros(1, requires_grad=True)]
    stepper: Any = torch.optim.Adam(w) if adam else torch.optim.SGD(w, momentum=0.5)
    schedule = lr_scheduler.OneCycleLR(stepper, max_lr=1.0, total_steps=steps, **arguments)
    pace = paces([made(OneCycle, **arguments)], steps, 7)
    for step in range(steps):
        (group,) = stepper.param_groups
        momentum = group["betas"][0] if adam else group["momentum"]
        found = pace(step)
        # the cosine form is the same line said with other terms, each below 1: a few roundings of 1
        assert found.factor == pytest.approx(group["lr"], rel=1e-12, abs=8 * 2**-53)
        assert found.momentum == pytest.approx(momentum, rel=1e-12, abs=8 * 2**-53)
        stepper.step()
        if step + 1 < steps:
            schedule.step()


def test_one_cycle_leaves_the_momentum_alone_where_it_is_told_to() -> None:
    pace = paces([OneCycle(cycle_momentum=False)], 20, 5)
    assert {pace(step).momentum for step in range(20)} == {None}
    assert paces([OneCycle()], 20, 5)(0).momentum == 0.95


def test_one_cycle_has_a_pace_for_a_single_step_and_past_the_end() -> None:
    for steps in (1, 2, 3):
        for pct_start in (0.0, 1 / steps, 1.0):
            pace = paces([OneCycle(pct_start=pct_start)], steps, 1)
            assert all(0 < pace(step).factor <= 1 for step in range(steps + 2))


VALUES = st.lists(
    st.one_of(st.floats(-2, 2), st.sampled_from([0.0, 1.0, 0.9999, 1.0001, math.nan, math.inf, -math.inf])),
    max_size=30,
)


@example(
    values=[math.inf, 0.0],
    way="max",
    factor=0.5,
    patience=0,
    threshold=0.0,
    threshold_mode="rel",
    cooldown=0,
    end=0.0,
)
@given(
    values=VALUES,
    way=st.sampled_from(["min", "max"]),
    factor=st.floats(0.05, 0.95),
    patience=st.integers(0, 4),
    threshold=st.one_of(st.just(0.0), st.floats(1e-5, 0.5)),
    threshold_mode=st.sampled_from(["rel", "abs"]),
    cooldown=st.integers(0, 4),
    end=st.one_of(st.just(0.0), st.floats(0, 1)),
)
def test_a_plateau_falls_when_torchs_does(
    values: list[float],
    way: Literal["min", "max"],
    factor: float,
    patience: int,
    cooldown: int,
    end: float,
    **arguments: Any,
) -> None:
    stepper = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    theirs = lr_scheduler.ReduceLROnPlateau(
        stepper, way, factor, patience, min_lr=end, cooldown=cooldown, eps=0.0, **arguments
    )
    watch = {"minimize" if way == "min" else "maximize": "loss"}
    phase = made(
        Plateau,
        factor=factor,
        patience=f"{patience} epochs",
        cooldown=f"{cooldown} epochs",
        end=end,
        **watch,
        **arguments,
    )
    pace = paces([phase], EPOCH * (len(values) + 1), EPOCH)
    for i, value in enumerate(values):
        rate = float(stepper.param_groups[0]["lr"])
        assert [pace(step, values).factor for step in (EPOCH * i, EPOCH * i + EPOCH - 1)] == [rate, rate]
        theirs.step(value)
    assert pace(EPOCH * len(values), values).factor == float(stepper.param_groups[0]["lr"])


def test_a_threshold_may_be_large_where_it_is_a_difference() -> None:
    assert isinstance(made(Plateau, minimize="loss", threshold=5.0, threshold_mode="abs"), Plateau)


def test_a_plateau_behind_a_warmup_looks_only_at_epochs_that_end_in_it() -> None:
    phase = made(Plateau, minimize="loss", factor=0.5, patience="0 epochs")
    pace = paces([made(Warmup, **{"for": "2 epochs"}), phase], STEPS, EPOCH)
    seen = [1.0, 2.0, 3.0, 4.0]  # the best of the plateau is the 3, and 4 is worse
    assert [pace(EPOCH * epoch, seen).factor for epoch in (2, 3, 4)] == [1.0, 1.0, 0.5]
    assert pace(EPOCH * 4) == Pace(1.0)  # nothing was measured


def test_a_pace_depends_on_no_value_that_was_measured_later() -> None:
    phase = made(Plateau, maximize="dice", factor=0.5, patience="1 epochs")
    pace = paces([phase], STEPS, EPOCH)
    seen = [0.5, 0.4, 0.4, 0.4, 0.4, 0.9]
    for step in range(STEPS // 2):
        assert pace(step, seen) == pace(step, seen[: step // EPOCH])


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
        lambda n, times, end: made(CosineRestarts, T_0=f"{n} steps", T_mult=times, end=end),
        st.integers(1, 50),
        st.integers(1, 3),
        st.floats(0, 1),
    ),
    st.builds(
        lambda part, three: OneCycle(pct_start=part, three_phase=three), st.floats(0, 1), st.booleans()
    ),
    st.just(made(Plateau, minimize="loss")),
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
        (CosineRestarts, {}),
        (CosineRestarts, {"T_0": 5}),
        (CosineRestarts, {"T_0": "5 epochs", "T_mult": 0}),
        (CosineRestarts, {"T_0": "5 epochs", "T_mult": 1.5}),
        (OneCycle, {"pct_start": 1.1}),
        (OneCycle, {"anneal_strategy": "cosine"}),
        (OneCycle, {"div_factor": 0.5}),
        (OneCycle, {"base_momentum": 0.96}),
        (OneCycle, {"max_momentum": 1.0}),
        (Plateau, {}),
        (Plateau, {"minimize": "loss", "maximize": "dice"}),
        (Plateau, {"minimize": "loss", "factor": 1.0}),
        (Plateau, {"minimize": "loss", "patience": 5}),
        (Plateau, {"minimize": "loss", "patience": "5 steps"}),
        (Plateau, {"minimize": "loss", "patience": "0.5 epochs"}),
        (Plateau, {"minimize": "loss", "cooldown": "7 steps"}),
        (Plateau, {"minimize": "loss", "threshold": -1.0}),
        (Plateau, {"minimize": "loss", "threshold": 1.0}),
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
