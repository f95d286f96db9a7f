"""Averages of weights: the formula, the reference, the torch backend and PyTorch's own averaging."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydantic import ValidationError
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

import netspec_numpy
import netspec_torch
from netspec.backend import Averager
from netspec.recipe.average import Average
from netspec_torch.averaged import Averaged

BOTH = pytest.mark.parametrize("backend", [netspec_numpy, netspec_torch], ids=["numpy", "torch"])


def walk(seed: int, steps: int) -> list[dict[str, NDArray[Any]]]:
    """Weights that wander, and a count."""
    rng = np.random.default_rng(seed)
    path = np.cumsum(rng.normal(size=(steps, 5)), axis=0)
    return [{"w": w, "count": np.array(i, np.int64)} for i, w in enumerate(path)]


@BOTH
@given(ema=st.floats(0.001, 0.999), steps=st.integers(1, 12), seed=st.integers(0, 2**32 - 1))
def test_averages_are_the_sum_that_the_formula_unrolls_to(
    backend: Any, ema: float, steps: int, seed: int
) -> None:
    weights = walk(seed, steps)
    found = backend.average(Average(ema=ema), weights)
    for t in range(steps):
        shares = [ema**t, *((1 - ema) * ema ** (t - s) for s in range(1, t + 1))]
        wanted = sum(share * one["w"] for share, one in zip(shares, weights, strict=False))
        size = max(abs(one["w"]).max() for one in weights[: t + 1])
        # each step rounds three numbers below `size`, and what came before is multiplied by less than 1
        assert (abs(found[t]["w"] - wanted) <= 4 * (t + 1) * size * 2**-53).all()
        assert found[t]["count"] == t


@given(ema=st.floats(0.5, 0.999), seed=st.integers(0, 2**31))
def test_a_model_is_averaged_as_torchs_own_averaging_does(ema: float, seed: int) -> None:
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    theirs = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(ema), use_buffers=True)  # type: ignore[no-untyped-call]
    ours = Averaged(Average(ema=ema))
    for _ in range(4):
        with torch.no_grad():
            for one in model.parameters():
                one.add_(torch.randn_like(one))
        model(torch.randn(8, 3))
        theirs.update_parameters(model)
        ours.take(model.state_dict())
    for key, value in theirs.module.state_dict().items():
        if value.is_floating_point():
            assert torch.equal(value, ours.values[key]), key
    assert int(ours.values["1.num_batches_tracked"]) == 4


def test_within_a_model_has_the_averages_and_then_its_own_bits_whatever_happens() -> None:
    model = nn.BatchNorm1d(2)
    averaged = Averaged(Average(ema=0.5))
    for step in range(2):
        with torch.no_grad():
            model.weight.fill_(step)
        averaged.take(model.state_dict())

    def fail() -> None:
        with averaged.within(model):
            assert model.weight.tolist() == [0.5, 0.5]
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert model.weight.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("ema", [0.0, 1.0, -0.1, 1.5, float("nan"), True, None])
def test_what_is_no_part_is_refused(ema: Any) -> None:
    with pytest.raises(ValidationError):
        Average(ema=ema)


@BOTH
def test_both_backends_can_average(backend: Any) -> None:
    assert isinstance(backend, Averager)
