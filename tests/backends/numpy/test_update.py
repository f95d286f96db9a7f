from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import netspec_numpy
import netspec_torch
from netspec.backend import Feed
from netspec.recipe.descent import Descent
from netspec.recipe.optimizer import OPTIMIZERS, AdamW, Optimizer, Sgd
from netspec.recipe.pace import STEADY, Pace
from netspec.text import SpecError
from netspec_numpy.update import RULES
from tests.backends.torch.graphs import regression

Array = NDArray[Any]

RATES = st.floats(1e-4, 2)
SHARES = st.floats(0, 0.99)


@st.composite
def recipes(draw: st.DrawFn) -> Sgd:
    momentum = draw(st.one_of(st.just(0.0), SHARES))
    nesterov = momentum > 0 and draw(st.booleans())
    dampening = 0.0 if nesterov else draw(st.one_of(st.just(0.0), SHARES))
    decay = draw(st.one_of(st.just(0.0), st.floats(1e-6, 0.1)))
    return Sgd(lr=draw(RATES), momentum=momentum, dampening=dampening, nesterov=nesterov, weight_decay=decay)


def by_formula(recipe: Sgd, start: Array, gradients: list[Array], factors: list[float]) -> list[Array]:
    """`w(t) = w(t-1) - lr(t) * d(t)`, the buffer written as the sum it is: no state is carried along."""
    found = [start]
    whole: list[Array] = []
    for t, (gradient, factor) in enumerate(zip(gradients, factors, strict=True)):
        whole.append(gradient + recipe.weight_decay * found[-1])
        fresh = [1.0 if s == 0 else 1 - recipe.dampening for s in range(t + 1)]
        buffer = sum(fresh[s] * recipe.momentum ** (t - s) * whole[s] for s in range(t + 1))
        direction: Any = buffer if recipe.momentum else whole[t]
        if recipe.nesterov:
            direction = whole[t] + recipe.momentum * buffer
        found.append(found[-1] - recipe.lr * factor * direction)
    return found[1:]


def by_torch(recipe: Sgd, start: Array, gradients: list[Array], factors: list[float]) -> list[Array]:
    """`torch.optim.SGD` itself, its rate set by hand for each step."""
    w = torch.tensor(start, requires_grad=True)
    stepper = torch.optim.SGD([w], **recipe.model_dump(exclude={"no_decay"}))
    found = []
    for gradient, factor in zip(gradients, factors, strict=True):
        w.grad = torch.tensor(gradient)
        stepper.param_groups[0]["lr"] = recipe.lr * factor
        stepper.step()
        found.append(w.detach().numpy().copy())
    return found


def sizes(recipe: Sgd, start: Array, gradients: list[Array], factors: list[float]) -> list[Array]:
    """What the terms of each new weight add up to without their signs: what a relative error is relative to."""
    up = recipe.model_copy(update={"lr": -recipe.lr})
    return by_formula(up, abs(start), [abs(g) for g in gradients], factors)


@given(recipes(), st.floats(1e-3, 1), st.integers(0, 2**32 - 1))
def test_one_update_is_that_of_torch_and_of_the_formula(recipe: Sgd, factor: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    start, gradient = rng.normal(size=(2, 4, 3)) * rng.lognormal(sigma=3, size=(2, 1, 1))
    (found,) = netspec_numpy.update(Descent(recipe), {"w": start}, [{"w": gradient}], [Pace(factor)])
    (size,) = sizes(recipe, start, [gradient], [factor])
    for expected in (by_formula, by_torch):
        (other,) = expected(recipe, start, [gradient], [factor])
        assert (abs(found["w"] - other) <= 1e-14 * size).all()


@given(recipes(), st.lists(st.floats(1e-3, 1), min_size=2, max_size=6), st.integers(0, 2**32 - 1))
def test_later_updates_remember_what_torch_remembers(recipe: Sgd, factors: list[float], seed: int) -> None:
    rng = np.random.default_rng(seed)
    start = rng.normal(size=(4, 3))
    gradients = list(rng.normal(size=(len(factors), 4, 3)))
    found = netspec_numpy.update(
        Descent(recipe), {"w": start}, [{"w": g} for g in gradients], [Pace(one) for one in factors]
    )
    size = sizes(recipe, start, gradients, factors)
    for expected in (by_formula, by_torch):
        for ours, theirs, scale in zip(found, expected(recipe, start, gradients, factors), size, strict=True):
            assert (abs(ours["w"] - theirs) <= 1e-14 * len(factors) * scale).all()


@pytest.mark.parametrize(
    "recipe",
    [
        Sgd(lr=0.02),
        Sgd(lr=0.02, momentum=0.9),
        Sgd(lr=0.02, momentum=0.8, dampening=0.3, weight_decay=1e-3),
        Sgd(lr=0.02, momentum=0.9, nesterov=True, weight_decay=1e-4),
        AdamW(lr=0.02),
    ],
)
def test_ten_steps_of_training_go_the_same_way_in_both_backends(recipe: Optimizer) -> None:
    graph = regression()
    rng = np.random.default_rng(1)
    numbers = {key: rng.normal(size=(6, 4)) for key in graph.inputs}
    targets = {key: rng.normal(size=(6, 3)) for key in graph.targets}
    start = {key: rng.normal(size=row.shape) / 2 for key, row in graph.parameters.items()}
    paces = [Pace(1 - t / 20) for t in range(10)]
    ends, losses = [], []
    for backend in (netspec_numpy, netspec_torch):
        here, gradients, last = start, [], []
        for t in range(10):
            run = backend.run(graph, Feed(numbers, targets, here, mode="train"))
            gradients.append(run.parameters)
            last.append(run.loss)
            here = backend.update(Descent(recipe), start, gradients, paces[: t + 1])[-1]
        ends.append(here)
        losses.append(last)
    assert losses[0][-1] < losses[0][0]
    for key in start:
        np.testing.assert_allclose(ends[0][key], ends[1][key], rtol=1e-10, atol=1e-10)


def test_the_given_arrays_are_left_alone() -> None:
    start = np.ones(3)
    netspec_numpy.update(Descent(Sgd(lr=0.5)), {"w": start}, [{"w": np.ones(3)}], [STEADY])
    assert np.array_equal(start, np.ones(3))


def test_every_optimizer_of_the_language_has_a_rule_with_its_formula() -> None:
    assert set(RULES) == set(OPTIMIZERS.values())
    assert all("=" in (rule.__doc__ or "") for rule in RULES.values())


def test_an_unknown_optimizer_is_refused() -> None:
    class Odd(Optimizer):
        name = "odd"

    with pytest.raises(SpecError, match=r"NS711.*`odd`"):
        netspec_numpy.update(Descent(Odd(lr=0.1)), {"w": np.ones(2)}, [], [])
