"""What ops keep of what is known: a fact that is lost without need is a warning that nobody deserves."""

from __future__ import annotations

import pytest

from netspec.ir.facts import Facts
from netspec.ir.op import Op, infer_node
from netspec.ir.types import TensorType, tensor
from netspec.ops.cumulative import Cummax, Cumsum
from netspec.ops.pool import AvgPool, GlobalAvgPool, GlobalMaxPool, MaxPool

SHARES = tensor(batch=2, channel=3, height=4, width=4, facts=Facts(low=0, high=1, sums_to_one="channel"))
ORDERED = tensor(batch=2, channel=3, height=4, width=4, facts=Facts(low=2, high=5, nondecreasing="channel"))


@pytest.mark.parametrize(
    "op,x,kept",
    [
        (GlobalAvgPool(), SHARES, Facts(low=0, high=1, sums_to_one="channel")),
        (AvgPool(kernel_size=2), SHARES, Facts(low=0, high=1, sums_to_one="channel")),
        (AvgPool(kernel_size=2), ORDERED, Facts(low=2, high=5, nondecreasing="channel")),
        (AvgPool(kernel_size=3, padding=1), ORDERED, Facts(low=0, high=5, nondecreasing="channel")),
        (
            AvgPool(kernel_size=3, padding=1, count_include_pad=False),
            ORDERED,
            Facts(low=2, high=5, nondecreasing="channel"),
        ),
        (MaxPool(kernel_size=2), ORDERED, Facts(low=2, high=5, nondecreasing="channel")),
        (GlobalMaxPool(), ORDERED, Facts(low=2, high=5, nondecreasing="channel")),
        (
            Cummax(),
            tensor(batch=2, bin=5, facts=Facts(low=0, high=1, mask=True)),
            Facts(low=0, high=1, nondecreasing="bin", mask=True),
        ),
        (
            Cumsum(),
            tensor(batch=2, bin=5, facts=Facts(low=0, high=1, sums_to_one="bin")),
            Facts(low=0, high=1, nondecreasing="bin"),
        ),
    ],
)
def test_a_fact_that_stays_true_is_kept(op: Op, x: TensorType, kept: Facts) -> None:
    assert infer_node(op, (x,)).outputs[0].facts == kept
