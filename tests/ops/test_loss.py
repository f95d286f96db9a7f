"""Losses: agreement with torch, edges, the published identities of CRPS, and what each refuses."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from netspec.ir.facts import Facts
from netspec.ir.op import Op, infer_node
from netspec.ir.problem import Problem
from netspec.ir.types import TensorType, tensor
from netspec.ops.binary_loss import Bce, BceWithLogits
from netspec.ops.class_loss import CrossEntropy, Nll
from netspec.ops.distribution_loss import Crps
from netspec.ops.metric import Accuracy
from netspec.ops.regression_loss import L1, Mse
from tests.conformance.case import Numbers, Result, candidate, case, reference
from tests.conformance.harness import check, check_agreement, check_facts, check_shapes
from tests.ops.strategies import seeds, typed

Floats = NDArray[np.float64]
Array = NDArray[np.float64] | NDArray[np.int64]
UNIT = Facts(low=0, high=1)
BINS = 600

reductions = st.sampled_from(["mean", "sum", "none"])
spaces = st.lists(st.integers(1, 3), min_size=0, max_size=2)


def axes(batch: int, space: list[int], second: dict[str, int] | None = None) -> dict[str, int]:
    names = zip(("height", "width"), space, strict=False)
    return {"batch": batch} | (second or {}) | dict(names)


@given(
    kind=st.sampled_from([Bce, BceWithLogits, Mse, L1]),
    batch=st.integers(1, 3),
    space=spaces,
    reduction=reductions,
    seed=seeds,
)
def test_numpy_and_torch_agree_on_losses_of_elements(
    kind: type[Bce | BceWithLogits | Mse | L1], batch: int, space: list[int], reduction: str, seed: int
) -> None:
    use = case(
        kind.model_validate({"reduction": reduction}),
        typed(axes(batch, space), UNIT if kind is Bce else Facts()),
        typed(axes(batch, space), UNIT),
    )
    check_shapes(use, seed)
    check_facts(use, seed)
    check_agreement(use, seed)


@given(
    kind=st.sampled_from([CrossEntropy, Nll]),
    batch=st.integers(1, 3),
    classes=st.integers(2, 4),
    space=spaces,
    reduction=reductions,
    seed=seeds,
)
def test_numpy_and_torch_agree_on_losses_of_classes(
    kind: type[CrossEntropy | Nll], batch: int, classes: int, space: list[int], reduction: str, seed: int
) -> None:
    facts = Facts(high=0, log_probabilities="channel") if kind is Nll else Facts()
    scores = typed(axes(batch, space, {"channel": classes}), facts)
    label = TensorType(
        typed(axes(batch, space)).axes, "int64", Facts(low=0, high=classes - 1, classes=classes)
    )
    check(case(kind.model_validate({"reduction": reduction}), scores, label), seed)


@given(batch=st.integers(1, 3), space=spaces, bins=st.integers(1, 6), reduction=reductions, seed=seeds)
def test_numpy_and_torch_agree_on_crps(
    batch: int, space: list[int], bins: int, reduction: str, seed: int
) -> None:
    sizes = axes(batch, space)
    use = case(
        Crps.model_validate({"reduction": reduction}),
        typed(sizes | {"bin": bins}, Facts(low=0, high=1, nondecreasing="bin")),
        typed(sizes, Facts(low=0, high=bins - 1)),
    )
    check_shapes(use, seed)
    check_facts(use, seed)
    check_agreement(use, seed)


def crps(cdf: Floats, volume: float) -> float:
    """The reference's CRPS of one curve."""
    kind = tensor(batch=1, bin=len(cdf), facts=Facts(low=0, high=1, nondecreasing="bin"))
    use = case(Crps(), kind, tensor(batch=1, facts=Facts(low=0, high=len(cdf) - 1)))
    drawn = Numbers((np.asarray(cdf, dtype=np.float64)[np.newaxis], np.array([volume])))
    return float(reference(use, drawn, (np.ones(()),), "eval").outputs[0])


def staircase(at: float) -> Floats:
    return (np.arange(BINS) >= at).astype(np.float64)


@given(st.floats(0, BINS - 1))
def test_saying_never_or_always_costs_the_bins_beyond_or_below(volume: float) -> None:
    assert crps(np.zeros(BINS), volume) == pytest.approx((BINS - math.ceil(volume)) / BINS)
    assert crps(np.ones(BINS), volume) == pytest.approx(math.ceil(volume) / BINS)


def test_the_known_scores_of_constant_answers_come_out() -> None:
    """The public labels have a mean of 114.6 ml: all zeros score 0.809, all ones 0.191."""
    assert round(crps(np.zeros(BINS), 114.6), 3) == 0.808
    assert round(crps(np.ones(BINS), 114.6), 3) == 0.192


@given(st.floats(0, BINS - 1))
def test_a_ramp_costs_its_two_triangles(volume: float) -> None:
    cut = math.ceil(volume)
    squares = [
        n * (n + 1) * (2 * n + 1) / 6 for n in (cut - 1, BINS - 1 - cut)
    ]  # sums of the first n squares
    expected = sum(squares) / (BINS - 1) ** 2 / BINS
    assert crps(np.arange(BINS) / (BINS - 1), volume) == pytest.approx(expected)


@given(st.floats(0, BINS - 1), st.floats(0, BINS - 1))
def test_a_single_guess_costs_its_distance_in_whole_bins(guess: float, volume: float) -> None:
    expected = abs(math.ceil(guess) - math.ceil(volume)) / BINS
    assert crps(staircase(guess), volume) == pytest.approx(expected)


@given(seed=seeds, bins=st.integers(1, 40), data=st.data())
def test_crps_is_the_integral_of_its_definition(seed: int, bins: int, data: st.DataObject) -> None:
    """The curve is constant between whole numbers, and so is the step of a whole number: midpoints integrate both."""
    volume = data.draw(st.integers(0, bins - 1))
    cdf = np.sort(np.random.default_rng(seed).uniform(size=bins))
    middles = (np.arange(4 * bins) + 0.5) / 4
    integral = np.sum((cdf[middles.astype(int)] - (middles >= volume)) ** 2) / 4
    assert crps(cdf, float(volume)) == pytest.approx(integral / bins, rel=1e-12)


@given(seed=seeds, bins=st.integers(1, 40), data=st.data())
def test_crps_is_the_expected_distance_less_half_the_spread(
    seed: int, bins: int, data: st.DataObject
) -> None:
    """Gneiting and Raftery (2007), equation 21: E|X - y| - E|X - X'| / 2, for X on the bins."""
    volume = data.draw(st.integers(0, bins - 1))
    p = np.random.default_rng(seed).dirichlet(np.ones(bins))
    n = np.arange(bins)
    expected = p @ abs(n - volume) - p @ abs(n[:, np.newaxis] - n) @ p / 2
    cdf = np.minimum(np.cumsum(p), 1)
    assert crps(cdf, float(volume)) * bins == pytest.approx(expected, rel=1e-9, abs=1e-9)


@given(st.integers(250, 350), st.floats(12, 40))
def test_a_normal_curve_costs_what_its_closed_form_says(middle: int, sigma: float) -> None:
    """Gneiting et al., Mon. Weather Rev. 133 (2005), eq. 5; a value half way between bins splits both sides evenly."""
    volume, normal = middle + 0.5, NormalDist()
    z = (volume - 300) / sigma
    closed = sigma * (z * (2 * normal.cdf(z) - 1) + 2 * normal.pdf(z) - 1 / math.sqrt(math.pi))
    cdf = np.array([NormalDist(300, sigma).cdf(n) for n in range(BINS)])
    assert crps(cdf, volume) * BINS == pytest.approx(closed, rel=2e-3)


def test_a_calibrated_normal_curve_costs_its_deviation_over_1063_5() -> None:
    spread = NormalDist(300, 20)
    cdf = np.array([spread.cdf(n) for n in range(BINS)])
    volumes = [spread.inv_cdf((i + 0.5) / 400) for i in range(400)]
    assert np.mean([crps(cdf, volume) for volume in volumes]) == pytest.approx(20 / 1063.5, rel=5e-3)


def run_both(op: Op, types: tuple[TensorType, ...], *arrays: Array) -> tuple[Result, Result]:
    use = case(op, *types)
    drawn = Numbers(arrays)
    pull = tuple(np.ones([int(size) for size in one.sizes]) for one in use.inferred.outputs)
    return reference(use, drawn, pull, "eval"), candidate(use, drawn, pull, "eval")


def test_bce_at_its_ends_is_held_as_torch_holds_it() -> None:
    kind = tensor(batch=4, facts=UNIT)
    ours, theirs = run_both(
        Bce(reduction="none"), (kind, kind), np.array([0.0, 1.0, 0.0, 1e-300]), np.array([1.0, 0.0, 0.0, 1.0])
    )
    assert ours.outputs[0].tolist() == [100, 100, 0, 100]
    for left, right in zip((*ours.outputs, *ours.inputs), (*theirs.outputs, *theirs.inputs), strict=True):
        assert np.allclose(left, right, rtol=1e-15, atol=0)


def test_logits_of_any_size_give_finite_losses() -> None:
    x = np.array([-1e4, -50.0, 0.0, 50.0, 1e4])
    ours, theirs = run_both(
        BceWithLogits(reduction="none"),
        (tensor(batch=5), tensor(batch=5, facts=UNIT)),
        x,
        np.array([0, 1, 0.5, 0, 1.0]),
    )
    assert np.allclose(ours.outputs[0], [0, 50, math.log(2), 50, 0], rtol=1e-12)
    assert np.allclose(ours.inputs[0], theirs.inputs[0], rtol=1e-14, atol=1e-300)
    scores = np.array([[1e4, -1e4], [-1e4, 1e4]])
    kinds = (tensor(batch=2, feature=2), tensor("int64", batch=2))
    ours, theirs = run_both(CrossEntropy(reduction="none"), kinds, scores, np.array([0, 0]))
    assert ours.outputs[0].tolist() == theirs.outputs[0].tolist() == [0, 2e4]


def test_the_absolute_error_has_no_slope_where_there_is_none() -> None:
    ours, theirs = run_both(
        L1(reduction="sum"), (tensor(batch=2),) * 2, np.array([1.0, 2.0]), np.array([1.0, 1.0])
    )
    assert ours.inputs[0].tolist() == theirs.inputs[0].tolist() == [0, 1]


@given(seed=seeds, batch=st.integers(1, 4), classes=st.integers(2, 5), data=st.data())
def test_accuracy_counts_the_right_class_among_the_highest(
    seed: int, batch: int, classes: int, data: st.DataObject
) -> None:
    k = data.draw(st.integers(1, classes))
    rng = np.random.default_rng(seed)
    scores, label = rng.integers(0, 3, (batch, classes)).astype(float), rng.integers(0, classes, batch)
    kinds = (tensor(batch=batch, feature=classes), tensor("int64", batch=batch))
    ours, theirs = run_both(Accuracy(k=k), kinds, scores, label)
    best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    expected = np.mean([right in row for row, right in zip(best, label, strict=True)])
    assert ours.outputs[0] == pytest.approx(expected)
    assert theirs.outputs[0] == pytest.approx(expected)


def test_a_network_that_says_nothing_is_not_praised() -> None:
    kinds = (tensor(batch=4, feature=2), tensor("int64", batch=4))
    label = np.array([0, 1, 0, 1])
    for scores, expected in ((np.zeros((4, 2)), 0.5), (np.full((4, 2), np.nan), 0.0)):
        ours, theirs = run_both(Accuracy(), kinds, scores, label)
        assert ours.outputs[0] == theirs.outputs[0] == expected


def refused(op: Op, *types: TensorType) -> Problem:
    with pytest.raises(Problem) as caught:
        infer_node(op, types)
    return caught.value


def test_a_prediction_never_spreads_over_its_target() -> None:
    rows, column, value = tensor(batch="N", bin=600), tensor(batch="N", bin=1), tensor(batch="N")
    assert refused(Mse(), rows, column).code == "NS251"
    assert refused(Mse(), rows, value).code == "NS250"
    problem = refused(Mse(), column, value)
    assert problem.code == "NS250"
    assert "squeeze: bin" in problem.help


def test_a_head_that_already_ended_is_told_which_loss_it_wants() -> None:
    label = tensor("int64", batch="N", facts=Facts(low=0, high=9, classes=10))
    unit = tensor(batch="N", feature=10, facts=UNIT)
    shares = tensor(batch="N", feature=10, facts=Facts(low=0, high=1, sums_to_one="feature"))
    logs = tensor(batch="N", feature=10, facts=Facts(high=0, log_probabilities="feature"))
    raw = tensor(batch="N", feature=10)
    assert "softmax" in refused(CrossEntropy(), shares, label).help
    assert "nll" in refused(CrossEntropy(), logs, label).help
    assert "cross_entropy" in refused(Nll(), raw, label).help
    assert "bce_with_logits" in refused(Bce(), raw, unit).help
    assert "sigmoid" in refused(BceWithLogits(), unit, unit).help
    (warning,) = infer_node(CrossEntropy(), (unit, label)).warnings
    assert warning.code == "NS331"


def test_class_counts_that_differ_show_both_numbers() -> None:
    label = tensor("int64", batch="N", facts=Facts(low=0, high=9, classes=10))
    problem = refused(CrossEntropy(), tensor(batch="N", feature=7), label)
    assert problem.code == "NS317"
    assert "`7`" in problem.message
    assert "`10`" in problem.message
    inferred = infer_node(CrossEntropy(), (tensor(batch="N", feature="C"), label))
    assert [(str(one.left), str(one.right)) for one in inferred.constraints] == [("C", "10")]


def test_a_curve_that_may_fall_is_told_and_cured_by_one_layer() -> None:
    volume = tensor(batch="N", unit="ml", facts=Facts(low=0, high=599))
    (warning,) = infer_node(Crps(), (tensor(batch="N", feature=600, facts=UNIT), volume)).warnings
    assert (warning.code, warning.append) == ("NS320", "cummax")
    shares = tensor(batch="N", bin=600, facts=Facts(low=0, high=1, sums_to_one="bin"))
    assert "cumsum: bin" in refused(Crps(), shares, volume).help
    cdf = tensor(batch="N", bin=600, facts=Facts(low=0, high=1, nondecreasing="bin"))
    assert not infer_node(Crps(), (cdf, volume)).warnings


def test_a_loss_in_a_unit_says_which() -> None:
    ml = tensor(batch="N", unit="ml")
    assert infer_node(L1(), (ml, tensor(batch="N"))).outputs[0].unit == "ml"
    assert refused(L1(), ml, tensor(batch="N", unit="mm")).code == "NS311"
