"""Linear layers and dropout."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from netspec.ir.types import TensorType, tensor
from netspec.ops.dropout import Dropout
from netspec.ops.linear import Linear
from tests.conformance.case import case, forward, numbers
from tests.conformance.harness import check_or_refused
from tests.ops.strategies import seeds, tensors


@given(tensors(), st.integers(1, 4), st.booleans(), seeds)
def test_numpy_and_torch_agree_on_any_linear(x: TensorType, out: int, bias: bool, seed: int) -> None:
    op = Linear(out_features=out, bias=bias)
    accepted = check_or_refused(op, x, seed=seed)
    in_space = {"channel", "width"} <= set(x.names) and x.names[-1] != "channel"
    assert accepted == (not in_space)
    if accepted:
        (y,) = case(op, x).inferred.outputs
        assert y.names == x.names
        per_sample = int(np.prod([int(size) for size in y.sizes[1:]]))
        assert op.macs((x,), (y,)) == per_sample * int(x.sizes[-1])


@given(tensors(), st.sampled_from([0.0, 0.1, 0.5, 0.9]), seeds)
def test_numpy_and_torch_agree_on_any_dropout(x: TensorType, p: float, seed: int) -> None:
    assert check_or_refused(Dropout(p=p), x, seed=seed)


def test_dropout_keeps_the_mean_of_many_numbers() -> None:
    use = case(Dropout(p=0.25), tensor(batch=400, feature=100))
    drawn = numbers(use, 0)
    (y,) = forward(use, drawn, "train")
    x = drawn.inputs[0]
    kept = float(drawn.noise["keep"].mean())
    assert abs(kept - 0.75) < 5 * np.sqrt(0.25 * 0.75 / x.size)  # five standard deviations
    assert abs(y.mean() - x.mean()) < 5 * np.sqrt(np.mean(x**2) * (1 / 3) / x.size)


@pytest.mark.parametrize("p", [-0.1, 1.5, float("nan"), True, "half"])
def test_a_probability_outside_its_range_is_refused(p: float) -> None:
    with pytest.raises(ValidationError):
        Dropout(p=p)
