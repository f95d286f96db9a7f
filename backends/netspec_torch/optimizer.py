"""Steps of a training as `torch.optim` makes them: groups with and without decay, bounded gradients, moving rates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from netspec.backend import Arrays
from netspec.recipe.descent import Descent
from netspec.recipe.optimizer import Optimizer
from netspec.recipe.pace import Pace
from netspec.recipe.training import Clip
from netspec.text import SpecError
from netspec_torch.lion import Lion

_KINDS: dict[str, type[torch.optim.Optimizer]] = {
    "sgd": torch.optim.SGD,
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "adagrad": torch.optim.Adagrad,
    "rmsprop": torch.optim.RMSprop,
    "adadelta": torch.optim.Adadelta,
    "nadam": torch.optim.NAdam,
    "radam": torch.optim.RAdam,
    "lion": Lion,
}


def build(descent: Descent, parameters: Iterable[tuple[str, Tensor]]) -> torch.optim.Optimizer:
    """The optimizer of a recipe on these parameters, given with their keys; its arguments are `torch.optim`'s.

    Those that no weight decay draws are a second group. SpecError NS738 for an optimizer that is unknown here.
    """
    optimizer = descent.optimizer
    kind = _KINDS.get(optimizer.name)
    if kind is None:
        raise SpecError.of(
            "NS738",
            f"the torch backend has no optimizer `{optimizer.name}`",
            help="use " + " or ".join(f"`{name}`" for name in _KINDS),
        )
    named = list(parameters)
    drawn = [value for key, value in named if key not in descent.undecayed]
    spared = [value for key, value in named if key in descent.undecayed]
    groups: list[dict[str, Any]] = [{"params": drawn}] if drawn or not spared else []
    groups += [{"params": spared, "weight_decay": 0.0}] if spared else []
    return kind(groups, **optimizer.model_dump(exclude={"no_decay"}))


def set_pace(stepper: torch.optim.Optimizer, optimizer: Optimizer, pace: Pace) -> None:
    """Give all groups the rate and the momentum of the step to come."""
    for group in stepper.param_groups:
        group["lr"] = optimizer.lr * pace.factor
        if "betas" in group:
            first, second = getattr(optimizer, "betas", group["betas"])
            group["betas"] = (first if pace.momentum is None else pace.momentum, second)
        elif "momentum" in group:
            own = getattr(optimizer, "momentum", group["momentum"])
            group["momentum"] = own if pace.momentum is None else pace.momentum


def bound(clip: Clip | None, parameters: Iterable[Tensor], norm: Tensor | None = None) -> None:
    """Bound the gradients of these parameters in place, all together by their norm, or each number by its size.

    `norm` is that of all gradients, where it is known already.
    """
    if clip is None:
        return
    if clip.norm is not None and norm is not None:
        torch.nn.utils.clip_grads_with_norm_(parameters, clip.norm, norm)
    elif clip.norm is not None:
        torch.nn.utils.clip_grad_norm_(parameters, clip.norm)
    elif clip.value is not None:
        torch.nn.utils.clip_grad_value_(parameters, clip.value)


def update(
    descent: Descent, parameters: Arrays, gradients: Sequence[Arrays], paces: Sequence[Pace]
) -> list[dict[str, NDArray[Any]]]:
    """The parameters after each step: gradients of one step by the parameters' keys, and what the schedule makes of it.

    It is what a training does, but for where the gradients come from.
    """
    if len(gradients) != len(paces):
        raise ValueError(f"{len(gradients)} gradients for {len(paces)} steps")
    return list(steps(descent, parameters, gradients, paces))


def steps(
    descent: Descent, parameters: Arrays, gradients: Iterable[Arrays], paces: Sequence[Pace]
) -> Iterator[dict[str, NDArray[Any]]]:
    """As `update`, one by one: the gradients of a step are taken once the parameters before it have been given."""
    held = {key: torch.from_numpy(np.array(value, order="C")) for key, value in parameters.items()}
    with _scalars_like(held.values()):
        stepper = build(descent, held.items())
    for pace, given in zip(paces, gradients, strict=False):
        for key, tensor in held.items():
            tensor.grad = torch.from_numpy(np.array(given[key], order="C")) if key in given else None
        with _scalars_like(held.values()):
            set_pace(stepper, descent.optimizer, pace)
            bound(descent.clip, held.values())
            stepper.step()
        yield {key: tensor.numpy().copy() for key, tensor in held.items()}


@contextmanager
def _scalars_like(tensors: Iterable[Tensor]) -> Iterator[None]:
    """Within, numbers that an optimizer remembers are float64 where parameters are: NAdam's are float32 otherwise."""
    before = torch.get_default_dtype()
    wide = any(one.dtype == torch.float64 for one in tensors)
    torch.set_default_dtype(torch.float64 if wide else before)
    try:
        yield
    finally:
        torch.set_default_dtype(before)
