"""Losses that weigh hard cases, both kinds of mistakes, or a whole distribution: definitions, limits and extremes."""

from __future__ import annotations

import math
from dataclasses import replace
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - the name that everybody gives it
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from netspec.ir.facts import Facts
from netspec.ir.op import Op, infer_node
from netspec.ir.problem import Problem
from netspec.ir.types import TensorType, tensor
from netspec.ops.binary_loss import BceWithLogits, SigmoidFocal
from netspec.ops.class_loss import Focal
from netspec.ops.distribution_loss import Crps, CrpsNormal, KlDiv
from netspec.ops.overlap import DiceLoss, JaccardLoss, TverskyLoss
from netspec.ops.regression_loss import PoissonNll
from tests.conformance.case import Numbers, Result, candidate, case, reference
from tests.conformance.harness import check_agreement
from tests.ops.strategies import seeds, typed

Array = NDArray[Any]
UNIT = Facts(low=0, high=1)
SHARES = Facts(low=0, high=1, sums_to_one="channel")
reductions = st.sampled_from(["mean", "sum", "none"])


def both(op: Op, types: tuple[TensorType, ...], *arrays: Array) -> tuple[Result, Result]:
    """The results of the reference and of the torch backend, with ones as gradient, in the kind of the numbers."""
    use, drawn = case(op, *types), Numbers(arrays)
    kind = next(x.dtype for x in arrays if x.dtype.kind == "f")
    pull = tuple(np.ones([int(size) for size in one.sizes], kind) for one in use.inferred.outputs)
    return reference(use, drawn, pull, "eval"), candidate(use, drawn, pull, "eval")


def value(op: Op, types: tuple[TensorType, ...], *arrays: Array) -> Array:
    """The value that both backends agree on, after their gradients were found to agree."""
    ours, theirs = both(op, types, *arrays)
    assert np.allclose(ours.outputs[0], theirs.outputs[0], rtol=1e-12, atol=1e-13)
    for left, right in zip(ours.inputs, theirs.inputs, strict=True):
        assert np.allclose(left, right, rtol=1e-10, atol=1e-12)
    return ours.outputs[0]


def labels(classes: int, **axes: int) -> TensorType:
    return replace(typed(axes), dtype="int64", facts=Facts(low=0, high=classes - 1, classes=classes))


# ------------------------------------------------------------------------------------------------------ hard cases


@given(
    seed=seeds,
    gamma=st.sampled_from([0.0, 0.5, 1.0, 2.0, 5.0]),
    alpha=st.none() | st.floats(0, 1),
    reduction=reductions,
)
def test_the_binary_focal_loss_is_the_one_of_torchvision(
    seed: int, gamma: float, alpha: float | None, reduction: str
) -> None:
    """Written as `torchvision.ops.sigmoid_focal_loss` writes it, with an alpha below 0 where none is given."""
    rng = np.random.default_rng(seed)
    x, t = rng.normal(scale=3, size=(3, 4)), rng.integers(0, 2, (3, 4)).astype(float)
    kinds = tensor(batch=3, channel=4), tensor(batch=3, channel=4, facts=UNIT)
    op = SigmoidFocal.model_validate({"gamma": gamma, "alpha": alpha, "reduction": reduction})
    a, b = torch.tensor(x), torch.tensor(t)
    p = torch.sigmoid(a)
    right = p * b + (1 - p) * (1 - b)
    each = F.binary_cross_entropy_with_logits(a, b, reduction="none") * (1 - right) ** gamma
    if alpha is not None:
        each = (alpha * b + (1 - alpha) * (1 - b)) * each
    expected = {"mean": each.mean(), "sum": each.sum(), "none": each}[reduction]
    assert np.allclose(value(op, kinds, x, t), expected.numpy(), rtol=1e-11, atol=1e-13)


@given(seed=seeds)
def test_the_binary_focal_loss_without_a_power_is_the_binary_cross_entropy(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, t = rng.normal(scale=4, size=(2, 3)), rng.uniform(size=(2, 3))
    kinds = tensor(batch=2, channel=3), tensor(batch=2, channel=3, facts=UNIT)
    plain = value(BceWithLogits(), kinds, x, t)
    assert value(SigmoidFocal(gamma=0.0, alpha=None), kinds, x, t) == pytest.approx(float(plain), rel=1e-12)
    assert value(SigmoidFocal(gamma=0.0, alpha=0.5), kinds, x, t) == pytest.approx(
        float(plain) / 2, rel=1e-12
    )


@pytest.mark.parametrize("gamma", [0.0, 0.25, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_certain_answers_leave_finite_gradients_whatever_the_power(gamma: float, kind: type[Any]) -> None:
    """A root has no slope at 0: a sample that is sure and right once sent NaN to all weights."""
    logits = np.array([[200.0, -200.0], [-200.0, 200.0], [0.5, -0.5], [0.0, 120.0]], kind)
    right = np.array([0, 0, 0, 1])
    binary = tensor(batch=4, channel=2), tensor(batch=4, channel=2, facts=UNIT)
    runs = [
        *both(Focal(gamma=gamma), (tensor(batch=4, channel=2), labels(2, batch=4)), logits, right),
        *both(SigmoidFocal(gamma=gamma), binary, logits, np.eye(2, dtype=kind)[right]),
        *both(SigmoidFocal(gamma=gamma), binary, logits, np.full((4, 2), 0.25, kind)),
    ]
    for one in runs:
        assert one.outputs[0].dtype == kind
        assert np.isfinite(one.outputs[0]).all()
        assert np.isfinite(one.inputs[0]).all()
    for ours, theirs in zip(runs[::2], runs[1::2], strict=True):
        assert np.allclose(ours.inputs[0], theirs.inputs[0], rtol=1e-4, atol=1e-30)


def test_a_sigmoid_before_the_binary_focal_loss_is_refused() -> None:
    unit = tensor(batch="N", channel=3, facts=UNIT)
    with pytest.raises(Problem) as caught:
        infer_node(SigmoidFocal(), (unit, unit))
    assert caught.value.code == "NS315"
    assert caught.value.help == "remove the `sigmoid`"


# -------------------------------------------------------------------------------------------------------- overlaps


@given(seed=seeds, smooth=st.sampled_from([0.5, 1.0]), reduction=reductions)
def test_dice_and_jaccard_are_tversky_with_equal_mistakes(seed: int, smooth: float, reduction: str) -> None:
    rng = np.random.default_rng(seed)
    p, t = np.moveaxis(rng.dirichlet(np.ones(3), (2, 4, 3)), -1, 1), rng.integers(0, 3, (2, 4, 3))
    kinds = tensor(batch=2, channel=3, height=4, width=3, facts=SHARES), labels(3, batch=2, height=4, width=3)
    how = {"reduction": reduction}
    halves = TverskyLoss.model_validate({**how, "alpha": 0.5, "beta": 0.5, "smooth": smooth})
    dice = DiceLoss.model_validate({**how, "smooth": 2 * smooth})
    assert np.allclose(value(halves, kinds, p, t), value(dice, kinds, p, t), rtol=1e-12)
    wholes = TverskyLoss.model_validate({**how, "alpha": 1.0, "beta": 1.0, "smooth": smooth})
    jaccard = JaccardLoss.model_validate({**how, "smooth": smooth})
    assert np.allclose(value(wholes, kinds, p, t), value(jaccard, kinds, p, t), rtol=1e-12)


# Where both weights are nearly 0 the index is nearly 1: one minus it is rounding alone, and a root makes that larger.
counted = st.floats(0.05, 2)


@given(seed=seeds, alpha=counted, beta=counted, gamma=st.sampled_from([0.5, 1.0, 0.75, 2.0]))
def test_tversky_counts_what_is_said_and_what_is_missed_apart(
    seed: int, alpha: float, beta: float, gamma: float
) -> None:
    rng = np.random.default_rng(seed)
    p, t = rng.uniform(size=(2, 3, 4)), rng.integers(0, 2, (2, 3, 4)).astype(bool)
    kinds = (
        tensor(batch=2, height=3, width=4, facts=UNIT),
        tensor("bool", batch=2, height=3, width=4, facts=Facts(low=0, high=1, mask=True)),
    )
    op = TverskyLoss(alpha=alpha, beta=beta, gamma=gamma, smooth=1.0, reduction="none")
    right, said, missed = (x.sum(axis=(1, 2)) for x in (p * t, p * ~t, (1 - p) * t))
    expected = (1 - (right + 1) / (right + alpha * said + beta * missed + 1)) ** gamma
    assert np.allclose(value(op, kinds, p, t), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_a_perfect_overlap_has_a_finite_gradient_in_the_focal_form(kind: type[Any]) -> None:
    t = np.zeros((1, 4, 4), bool)
    t[:, :2] = True
    kinds = (
        tensor(batch=1, height=4, width=4, facts=UNIT),
        tensor("bool", batch=1, height=4, width=4, facts=Facts(low=0, high=1, mask=True)),
    )
    for one in both(TverskyLoss(alpha=0.3, beta=0.7, gamma=0.75), kinds, t.astype(kind), t):
        assert one.outputs[0] == 0
        assert not one.inputs[0].any()


# --------------------------------------------------------------------------------------------------- distributions


def closed(mu: Array, sigma: Array, target: Array) -> Array:
    """What both backends agree on for each sample."""
    size = len(mu)
    kinds = tensor(batch=size), tensor(batch=size, facts=Facts(low=0)), tensor(batch=size)
    return value(CrpsNormal(reduction="none"), kinds, mu, sigma, target)


@given(seed=seeds, sigma=st.floats(12, 40), whole=st.integers(250, 350))
def test_the_binned_score_of_a_normal_curve_goes_to_the_closed_form(
    seed: int, sigma: float, whole: int
) -> None:
    """Euler and Maclaurin say how far a sum over bins is from the integral where the curve meets the step at y:
    `(1 - 2 * F(y)) / 2 + F'(y) / 6`, and the next term is below `1.2e-3 / sigma ** 3`.
    """
    mu = float(np.random.default_rng(seed).uniform(290, 310))
    curve = NormalDist(mu, sigma)
    cdf = np.array([[curve.cdf(n) for n in range(600)]])
    kinds = (
        tensor(batch=1, bin=600, facts=Facts(low=0, high=1, nondecreasing="bin")),
        tensor(batch=1, facts=Facts(low=0, high=599)),
    )
    binned = 600 * float(value(Crps(), kinds, cdf, np.array([float(whole)])))
    corrected = binned - (1 - 2 * curve.cdf(whole)) / 2 - curve.pdf(whole) / 6
    exact = float(closed(np.array([mu]), np.array([sigma]), np.array([float(whole)]))[0])
    assert corrected == pytest.approx(exact, rel=0, abs=1.2e-3 / sigma**3 + 1e-9)


@given(mu=st.floats(-50, 50), sigma=st.floats(0.1, 20), target=st.floats(-50, 50))
def test_the_closed_form_is_the_expected_distance_less_half_the_spread(
    mu: float, sigma: float, target: float
) -> None:
    """E|X - y| - E|X - X'| / 2 (Gneiting and Raftery 2007, eq. 21), both known of normal numbers."""
    z, normal = (target - mu) / sigma, NormalDist()
    distance = sigma * (2 * normal.pdf(z) + z * (2 * normal.cdf(z) - 1))
    expected = distance - sigma / math.sqrt(math.pi)
    got = closed(np.array([mu]), np.array([sigma]), np.array([target]))[0]
    assert got == pytest.approx(expected, rel=1e-9, abs=1e-11 * (1 + abs(target - mu)))


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_a_spread_that_vanishes_leaves_the_absolute_error_and_finite_gradients(kind: type[Any]) -> None:
    mu = np.array([0.0, 3.0, 1.0, -2e4, 5.0], kind)
    sigma = np.array([0.0, 0.0, 1e-30, 1e-3, 1e4], kind)
    target = np.array([0.0, 1.0, 1.0, 3e4, 5.0], kind)
    kinds = tensor(batch=5), tensor(batch=5, facts=Facts(low=0)), tensor(batch=5)
    for one in both(CrpsNormal(reduction="none"), kinds, mu, sigma, target):
        assert one.outputs[0].dtype == kind
        assert np.allclose(one.outputs[0][:4], [0, 2, 0, 5e4], rtol=1e-6)
        assert all(np.isfinite(g).all() for g in one.inputs)
        assert np.allclose(one.inputs[0], [0, 1, 0, -1, 0], atol=1e-6)


def test_a_closed_form_has_the_unit_of_what_it_measures() -> None:
    ml = tensor(batch="N", unit="ml")
    inferred = infer_node(CrpsNormal(), (ml, tensor(batch="N"), ml))
    assert inferred.outputs[0].unit == "ml"
    assert [one.code for one in inferred.warnings] == ["NS327"]


@given(seed=seeds, classes=st.integers(2, 4), reduction=reductions)
def test_a_divergence_of_logarithms_is_that_of_pytorch_and_of_shares(
    seed: int, classes: int, reduction: str
) -> None:
    rng = np.random.default_rng(seed)
    p, t = (rng.dirichlet(np.ones(classes), 3) for _ in range(2))
    logs = tensor(batch=3, channel=classes, facts=Facts(high=0, log_probabilities="channel"))
    how = {"reduction": reduction}
    got = value(KlDiv.model_validate({**how, "log_target": True}), (logs, logs), np.log(p), np.log(t))
    each = F.kl_div(torch.tensor(np.log(p)), torch.tensor(np.log(t)), log_target=True, reduction="none").sum(
        1
    )
    expected = {"mean": each.mean(), "sum": each.sum(), "none": each}[reduction]
    assert np.allclose(got, expected.numpy(), rtol=1e-11, atol=1e-13)
    shares = tensor(batch=3, channel=classes, facts=SHARES)
    plain = value(KlDiv.model_validate(how), (logs, shares), np.log(p), t)
    assert np.allclose(got, plain, rtol=1e-9, atol=1e-12)


@given(seed=seeds, log_input=st.booleans(), reduction=reductions)
def test_the_whole_poisson_loss_is_that_of_pytorch(seed: int, log_input: bool, reduction: str) -> None:
    rng = np.random.default_rng(seed)
    x, t = rng.uniform(0.25, 3, (3, 2)), rng.integers(0, 6, (3, 2)).astype(float)
    kinds = tensor(batch=3, feature=2, facts=Facts(low=0)), tensor(batch=3, feature=2, facts=Facts(low=0))
    op = PoissonNll.model_validate({"log_input": log_input, "full": True, "reduction": reduction})
    expected = F.poisson_nll_loss(
        torch.tensor(x), torch.tensor(t), log_input=log_input, full=True, reduction=reduction
    )
    ours, theirs = both(op, kinds, x, t)
    for one in (ours, theirs):
        assert np.allclose(one.outputs[0], expected.numpy(), rtol=1e-12)
        assert all(np.isfinite(g).all() for g in one.inputs)
    check_agreement(case(op, *kinds), seed)
