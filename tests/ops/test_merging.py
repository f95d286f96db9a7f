"""Activations that make one channel of several."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netspec.ir.facts import Facts
from netspec.ir.op import infer_node
from netspec.ir.problem import Problem
from netspec.ir.types import TensorType, tensor
from netspec.ops.merging import Glu, Maxout
from tests.conformance.case import Numbers, candidate, candidate_outputs, case, forward, reference
from tests.conformance.harness import check_letters, check_or_refused
from tests.ops.strategies import seeds, tensors

AXES = st.none() | st.sampled_from(["channel", "time", "width", "batch"])


@given(AXES, tensors(least=0), seeds)
def test_numpy_and_torch_agree_on_gates_along_any_axis(axis: str | None, x: TensorType, seed: int) -> None:
    accepted = check_or_refused(Glu(axis=axis), x, seed=seed)
    assert accepted == _divides(x, axis, 2)


@given(AXES, st.integers(2, 4), tensors(least=0), seeds)
def test_numpy_and_torch_agree_on_the_largest_of_neighbours_along_any_axis(
    axis: str | None, pieces: int, x: TensorType, seed: int
) -> None:
    accepted = check_or_refused(Maxout(pieces=pieces, axis=axis), x, seed=seed)
    assert accepted == _divides(x, axis, pieces)


def _divides(x: TensorType, axis: str | None, count: int) -> bool:
    """Whether the axis is there, is not the batch, and gives a whole number of places."""
    if (axis is None and x.rank < 2) or axis == "batch" or (axis is not None and axis not in x.names):
        return False
    return int(x.sizes[1] if axis is None else x.size(axis)) % count == 0


@pytest.mark.parametrize("op", [Glu(axis="width"), Maxout(pieces=3, axis="width")])
def test_a_free_size_must_give_whole_places(op: Glu | Maxout) -> None:
    for width in range(1, 8):
        check_letters(op, tensor(batch=2, channel=2, width=width))


def test_a_gate_closes_and_opens() -> None:
    use = case(Glu(), tensor(batch=1, channel=4))
    for run in (forward, candidate_outputs):
        (y,) = run(use, Numbers((np.array([[3.0, 5.0, -800.0, 800.0]]),)), "eval")
        assert np.array_equal(y, [[0.0, 5.0]])


def test_neighbours_that_are_equal_share_the_gradient() -> None:
    use = case(Maxout(pieces=2), tensor(batch=1, channel=4))
    drawn = Numbers((np.array([[1.0, 1.0, 2.0, 3.0]]),))
    for run in (reference, candidate):
        result = run(use, drawn, (np.array([[1.0, 1.0]]),), "eval")
        assert np.array_equal(result.outputs[0], [[1.0, 3.0]])
        assert np.array_equal(result.inputs[0], [[0.5, 0.5, 0.0, 1.0]])


def test_the_largest_of_neighbours_of_a_curve_is_a_curve() -> None:
    x = tensor(batch=2, bin=6, unit="ml", facts=Facts(low=0, high=1, nondecreasing="bin"))
    (y,) = infer_node(Maxout(pieces=3), (x,)).outputs
    assert (y.facts.is_cdf("bin"), y.unit, y.sizes[1].value) == (True, "ml", 2)
    assert check_or_refused(Maxout(pieces=3), tensor(batch=2, bin=6, facts=x.facts))


def test_gates_keep_the_order_of_numbers_that_are_positive_alone() -> None:
    def after(low: float) -> Facts:
        x = tensor(batch=2, bin=4, facts=Facts(low=low, high=2, nondecreasing="bin"))
        return infer_node(Glu(), (x,)).outputs[0].facts

    assert after(0).nondecreasing == "bin"
    assert after(-1).nondecreasing is None
    assert (after(-1).low, after(-1).high) == pytest.approx((-1 / (1 + np.exp(-2)), 2 / (1 + np.exp(-2))))


def test_what_cannot_be_halved_says_both_numbers() -> None:
    with pytest.raises(Problem, match="one place of 2, which the `3` places of `channel`"):
        infer_node(Glu(), (tensor(batch=2, channel=3),))
