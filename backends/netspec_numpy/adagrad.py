"""Rules that divide the gradient itself by the root of a sum, or of a running mean, of its squares."""

from __future__ import annotations

import numpy as np

from netspec.recipe.optimizer import Adadelta, Adagrad, RmsProp
from netspec_numpy.memory import Memory, count, running_mean
from netspec_numpy.rule import Array


def adagrad(recipe: Adagrad, w: Array, gradient: Array, rate: float, memory: Memory) -> Array:
    """`w(t) = w(t-1) - rate / (1 + (t - 1) * lr_decay) * g / (sqrt(s) + eps)`, `s(t) = s(t-1) + g ** 2`."""
    g = gradient + recipe.weight_decay * w
    t = count(memory)
    total = memory.get("sum", np.full_like(w, recipe.initial_accumulator_value)) + g * g
    memory["sum"] = total
    return w - rate / (1 + (t - 1) * recipe.lr_decay) * g / (np.sqrt(total) + recipe.eps)


def rmsprop(recipe: RmsProp, w: Array, gradient: Array, rate: float, memory: Memory) -> Array:
    """`w(t) = w(t-1) - rate * d`, `d(t) = momentum * d(t-1) + g / (sqrt(v) + eps)`; centered: `sqrt(v - a ** 2)`."""
    g = gradient + recipe.weight_decay * w
    v = running_mean(memory, "square", recipe.alpha, g * g)
    if recipe.centered:
        v = v - running_mean(memory, "mean", recipe.alpha, g) ** 2
    d = g / (np.sqrt(v) + recipe.eps)
    if recipe.momentum > 0:
        d = memory["move"] = recipe.momentum * memory.get("move", np.zeros_like(w)) + d
    return w - rate * d


def adadelta(recipe: Adadelta, w: Array, gradient: Array, rate: float, memory: Memory) -> Array:
    """`w(t) = w(t-1) - rate * d`, `d = sqrt(u(t-1) + eps) / sqrt(v + eps) * g`; u is the running mean of `d ** 2`."""
    g = gradient + recipe.weight_decay * w
    v = running_mean(memory, "square", recipe.rho, g * g)
    moves = memory.get("moves", np.zeros_like(w))
    d = np.sqrt(moves + recipe.eps) / np.sqrt(v + recipe.eps) * g
    running_mean(memory, "moves", recipe.rho, d * d)
    return w - rate * d
