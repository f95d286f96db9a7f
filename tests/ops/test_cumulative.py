"""Running sums and maxima: agreement along any axis, ties, and the distribution functions they make."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from netspec.ir.facts import Facts
from netspec.ir.op import infer_node
from netspec.ir.types import TensorType, tensor
from netspec.ops.cumulative import Cummax, Cumsum
from tests.conformance.case import Numbers, candidate, case, reference
from tests.conformance.harness import check
from tests.ops.strategies import seeds, tensors


@given(data=st.data(), kind=st.sampled_from([Cumsum, Cummax]), x=tensors(least=1, most=2), seed=seeds)
def test_numpy_and_torch_agree_along_any_axis(
    data: st.DataObject, kind: type[Cumsum | Cummax], x: TensorType, seed: int
) -> None:
    axis = data.draw(st.none() | st.sampled_from(x.names[1:]))
    check(case(kind(axis=axis), x), seed)


@given(values=st.lists(st.sampled_from([0.0, 0.25, 0.5]), min_size=1, max_size=8), seed=seeds)
def test_among_equal_elements_the_last_takes_the_gradient_as_in_torch(values: list[float], seed: int) -> None:
    use = case(Cummax(), tensor(batch=1, bin=len(values)))
    drawn = Numbers((np.array([values]),))
    pull = (np.random.default_rng(seed).integers(1, 9, (1, len(values))).astype(np.float64),)
    ours, theirs = reference(use, drawn, pull, "eval"), candidate(use, drawn, pull, "eval")
    assert np.array_equal(ours.inputs[0], theirs.inputs[0])
    assert np.array_equal(ours.outputs[0], theirs.outputs[0])


def test_a_tie_of_three_sends_each_gradient_to_the_last_so_far() -> None:
    use = case(Cummax(), tensor(batch=1, bin=4))
    back = reference(
        use, Numbers((np.array([[1.0, 1.0, 0.0, 1.0]]),)), (np.array([[1.0, 2.0, 4.0, 8.0]]),), "eval"
    )
    assert back.inputs[0].tolist() == [[1, 6, 0, 8]]


def test_the_running_sum_of_probabilities_is_a_distribution_function() -> None:
    shares = tensor(batch="N", bin=5, facts=Facts(low=0, high=1, sums_to_one="bin"))
    assert infer_node(Cumsum(), (shares,)).outputs[0].facts.is_cdf("bin")


def test_the_running_sum_along_another_axis_is_none() -> None:
    shares = tensor(batch="N", time=3, bin=5, facts=Facts(low=0, high=1, sums_to_one="bin"))
    facts = infer_node(Cumsum(axis="time"), (shares,)).outputs[0].facts
    assert facts == Facts(low=0, high=3, nondecreasing="time")


def test_the_running_maximum_of_unit_values_is_a_distribution_function() -> None:
    unit = tensor(batch="N", bin=5, facts=Facts(low=0, high=1))
    assert infer_node(Cummax(), (unit,)).outputs[0].facts.is_cdf("bin")
