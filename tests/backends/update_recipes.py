"""Random settings of every update rule, and how far two programs that follow one rule may be apart."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

import netspec_numpy
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

Array = NDArray[Any]

SHARES = st.one_of(st.just(0.0), st.floats(0.01, 0.99))
BETAS = st.tuples(SHARES, st.one_of(st.just(0.999), SHARES))
EPS = st.sampled_from([1e-10, 1e-8, 1e-3])
DECAYS = st.one_of(st.just(0.0), st.floats(1e-6, 0.1))


@st.composite
def rules(draw: st.DrawFn, kind: type[Optimizer]) -> Optimizer:
    """An optimizer of this kind with random settings, at a rate that such a rule is used with."""
    given: dict[str, Any] = {"weight_decay": draw(DECAYS)}
    highest = 2.0
    if kind is Sgd:
        momentum = draw(SHARES)
        nesterov = momentum > 0 and draw(st.booleans())
        given |= {"momentum": momentum, "nesterov": nesterov, "dampening": 0.0 if nesterov else draw(SHARES)}
    elif kind in (Adam, AdamW):
        given |= {"betas": draw(BETAS), "eps": draw(EPS), "amsgrad": draw(st.booleans())}
        highest = 0.1
    elif kind is Adagrad:
        given |= {"lr_decay": draw(DECAYS), "initial_accumulator_value": draw(SHARES), "eps": draw(EPS)}
    elif kind is RmsProp:
        # with alpha 0 the variance of one number divides, which is 0 but for rounding: nothing to compare
        given |= {"alpha": draw(st.floats(0.5, 0.99)), "eps": draw(EPS), "momentum": draw(SHARES)}
        given |= {"centered": draw(st.booleans())}
        highest = 0.1
    elif kind is Adadelta:
        given |= {"rho": draw(SHARES), "eps": draw(EPS)}
    elif kind in (NAdam, RAdam):
        given |= {"betas": draw(BETAS), "eps": draw(EPS), "decoupled_weight_decay": draw(st.booleans())}
        given |= {"momentum_decay": draw(DECAYS)} if kind is NAdam else {}
        highest = 0.1
    elif kind is Lion:
        given |= {"betas": draw(BETAS)}
        highest = 0.1
    return kind(lr=draw(st.floats(1e-5, highest)), **given)


PACES = st.builds(Pace, st.floats(1e-3, 1))


def numbers(seed: int, steps: int) -> tuple[dict[str, Array], list[dict[str, Array]]]:
    """Parameters and gradients of very unequal sizes; a part of the gradients is 0, as behind a dead relu."""
    rng = np.random.default_rng(seed)
    shapes = {"a.weight": (3, 2), "a.bias": (3,), "b.weight": (4,)}
    start = {key: rng.normal(size=shape) for key, shape in shapes.items()}
    scales = {key: rng.lognormal(sigma=3, size=shape) for key, shape in shapes.items()}
    return start, [
        {key: rng.normal(size=s.shape) * s * (rng.random(s.shape) > 0.2) for key, s in scales.items()}
        for _ in range(steps)
    ]


H = 2.0**-30
"""How far numbers are moved to see what rounding does: far above rounding, far below anything that matters."""


def allowed(
    descent: Descent, start: dict[str, Array], gradients: list[dict[str, Array]], paces: list[Pace]
) -> list[dict[str, Array]]:
    """What two right programs may differ by after each step.

    To first order, what a program rounds is as if its numbers were a share of 2**-53 off for each operation on the way.
    So the numbers are moved by shares of up to H, eight times, and the largest change is scaled to 32 operations a
    step: the longest rule (NAdam's) has 23 on its longest path. What moving the numbers does not show, because what
    they do may cancel, is that each step rounds the weight and its move anew, of which none is larger than twice the
    largest weight so far: two roundings of half an ulp each.
    """
    rng = np.random.default_rng(0)

    def moved(table: dict[str, Array]) -> dict[str, Array]:
        return {key: x * (1 + H * rng.uniform(-1, 1, x.shape)) for key, x in table.items()}

    exact = netspec_numpy.update(descent, start, gradients, paces)
    spread = [{key: np.zeros_like(x) for key, x in one.items()} for one in exact]
    for _ in range(8):
        other = netspec_numpy.update(descent, moved(start), [moved(g) for g in gradients], paces)
        for mine, right, seen in zip(spread, exact, other, strict=True):
            for key in mine:
                mine[key] = np.maximum(mine[key], abs(right[key] - seen[key]))
    found = []
    largest = {key: abs(x) for key, x in start.items()}
    for i, (one, right) in enumerate(zip(spread, exact, strict=True)):
        largest = {key: np.maximum(x, abs(right[key])) for key, x in largest.items()}
        found.append({key: (x / H * 32 + 4 * largest[key]) * (i + 1) * 2.0**-53 for key, x in one.items()})
    return found
