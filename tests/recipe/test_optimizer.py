from __future__ import annotations

import inspect
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from netspec.recipe.optimizer import (
    OPTIMIZERS,
    Adadelta,
    Adagrad,
    Adam,
    AdamW,
    Lion,
    NAdam,
    Optimizer,
    RAdam,
    RmsProp,
    Sgd,
)
from netspec_torch import lion

CLASSES = {name.lower(): getattr(torch.optim, name) for name in torch.optim.__all__} | {"lion": lion.Lion}


@pytest.mark.parametrize("kind", OPTIMIZERS.values())
def test_defaults_are_those_of_torch(kind: type[Optimizer]) -> None:
    theirs = inspect.signature(CLASSES[kind.name]).parameters
    ours = {name: field for name, field in kind.model_fields.items() if name != "no_decay"}
    for name, field in ours.items():
        assert name in theirs
        if not field.is_required():
            assert field.default == theirs[name].default
    # how something is computed is no spec's affair, and the other forms have names of their own
    how = {"params", "foreach", "maximize", "capturable", "differentiable", "fused"}
    assert set(theirs) - set(ours) - how == ({"decoupled_weight_decay"} if kind.name == "adam" else set())


@pytest.mark.parametrize("kind", OPTIMIZERS.values())
def test_every_rule_tells_its_formula_and_has_the_rate_first(kind: type[Optimizer]) -> None:
    assert "w(t) = w(t-1) - lr(t)" in (kind.__doc__ or "")
    assert kind.main == "lr"
    assert kind.model_fields["lr"].is_required()


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"lr": 0.0},
        {"lr": -0.1},
        {"lr": float("nan")},
        {"lr": "0.1"},
        {"lr": True},
        {"lr": 0.1, "momentum": -0.1},
        {"lr": 0.1, "momentum": float("inf")},
        {"lr": 0.1, "dampening": float("nan")},
        {"lr": 0.1, "weight_decay": -1e-4},
        {"lr": 0.1, "nesterov": 1},
        {"lr": 0.1, "nesterov": True},
        {"lr": 0.1, "nesterov": True, "momentum": 0.9, "dampening": 0.1},
        {"lr": 0.1, "beta": 0.9},
    ],
)
def test_wrong_arguments_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Sgd(**arguments)


@pytest.mark.parametrize(
    "kind,arguments",
    [
        (Adam, {"betas": (0.9,)}),
        (Adam, {"betas": (0.9, 0.99, 0.999)}),
        (Adam, {"betas": (0.9, 1.0)}),
        (Adam, {"betas": (-0.1, 0.9)}),
        (Adam, {"betas": 0.9}),
        (Adam, {"eps": -1e-8}),
        (Adam, {"decoupled_weight_decay": True}),
        (AdamW, {"weight_decay": -0.1}),
        (AdamW, {"no_decay": "bias"}),
        (Adagrad, {"lr_decay": -1.0}),
        (Adagrad, {"initial_accumulator_value": -1.0}),
        (RmsProp, {"alpha": 1.5}),
        (RmsProp, {"momentum": -0.1}),
        (Adadelta, {"rho": 1.5}),
        (NAdam, {"momentum_decay": -1.0}),
        (RAdam, {"betas": (1.0, 0.9)}),
        (Lion, {"eps": 1e-8}),
    ],
)
def test_wrong_arguments_of_the_other_rules_are_refused(
    kind: type[Optimizer], arguments: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError):
        kind(lr=0.1, **arguments)


def test_what_torch_accepts_of_nesterov_we_accept() -> None:
    assert Sgd(lr=0.1, momentum=0.9, nesterov=True).nesterov
    torch.optim.SGD(
        [torch.zeros(1)], **Sgd(lr=0.1, momentum=0.9, nesterov=True).model_dump(exclude={"no_decay"})
    )
