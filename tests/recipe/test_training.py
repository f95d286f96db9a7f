from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from netspec.recipe.cycle import OneCycle
from netspec.recipe.optimizer import Adagrad, Adam, Lion, Optimizer, RmsProp, Sgd
from netspec.recipe.phase import Schedule
from netspec.recipe.quantity import Quantity
from netspec.recipe.schedule import Constant, Cosine, Warmup
from netspec.recipe.training import Checkpoint, Clip, EarlyStopping, Training


def section(**arguments: Any) -> Training:
    """A training section; what is not given is the least that it needs."""
    return Training.model_validate({"epochs": 10, "batch_size": 4, "optimizer": Sgd(lr=0.1), **arguments})


def warmup(duration: str) -> Schedule:
    return Warmup.model_validate({"for": duration})


def test_a_section_has_these_defaults() -> None:
    made = section()
    assert (made.seed, made.device, made.precision, made.accumulate) == (0, "auto", "float32", 1)
    assert made.schedule == ()
    assert (made.clip, made.early_stopping, made.checkpoint) == (None, None, None)


@pytest.mark.parametrize(
    "arguments",
    [
        {"epochs": None},
        {"epochs": 10, "steps": 100},
        {"epochs": 0},
        {"epochs": 1.5},
        {"batch_size": 0},
        {"batch_size": True},
        {"seed": -1},
        {"seed": 2**32},
        {"device": "gpu"},
        {"precision": "float64"},
        {"accumulate": 0},
        {"optimizer": "sgd"},
        {"learning_rate": 0.1},
    ],
)
def test_wrong_arguments_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        section(**arguments)


@pytest.mark.parametrize("arguments", [{"epochs": None}, {"epochs": 10, "steps": 100}])
def test_one_of_epochs_and_steps_says_how_long(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="write `epochs` or `steps`, one of them"):
        section(**arguments)


def test_only_the_last_phase_takes_what_is_left() -> None:
    assert len(section(schedule=(warmup("1 epochs"), Cosine())).schedule) == 2
    with pytest.raises(ValidationError, match="`cosine` takes all that is left, so it must be the last"):
        section(schedule=(Cosine(), Constant()))


def test_the_first_phases_fit_into_the_training() -> None:
    assert len(section(schedule=(warmup("10 epochs"), Cosine())).schedule) == 2
    with pytest.raises(ValidationError, match="take 11 epochs of 10"):
        section(schedule=(warmup("5 epochs"), warmup("6 epochs"), Cosine()))
    with pytest.raises(ValidationError, match="take 200 steps of 100"):
        section(epochs=None, steps=100, schedule=(warmup("200 steps"), Cosine()))


@pytest.mark.parametrize(
    "optimizer,good",
    [
        (Sgd(lr=0.1), False),
        (Sgd(lr=0.1, momentum=0.9), True),
        (Adam(lr=0.1), True),
        (Lion(lr=0.1), True),
        (Adagrad(lr=0.1), False),
        (RmsProp(lr=0.1), False),
        (RmsProp(lr=0.1, momentum=0.9), True),
    ],
)
def test_one_cycle_moves_a_momentum_that_is_there(optimizer: Optimizer, good: bool) -> None:
    assert section(optimizer=optimizer, schedule=(OneCycle(cycle_momentum=False),)).schedule
    if good:
        assert section(optimizer=optimizer, schedule=(OneCycle(),)).schedule
        return
    with pytest.raises(ValidationError, match=f"this `{optimizer.name}` has none"):
        section(optimizer=optimizer, schedule=(OneCycle(),))


@pytest.mark.parametrize("kind,more", [(EarlyStopping, {"patience": "3 epochs"}), (Checkpoint, {})])
def test_a_metric_is_watched_in_one_direction(kind: Any, more: dict[str, Any]) -> None:
    assert kind.model_validate({"minimize": "crps", **more}).metric == "crps"
    assert kind.model_validate({"maximize": "accuracy", **more}).metric == "accuracy"
    for wrong in ({}, {"minimize": "a", "maximize": "b"}):
        with pytest.raises(ValidationError, match="write `minimize` or `maximize`, one of them"):
            kind.model_validate({**wrong, **more})


def test_patience_says_of_what() -> None:
    made = EarlyStopping.model_validate({"minimize": "crps", "patience": "5 epochs"})
    assert made.patience == Quantity(5, "epochs")
    with pytest.raises(ValidationError, match="5 of what"):
        EarlyStopping.model_validate({"minimize": "crps", "patience": 5})


@pytest.mark.parametrize(
    "arguments", [{}, {"norm": 1.0, "value": 1.0}, {"norm": 0.0}, {"norm": float("inf")}]
)
def test_gradients_are_clipped_in_one_way(arguments: dict[str, Any]) -> None:
    assert Clip(norm=1.0).norm == 1.0
    with pytest.raises(ValidationError):
        Clip(**arguments)


def test_what_was_resolved_is_kept_whole() -> None:
    told = section(schedule=(warmup("1 epochs"), Cosine(end=0.1))).model_dump()
    assert told["optimizer"]["momentum"] == 0.0
    assert told["schedule"][1]["end"] == 0.1
