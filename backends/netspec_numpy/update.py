"""Update rules written out: `w(t) = w(t-1) - lr(t) * d(t)`, where `d` is made of the gradient `dL/dw`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from netspec.backend import Arrays
from netspec.ir.record import Record
from netspec.recipe.optimizer import Optimizer, Sgd
from netspec.text import SpecError
from netspec_numpy.rule import Array

Memory = dict[str, Array]
"""What a rule remembers of one parameter from step to step; empty before the first."""

UpdateRule = Callable[[Any, Array, Array, float, Memory], Array]
"""From the recipe, the parameter, its gradient, the rate of this step and the memory to the parameter after it."""


def update(
    optimizer: Record, parameters: Arrays, gradients: Sequence[Arrays], factors: Sequence[float]
) -> list[dict[str, Array]]:
    """The parameters after each step, given each step's gradients and learning rate factor; float64.

    The rate of step t is `optimizer.lr * factors[t]`. A parameter without a gradient in a step stays as it is, and
    what is remembered of it does too. SpecError NS711 for an optimizer that has no rule here.
    """
    rule = RULES.get(type(optimizer))
    if rule is None or not isinstance(optimizer, Optimizer):
        known = " or ".join(f"`{kind.name}`" for kind in RULES)
        raise SpecError.of("NS711", f"the reference has no optimizer `{optimizer.name}`", help=f"use {known}")
    held = {key: np.array(value, dtype=np.float64) for key, value in parameters.items()}
    memory: dict[str, Memory] = {key: {} for key in held}
    after: list[dict[str, Array]] = []
    for given, factor in zip(gradients, factors, strict=True):
        rate = optimizer.lr * factor
        for key in held.keys() & given.keys():
            gradient = np.asarray(given[key], dtype=np.float64)
            held[key] = rule(optimizer, held[key], gradient, rate, memory[key])
        after.append(dict(held))
    return after


def sgd(recipe: Sgd, w: Array, gradient: Array, rate: float, memory: Memory) -> Array:
    """Stochastic gradient descent, with momentum, dampening, Nesterov's form and weight decay as `torch.optim.SGD`.

    `g = dL/dw + weight_decay * w`; the buffer is `b(1) = g(1)`, `b(t) = momentum * b(t-1) + (1 - dampening) * g(t)`;
    `d = b`, or `g + momentum * b` with Nesterov's form, or `g` alone without momentum; `w(t) = w(t-1) - rate * d`.
    """
    g = gradient + recipe.weight_decay * w
    if recipe.momentum == 0:
        return w - rate * g
    before = memory.get("buffer")
    buffer = g if before is None else recipe.momentum * before + (1 - recipe.dampening) * g
    memory["buffer"] = buffer
    direction = g + recipe.momentum * buffer if recipe.nesterov else buffer
    return w - rate * direction


RULES: Mapping[type[Record], UpdateRule] = {Sgd: sgd}
"""The rule of every optimizer."""
