from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import netspec_torch
from netspec.recipe.descent import Descent
from netspec.recipe.optimizer import OPTIMIZERS, Optimizer, Sgd
from netspec.recipe.pace import STEADY, Pace
from netspec.recipe.training import Clip
from netspec.text import SpecError
from netspec_torch.optimizer import bound


def by_hand(rule: Sgd, w: Any, gradients: list[Any], factors: list[float]) -> list[Any]:
    """`w(t) = w(t-1) - lr(t) * d(t)` as the docstring of the rule says it."""
    found, buffer = [], None
    for gradient, factor in zip(gradients, factors, strict=True):
        g = gradient + rule.weight_decay * w
        d = g
        if rule.momentum:
            buffer = g if buffer is None else rule.momentum * buffer + (1 - rule.dampening) * g
            d = g + rule.momentum * buffer if rule.nesterov else buffer
        w = w - rule.lr * factor * d
        found.append(w)
    return found


@given(
    st.sampled_from(
        [
            Sgd(lr=0.1),
            Sgd(lr=0.1, weight_decay=0.01),
            Sgd(lr=0.1, momentum=0.9),
            Sgd(lr=0.05, momentum=0.9, dampening=0.5, weight_decay=1e-4),
            Sgd(lr=0.05, momentum=0.8, nesterov=True, weight_decay=1e-4),
        ]
    ),
    st.lists(st.floats(0.1, 1), min_size=1, max_size=5),
    st.integers(0, 2**31),
)
def test_steps_are_what_the_formula_says(rule: Sgd, factors: list[float], seed: int) -> None:
    rng = np.random.default_rng(seed)
    start = rng.normal(size=(2, 3))
    gradients = [rng.normal(size=(2, 3)) for _ in factors]
    found = netspec_torch.update(
        Descent(rule), {"w": start}, [{"w": one} for one in gradients], [Pace(one) for one in factors]
    )
    for ours, theirs in zip(found, by_hand(rule, start, gradients, factors), strict=True):
        # a step has six roundings of terms below 50, each of half an ulp
        np.testing.assert_allclose(ours["w"], theirs, rtol=0, atol=6 * len(factors) * 50 * 2**-53)


def test_the_given_arrays_are_left_alone() -> None:
    start = np.ones(3)
    netspec_torch.update(Descent(Sgd(lr=0.5)), {"w": start}, [{"w": np.ones(3)}], [STEADY])
    assert np.array_equal(start, np.ones(3))


def test_every_optimizer_of_the_language_is_known() -> None:
    for kind in OPTIMIZERS.values():
        netspec_torch.update(Descent(kind(lr=0.1)), {"w": np.ones(2)}, [{"w": np.ones(2)}], [STEADY])


def test_an_unknown_optimizer_is_refused() -> None:
    class Odd(Optimizer):
        name = "odd"

    with pytest.raises(SpecError, match="NS738"):
        netspec_torch.update(Descent(Odd(lr=0.1)), {"w": np.ones(2)}, [], [])


@pytest.mark.parametrize("most", [0.5, 50.0])
def test_gradients_are_bounded_to_the_same_digits_by_a_norm_that_is_known(most: float) -> None:
    given = [torch.tensor([3.0, -4.0]), torch.tensor([[12.0]])]
    one, other = ([torch.zeros_like(value) for value in given] for _ in range(2))
    for parameters in (one, other):
        for parameter, value in zip(parameters, given, strict=True):
            parameter.grad = value.clone()
    bound(Clip(norm=most), one)
    bound(Clip(norm=most), other, torch.nn.utils.get_total_norm(given))
    assert all(torch.equal(a.grad, b.grad) for a, b in zip(one, other, strict=True))  # type: ignore[arg-type]
