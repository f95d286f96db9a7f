"""The harness can fail: every kind of mistake it is there for is planted once, and found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import netspec_numpy
from netspec.ir.facts import Facts
from netspec.ir.op import Op
from netspec.ir.types import tensor
from netspec.ops.activation import Relu, Softmax, Tanh
from netspec.ops.conv import Conv
from netspec.ops.norm import BatchNorm
from netspec.ops.pool import MaxPool
from netspec_numpy.rule import Arrays, Backward, Context, Forward, Rule
from tests.conformance import harness
from tests.conformance.case import Case, case

IMAGE = tensor(batch=2, channel=3, height=5, width=4)
Change = Callable[[Any], Any]


def _planted(
    monkeypatch: pytest.MonkeyPatch, kind: type[Op], ahead: Change | None = None, back: Change | None = None
) -> None:
    """Put a changed rule in the reference's table: what its forward or its backward gives goes through a function."""
    true = netspec_numpy.table()[kind]

    def forward(op: Any, inputs: Arrays, at: Context) -> Forward:
        result = true.forward(op, inputs, at)
        return result if ahead is None else ahead(result)

    def pull(op: Any, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
        assert true.pull is not None
        result = true.pull(op, saved, grads, at)
        return result if back is None else back(result)

    rule: Rule[Any] = Rule(kind, forward)
    rule.backward(pull)
    table = {**netspec_numpy.table(), kind: rule}
    monkeypatch.setattr(netspec_numpy, "table", lambda: table)


def _scaled(by: float) -> Change:
    return lambda result: replace(result, outputs=tuple(y * by for y in result.outputs))


def _without_bias(result: Backward) -> Backward:
    return replace(result, parameters={"weight": result.parameters["weight"]})


def _biased(result: Forward) -> Forward:
    return replace(result, state={**result.state, "running_var": result.state["running_var"] * 0.95})


@pytest.mark.parametrize(
    "use,ahead,back",
    [
        (case(Conv(out_channels=2, kernel_size=3), IMAGE), _scaled(1 + 1e-12), None),
        (case(Conv(out_channels=2, kernel_size=3), IMAGE), None, _without_bias),
        (case(BatchNorm(), IMAGE), _biased, None),
        (case(Softmax(), tensor(batch=2, bin=4)), _scaled(1 + 1e-12), None),
    ],
)
def test_what_differs_from_torch_is_found(
    use: Case, ahead: Change | None, back: Change | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness.check_agreement(use, mode="train")
    _planted(monkeypatch, type(use.op), ahead, back)
    with pytest.raises(AssertionError):
        harness.check_agreement(use, mode="train")


@pytest.mark.parametrize("op", [Tanh(), Relu(), MaxPool(kernel_size=2), BatchNorm(affine=False)])
def test_a_gradient_that_is_no_slope_is_found(op: Op, monkeypatch: pytest.MonkeyPatch) -> None:
    use = case(op, IMAGE)
    harness.check_slopes(use, mode="train")
    _planted(monkeypatch, type(op), None, lambda result: Backward(tuple(dx * 1.001 for dx in result.inputs)))
    with pytest.raises(AssertionError, match="slope"):
        harness.check_slopes(use, mode="train")


def test_another_shape_than_the_inferred_one_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    use = case(MaxPool(kernel_size=2), IMAGE)
    _planted(monkeypatch, MaxPool, lambda result: replace(result, outputs=(result.outputs[0][..., :1],)))
    with pytest.raises(AssertionError, match="inferred"):
        harness.check_shapes(use)


def test_a_reference_that_widens_its_numbers_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    use = case(Tanh(), IMAGE)
    harness.check_precision(use)
    _planted(monkeypatch, Tanh, _scaled(np.float64(1.0)))
    with pytest.raises(AssertionError, match="float64"):
        harness.check_precision(use)


@pytest.mark.parametrize(
    "facts",
    [
        Facts(low=0.1),
        Facts(high=0.6),
        Facts(sums_to_one="bin"),
        Facts(nondecreasing="bin"),
        Facts(log_probabilities="bin"),
        Facts(classes=3),
        Facts(mask=True),
    ],
)
def test_a_false_fact_is_found(facts: Facts) -> None:
    numbers = np.array([[0.0, 0.7, 0.5], [0.2, 0.3, 0.4]])
    harness.facts_hold("numbers", tensor(batch=2, bin=3), numbers)
    with pytest.raises(AssertionError):
        harness.facts_hold("numbers", tensor(batch=2, bin=3, facts=facts), numbers)
