"""What optimizers remember of every parameter, told without PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from netspec.recipe.optimizer import Optimizer

FLOAT = 4
"""Bytes of a number of float32."""

_COPIES: Mapping[str, tuple[Callable[[Any], int], int]] = {
    "sgd": (lambda one: int(one.momentum != 0), 0),
    "adam": (lambda one: 2 + one.amsgrad, 1),
    "adamw": (lambda one: 2 + one.amsgrad, 1),
    "adagrad": (lambda _: 1, 1),
    "rmsprop": (lambda one: 1 + (one.momentum > 0) + one.centered, 1),
    "adadelta": (lambda _: 2, 1),
    "nadam": (lambda _: 2, 2),
    "radam": (lambda _: 2, 1),
    "lion": (lambda _: 1, 0),
}
"""By optimizer: how many numbers it keeps for each number of a parameter, and how many for the parameter as a whole."""


def remembered(optimizer: Optimizer, numbers: int, parameters: int) -> int:
    """Bytes that an optimizer keeps for so many trainable parameters, of so many numbers together."""
    copies, single = _COPIES[optimizer.name]
    return FLOAT * (copies(optimizer) * numbers + single * parameters)
