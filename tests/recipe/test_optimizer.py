from __future__ import annotations

import inspect
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from netspec.recipe.optimizer import OPTIMIZERS, Optimizer, Sgd


@pytest.mark.parametrize("kind", OPTIMIZERS.values())
def test_defaults_are_those_of_torch(kind: type[Optimizer]) -> None:
    theirs = inspect.signature(getattr(torch.optim, kind.name.upper())).parameters
    for name, field in kind.model_fields.items():
        assert name in theirs
        if not field.is_required():
            assert field.default == theirs[name].default


@pytest.mark.parametrize("kind", OPTIMIZERS.values())
def test_every_rule_tells_its_formula_and_has_the_rate_first(kind: type[Optimizer]) -> None:
    assert "w(t) = w(t-1) - lr(t)" in (kind.__doc__ or "")
    assert kind.main == "lr"


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


def test_what_torch_accepts_of_nesterov_we_accept() -> None:
    assert Sgd(lr=0.1, momentum=0.9, nesterov=True).nesterov
    torch.optim.SGD([torch.zeros(1)], **Sgd(lr=0.1, momentum=0.9, nesterov=True).model_dump())
