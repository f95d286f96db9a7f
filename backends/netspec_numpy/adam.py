"""Rules that divide the running mean of the gradient by the root of that of its square."""

from __future__ import annotations

import math

import numpy as np

from netspec.recipe.optimizer import Adam, AdamW, NAdam, RAdam
from netspec_numpy.memory import Memory, count, running_mean
from netspec_numpy.rule import Array


def adam(recipe: Adam, w: Array, gradient: Array, rate: float, memory: Memory) -> Array:
    """`w(t) = w(t-1) - rate * mh / (sqrt(vh) + eps)` of `g = dL/dw + weight_decay * w(t-1)`."""
    g = gradient + recipe.weight_decay * w
    return w - rate * _direction(recipe, g, memory)


def adamw(recipe: AdamW, w: Array, gradient: Array, rate: float, memory: Memory) -> Array:
    """`w(t) = (1 - rate * weight_decay) * w(t-1) - rate * mh / (sqrt(vh) + eps)` of `g = dL/dw`."""
    return (1 - rate * recipe.weight_decay) * w - rate * _direction(recipe, gradient, memory)


def _direction(recipe: Adam, g: Array, memory: Memory) -> Array:
    """`mh / (sqrt(vh) + eps)`, `mh = m / (1 - beta1 ** t)`, `vh = v / (1 - beta2 ** t)`; amsgrad: the greatest v."""
    t = count(memory)
    beta1, beta2 = recipe.betas
    m = running_mean(memory, "mean", beta1, g)
    v = running_mean(memory, "square", beta2, g * g)
    if recipe.amsgrad:
        v = memory["greatest"] = np.maximum(memory.get("greatest", np.zeros_like(v)), v)
    mh = m / (1 - beta1**t)
    vh = v / (1 - beta2**t)
    return mh / (np.sqrt(vh) + recipe.eps)


def nadam(recipe: NAdam, w: Array, gradient: Array, rate: float, memory: Memory) -> Array:
    """`w(t) = w(t-1) - rate * (mu(t+1) * m / (1 - P(t+1)) + (1 - mu(t)) * g / (1 - P(t))) / (sqrt(vh) + eps)`.

    `mu(t) = beta1 * (1 - 0.96 ** (t * momentum_decay) / 2)`, `P(t) = mu(1) * ... * mu(t)`.
    """
    w, g = _decayed(recipe, w, gradient, rate)
    t = count(memory)
    beta1, beta2 = recipe.betas

    def mu(step: int) -> float:
        return float(beta1 * (1 - 0.5 * 0.96 ** (step * recipe.momentum_decay)))

    product = memory["product"] = np.asarray(memory.get("product", 1.0)) * mu(t)
    m = running_mean(memory, "mean", beta1, g)
    v = running_mean(memory, "square", beta2, g * g)
    vh = v / (1 - beta2**t)
    ahead = mu(t + 1) * m / (1 - product * mu(t + 1))
    now = (1 - mu(t)) * g / (1 - product)
    return w - rate * (ahead + now) / (np.sqrt(vh) + recipe.eps)


def radam(recipe: RAdam, w: Array, gradient: Array, rate: float, memory: Memory) -> Array:
    """`w(t) = w(t-1) - rate * r * mh`, r being 1 while `rho(t) <= 5`; the docstring of the recipe says the rest."""
    w, g = _decayed(recipe, w, gradient, rate)
    t = count(memory)
    beta1, beta2 = recipe.betas
    m = running_mean(memory, "mean", beta1, g)
    v = running_mean(memory, "square", beta2, g * g)
    mh = m / (1 - beta1**t)
    longest = 2 / (1 - beta2) - 1
    rho = longest - 2 * t * beta2**t / (1 - beta2**t)
    if rho <= 5:
        return w - rate * mh
    sure = math.sqrt((rho - 4) * (rho - 2) * longest / ((longest - 4) * (longest - 2) * rho))
    return w - rate * mh * sure * math.sqrt(1 - beta2**t) / (np.sqrt(v) + recipe.eps)


def _decayed(recipe: NAdam | RAdam, w: Array, gradient: Array, rate: float) -> tuple[Array, Array]:
    """The parameter and the gradient with weight decay in one of them."""
    if recipe.decoupled_weight_decay:
        return (1 - rate * recipe.weight_decay) * w, gradient
    return w, gradient + recipe.weight_decay * w
