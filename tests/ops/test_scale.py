"""Rescaling by numbers and to a range."""

from __future__ import annotations

import ast

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from netspec.ir.facts import Facts
from netspec.ir.op import infer_node
from netspec.ir.types import TensorType, tensor
from netspec.ops.scale import LAYER_SCALE, LayerScale, Rescale
from tests.conformance.case import Numbers, case, forward, lowered
from tests.conformance.harness import check, check_or_refused
from tests.ops.strategies import seeds, tensors


@given(
    x=tensors(least=0, most=2),
    mean=st.sampled_from([-3.0, 0.0, 0.5, 128.0]),
    std=st.sampled_from([0.25, 1.0, 128.0]),
    seed=seeds,
)
def test_numpy_and_torch_agree_on_any_numbers(x: TensorType, mean: float, std: float, seed: int) -> None:
    check(case(Rescale(mean=mean, std=std), x), seed)


@given(low=st.floats(-100, 100), size=st.floats(0.5, 100), to=st.floats(-5, 5), span=st.floats(0.5, 5))
def test_the_declared_range_is_brought_to_the_wanted_one(
    low: float, size: float, to: float, span: float
) -> None:
    use = case(Rescale(to=(to, to + span)), tensor(batch=2, facts=Facts(low=low, high=low + size)))
    (y,) = forward(use, Numbers((np.array([low, low + size]),)), "eval")
    assert np.allclose(y, [to, to + span], rtol=1e-12, atol=1e-10)
    facts = use.inferred.outputs[0].facts
    assert (facts.low, facts.high) == pytest.approx((to, to + span))


def test_grey_values_come_to_about_one() -> None:
    x = tensor(batch="N", height=2, unit="HU", facts=Facts(low=0, high=255))
    y = infer_node(Rescale(mean=128, std=128), (x,)).outputs[0]
    assert (y.facts.low, y.facts.high, y.unit) == (-1, 127 / 128, None)


@given(
    x=tensors(least=0), axis=st.none() | st.sampled_from(["channel", "time", "width", "batch"]), seed=seeds
)
def test_numpy_and_torch_agree_on_learned_factors_along_any_axis(
    x: TensorType, axis: str | None, seed: int
) -> None:
    accepted = check_or_refused(LayerScale(axis=axis), x, seed=seed)
    assert accepted == (x.rank > 1 if axis is None else axis in x.names[1:])


def test_learned_factors_have_the_shape_and_the_start_of_convnext() -> None:
    """torchvision: `nn.Parameter(torch.ones(dim, 1, 1) * 1e-6)`."""
    use = case(LayerScale(), tensor(batch=2, channel=96, height=4, width=4))
    (weight,) = use.inferred.parameters
    assert (weight.name, weight.shape) == ("weight", (96, 1, 1))
    ((_, written),) = lowered(use)
    construct = written.construct
    assert construct is not None
    layer = eval(ast.unparse(construct), {"torch": torch, "nn": torch.nn})
    assert torch.equal(layer["weight"], torch.ones(96, 1, 1) * LAYER_SCALE)
    assert isinstance(layer["weight"], torch.nn.Parameter)


def test_a_factor_written_as_the_axis_is_told_where_it_belongs() -> None:
    with pytest.raises(ValidationError, match=r"constant: 1e-06"):
        LayerScale.model_validate({"axis": 1e-6})
