"""Steps of a training written out: bound the gradients, then `w(t) = w(t-1) - lr(t) * d(t)`, `d` made of `dL/dw`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from netspec.backend import Arrays
from netspec.ir.record import Record
from netspec.recipe.descent import Descent
from netspec.recipe.optimizer import (
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
from netspec.recipe.pace import Pace
from netspec.recipe.training import Clip
from netspec.text import SpecError
from netspec_numpy.adagrad import adadelta, adagrad, rmsprop
from netspec_numpy.adam import adam, adamw, nadam, radam
from netspec_numpy.memory import Memory, UpdateRule
from netspec_numpy.rule import Array
from netspec_numpy.sgd import lion, sgd

RULES: Mapping[type[Record], UpdateRule] = {
    Sgd: sgd,
    Adam: adam,
    AdamW: adamw,
    Adagrad: adagrad,
    RmsProp: rmsprop,
    Adadelta: adadelta,
    NAdam: nadam,
    RAdam: radam,
    Lion: lion,
}
"""The rule of every optimizer."""


def update(
    descent: Descent, parameters: Arrays, gradients: Sequence[Arrays], paces: Sequence[Pace]
) -> list[dict[str, Array]]:
    """The parameters after each step, given each step's gradients and what the schedule makes of it; see `steps`."""
    if len(gradients) != len(paces):
        raise ValueError(f"{len(gradients)} gradients for {len(paces)} steps")
    return list(steps(descent, parameters, gradients, paces))


def steps(
    descent: Descent, parameters: Arrays, gradients: Iterable[Arrays], paces: Sequence[Pace]
) -> Iterator[dict[str, Array]]:
    """The parameters after each step, one by one, in float64.

    The rate of step t is `optimizer.lr * paces[t].factor`. A parameter without a gradient in a step stays as it is, and
    what is remembered of it does too. SpecError NS711 for an optimizer that has no rule here.
    """
    optimizer = descent.optimizer
    rule = RULES.get(type(optimizer))
    if rule is None:
        known = " or ".join(f"`{kind.name}`" for kind in RULES)
        raise SpecError.of("NS711", f"the reference has no optimizer `{optimizer.name}`", help=f"use {known}")
    held = {key: np.array(value, dtype=np.float64) for key, value in parameters.items()}
    memory: dict[str, Memory] = {key: {} for key in held}
    for pace, written in zip(paces, gradients, strict=False):
        given = clipped(
            descent.clip, {key: np.asarray(written[key], np.float64) for key in held if key in written}
        )
        for key, gradient in given.items():
            now = settings(optimizer, pace, decays=key not in descent.undecayed)
            held[key] = rule(now, held[key], gradient, optimizer.lr * pace.factor, memory[key])
        yield dict(held)


def settings(optimizer: Optimizer, pace: Pace, *, decays: bool) -> Optimizer:
    """The optimizer as it is in one step for one parameter: with the schedule's momentum, and with or without decay."""
    changed: dict[str, object] = {}
    if pace.momentum is not None:
        betas = getattr(optimizer, "betas", None)
        changed |= {"momentum": pace.momentum} if betas is None else {"betas": (pace.momentum, betas[1])}
    if not decays:
        changed["weight_decay"] = 0.0
    return optimizer.model_copy(update=changed) if changed else optimizer


def clipped(clip: Clip | None, gradients: Mapping[str, Array]) -> dict[str, Array]:
    """The gradients of a step, bounded.

    By their joint norm: `g * min(1, norm / (|all g| + 1e-6))` (Pascanu et al. 2013; the 1e-6 is PyTorch's). By value:
    every number of `g` is brought into `[-value, value]`.
    """
    if clip is None:
        return dict(gradients)
    if clip.value is not None:
        return {key: np.clip(g, -clip.value, clip.value) for key, g in gradients.items()}
    assert clip.norm is not None  # one of the two is there
    norm = np.sqrt(sum(np.sum(g * g) for g in gradients.values()))
    share = np.minimum(1, clip.norm / (norm + 1e-6))
    return {key: g * share for key, g in gradients.items()}
