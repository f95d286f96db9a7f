"""Reductions: agreement over random axes, what facts survive, ties, and how a metric accumulates."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from netspec.ir.facts import Facts
from netspec.ir.op import Op, infer_node
from netspec.ir.problem import Problem
from netspec.ir.types import TensorType, tensor
from netspec.ops.distribution_loss import Crps
from netspec.ops.metric import Accuracy
from netspec.ops.reduce import Amax, Amin, Mean, Sum
from netspec.ops.regression_loss import Mse
from tests.conformance.case import Numbers, candidate, case, reference
from tests.conformance.harness import check_agreement, check_facts, check_shapes
from tests.ops.strategies import seeds, tensors


@given(data=st.data(), kind=st.sampled_from([Mean, Sum, Amax, Amin]), x=tensors(least=0), seed=seeds)
def test_numpy_and_torch_agree_over_any_axes(
    data: st.DataObject, kind: type[Mean | Sum | Amax | Amin], x: TensorType, seed: int
) -> None:
    words = data.draw(st.none() | st.lists(st.sampled_from(x.names), min_size=1, unique=True).map(tuple))
    use = case(kind(axis=words), x)
    check_shapes(use, seed)
    check_facts(use, seed)
    check_agreement(use, seed)


@pytest.mark.parametrize("op", [Amax(), Amin(axis="channel")])
def test_elements_that_share_an_extreme_share_its_gradient(op: Op) -> None:
    use = case(op, tensor(batch=1, channel=3))
    drawn = Numbers((np.array([[2.0, 2.0, 2.0]]),))
    pull = (np.ones(tuple(int(size) for size in use.inferred.outputs[0].sizes)),)
    ours, theirs = reference(use, drawn, pull, "eval"), candidate(use, drawn, pull, "eval")
    assert np.allclose(ours.inputs[0], 1 / 3, rtol=1e-15)
    assert np.array_equal(ours.inputs[0], theirs.inputs[0])


def outcome(op: Op, *types: TensorType) -> TensorType:
    return infer_node(op, types).outputs[0]


def test_a_mean_over_samples_of_distribution_functions_is_one() -> None:
    curves = tensor(batch=2, sample="S", bin=5, facts=Facts(low=0, high=1, nondecreasing="bin"))
    y = outcome(Mean(axis="sample"), curves)
    assert y.names == ("batch", "bin")
    assert y.facts.is_cdf("bin")
    assert not outcome(Mean(axis="bin"), curves).facts.nondecreasing


def test_a_mean_over_everything_is_one_number_in_the_same_unit() -> None:
    y = outcome(Mean(), tensor(batch="N", unit="ml", facts=Facts(low=0, high=600)))
    assert (y.rank, y.unit, y.facts) == (0, "ml", Facts(low=0, high=600))


def test_a_sum_over_a_free_size_keeps_the_bound_that_its_sign_gives() -> None:
    y = outcome(Sum(axis="slice"), tensor(batch=2, slice="S", facts=Facts(low=2, high=3)))
    assert y.facts == Facts(low=2)


def test_a_list_is_a_tuple_and_a_number_is_no_axis() -> None:
    assert Mean.model_validate({"axis": ["bin", "sample"]}) == Mean(axis=("bin", "sample"))
    with pytest.raises(ValidationError):
        Mean.model_validate({"axis": 1})


def test_the_mean_of_a_mask_is_the_fraction_that_holds() -> None:
    use = case(Mean(), tensor("bool", batch=4, facts=Facts(low=0, high=1, mask=True)))
    drawn = Numbers((np.array([True, False, True, True]),))
    ours = reference(use, drawn, (np.ones(()),), "eval").outputs[0]
    assert ours == candidate(use, drawn, (np.ones(()),), "eval").outputs[0] == 0.75


def test_ops_tell_how_they_reduce_the_batch() -> None:
    assert Mean().reduces == Mean(axis=("bin", "batch")).reduces == "mean"
    assert Mean(axis="bin").reduces is None
    assert (Sum().reduces, Amax().reduces, Amin(axis="batch").reduces) == ("sum", "max", "min")
    assert Mean().per_sample() is None
    assert Crps().reduces == "mean"
    assert Crps(reduction="sum").reduces == "sum"
    assert Mse(reduction="none").reduces is None
    assert Accuracy(k=3).per_sample() == Accuracy(k=3, reduction="none")


@given(seed=seeds, cuts=st.lists(st.integers(1, 3), min_size=1, max_size=4))
def test_sums_and_weights_of_batches_make_the_value_of_the_whole(seed: int, cuts: list[int]) -> None:
    total = sum(cuts)
    whole = case(Crps(), *_curve_and_target(total))
    rng = np.random.default_rng(seed)
    cdf, target = np.sort(rng.uniform(size=(total, 6)), axis=1), rng.uniform(0, 5, total)
    value = reference(whole, Numbers((cdf, target)), (np.ones(()),), "eval").outputs[0]
    sums, weight = 0.0, 0
    for start, size in zip(np.cumsum([0, *cuts[:-1]]), cuts, strict=True):
        each = Crps().per_sample()
        assert each is not None
        part = case(each, *_curve_and_target(size))
        drawn = Numbers((cdf[start : start + size], target[start : start + size]))
        values = reference(part, drawn, (np.ones(size),), "eval").outputs[0]
        sums, weight = sums + float(values.sum()), weight + values.size
    assert abs(sums / weight - value) <= 1e-15 * total


def _curve_and_target(size: int) -> tuple[TensorType, TensorType]:
    cdf = tensor(batch=size, bin=6, facts=Facts(low=0, high=1, nondecreasing="bin"))
    return cdf, tensor(batch=size, facts=Facts(low=0, high=5))


@given(
    seed=seeds,
    slices=st.integers(1, 4),
    features=st.integers(1, 3),
    kind=st.sampled_from([Mean, Sum, Amax, Amin]),
)
def test_a_mask_leaves_what_it_hides_out(
    seed: int, slices: int, features: int, kind: type[Mean | Sum | Amax | Amin]
) -> None:
    rng = np.random.default_rng(seed)
    x, present = rng.normal(size=(3, slices, features)), rng.integers(0, 2, (3, slices)).astype(bool)
    x[~present] = np.nan  # what is hidden may be anything
    types = (
        tensor(batch=3, slice=slices, feature=features),
        tensor("bool", batch=3, slice=slices, facts=Facts(low=0, high=1, mask=True)),
    )
    use, drawn = case(kind(axis="slice"), *types), Numbers((x, present))
    pull = (np.ones((3, features)),)
    ours, theirs = reference(use, drawn, pull, "eval"), candidate(use, drawn, pull, "eval")
    plain = getattr(np, {Mean: "mean", Sum: "sum", Amax: "max", Amin: "min"}[kind])
    for row, mask, got in zip(x, present, ours.outputs[0], strict=True):
        expected = plain(row[mask], axis=0) if mask.any() else np.zeros(features)
        assert got == pytest.approx(expected, rel=1e-14, abs=1e-15)
    assert np.allclose(ours.outputs[0], theirs.outputs[0], rtol=1e-14, atol=1e-15)
    for back in (ours.inputs[0], theirs.inputs[0]):
        assert np.all(back[~present] == 0)
        assert np.allclose(back, ours.inputs[0], rtol=1e-14, atol=0)


def test_the_mean_of_nothing_is_nothing_and_its_bounds_know_it() -> None:
    present = tensor("bool", batch=2, slice=3, facts=Facts(low=0, high=1, mask=True))
    x = tensor(batch=2, slice=3, facts=Facts(low=2, high=5))
    (y,) = infer_node(Mean(axis="slice"), (x, present)).outputs
    assert (y.facts.low, y.facts.high) == (0, 5)
    shares = tensor(batch=2, slice=3, bin=4, facts=Facts(low=0, high=1, sums_to_one="bin"))
    (y,) = infer_node(Mean(axis="slice"), (shares, present)).outputs
    assert y.facts.sums_to_one is None
    curves = tensor(batch=2, slice=3, bin=4, facts=Facts(low=0, high=1, nondecreasing="bin"))
    (y,) = infer_node(Mean(axis="slice"), (curves, present)).outputs
    assert y.facts.is_cdf("bin")


def test_a_hidden_extreme_over_the_batch_has_no_total() -> None:
    with pytest.raises(Problem) as caught:
        Amax().per_sample(2)
    assert caught.value.code == "NS295"
    assert "where(present, x, 0)" in caught.value.help
