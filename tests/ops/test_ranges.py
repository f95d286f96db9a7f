"""The ranges that activations state are true to the last bit, of any numbers of single precision."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netspec.ir.op import Op
from netspec.ir.types import tensor
from netspec.ops.activation import (
    LeakyRelu,
    LogSoftmax,
    Relu,
    Sigmoid,
    Softmax,
    Softmin,
    Softplus,
    Tanh,
)
from netspec.ops.merging import Glu, Maxout
from netspec.ops.rectifier import Celu, Elu, Hardsigmoid, Hardswish, Hardtanh, Relu6, Selu
from netspec.ops.shrink import Hardshrink, Softshrink, Tanhshrink, Threshold
from netspec.ops.smooth import Gelu, Logsigmoid, Mish, Silu, Softsign
from tests.conformance.case import Numbers, candidate_outputs, case, forward

EPS = 2.0**-23
LARGEST = float(np.finfo(np.float32).max)

ACTIVATIONS: list[Op] = [
    Relu(), LeakyRelu(), Tanh(), Sigmoid(), Softplus(), Softplus(beta=3.0), Softmax(), Softmin(), LogSoftmax(),
    Relu6(), Hardtanh(), Hardsigmoid(), Hardswish(), Elu(), Elu(alpha=0.3), Celu(), Celu(alpha=0.3), Selu(),
    Silu(), Gelu(), Gelu(approximate="tanh"), Mish(), Softsign(), Logsigmoid(),
    Threshold(threshold=0.1, value=-2.0), Hardshrink(), Softshrink(), Tanhshrink(), Glu(), Maxout(pieces=2),
]  # fmt: skip

singles = st.floats(-LARGEST, LARGEST, width=32) | st.sampled_from(
    [0.0, -0.0, LARGEST, -LARGEST, 1e-45, -1e-45, 1.1754944e-38, 88.8, -88.8, -104.0, 17.4, 1e30, -1e30]
)


@pytest.mark.parametrize("op", ACTIVATIONS, ids=repr)
@given(st.lists(singles, min_size=4, max_size=4))
def test_no_number_leaves_the_range_that_is_stated(op: Op, row: list[float]) -> None:
    """Bounds that single precision holds exactly are held exactly; others are forgiven their own rounding."""
    use = case(op, tensor(batch=1, feature=4))
    facts = use.inferred.outputs[0].facts
    x = np.array([row], np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        for run in (forward, candidate_outputs):
            (y,) = run(use, Numbers((x,)), "eval")
            assert y.dtype == np.float32
            assert not np.isnan(y).any()
            assert (y >= facts.low - _rounding(facts.low)).all(), f"{y} is below {facts.low}"
            assert (y <= facts.high + _rounding(facts.high)).all(), f"{y} is above {facts.high}"


def _rounding(bound: float) -> float:
    """How far single precision may lie beyond a bound: nothing where it has the bound itself."""
    return 0.0 if float(np.float32(bound)) == bound else EPS * abs(bound)
