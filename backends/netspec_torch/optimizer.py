"""Update rules as `torch.optim` has them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from netspec.backend import Arrays
from netspec.ir.record import Record
from netspec.text import SpecError

_KINDS: dict[str, type[torch.optim.Optimizer]] = {"sgd": torch.optim.SGD}


def build(optimizer: Record, parameters: Iterable[Tensor]) -> torch.optim.Optimizer:
    """The optimizer of a recipe on these parameters; its arguments are `torch.optim`'s. SpecError NS738 if unknown."""
    kind = _KINDS.get(optimizer.name)
    if kind is None:
        raise SpecError.of(
            "NS738", f"the torch backend has no optimizer `{optimizer.name}`", help="use `sgd`"
        )
    return kind(parameters, **optimizer.model_dump())


def update(
    optimizer: Record, parameters: Arrays, gradients: Sequence[Arrays], factors: Sequence[float]
) -> list[dict[str, NDArray[Any]]]:
    """The parameters after each step: gradients of one step by the parameters' keys, and the learning rate's factor."""
    held = {key: torch.from_numpy(np.array(value, order="C")) for key, value in parameters.items()}
    stepper = build(optimizer, held.values())
    rates = [float(group["lr"]) for group in stepper.param_groups]
    after = []
    for given, factor in zip(gradients, factors, strict=True):
        for key, tensor in held.items():
            tensor.grad = torch.from_numpy(np.array(given[key], order="C")) if key in given else None
        for group, rate in zip(stepper.param_groups, rates, strict=True):
            group["lr"] = rate * factor
        stepper.step()
        after.append({key: tensor.numpy().copy() for key, tensor in held.items()})
    return after
