"""Rules without a scale for each weight: the gradient itself, and its sign."""

from __future__ import annotations

import numpy as np

from netspec.recipe.optimizer import Lion, Sgd
from netspec_numpy.memory import Memory, running_mean
from netspec_numpy.rule import Array


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


def lion(recipe: Lion, w: Array, gradient: Array, rate: float, memory: Memory) -> Array:
    """`w(t) = w(t-1) - rate * (sign(c) + weight_decay * w(t-1))`, `c = beta1 * m(t-1) + (1 - beta1) * g`.

    Then `m(t) = beta2 * m(t-1) + (1 - beta2) * g`.
    """
    look, keep = recipe.betas
    c = look * memory.get("mean", np.zeros_like(w)) + (1 - look) * gradient
    running_mean(memory, "mean", keep, gradient)
    return w - rate * (np.sign(c) + recipe.weight_decay * w)
