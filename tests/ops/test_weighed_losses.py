"""Losses with weights, of measured numbers and of regions: as PyTorch has them, identities, and what each refuses."""

from __future__ import annotations

from dataclasses import replace
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
from netspec.ops.binary_loss import Bce, BceWithLogits
from netspec.ops.class_loss import CrossEntropy, Focal, Nll
from netspec.ops.distribution_loss import Crps, KlDiv
from netspec.ops.overlap import Dice, DiceLoss, JaccardLoss
from netspec.ops.regression_loss import L1, GaussianNll, Huber, Mse, Pinball, PoissonNll, SmoothL1
from tests.conformance.case import Numbers, Result, candidate, case, reference
from tests.conformance.harness import check_agreement
from tests.ops.strategies import seeds, typed

Array = NDArray[Any]
UNIT = Facts(low=0, high=1)
reductions = st.sampled_from(["mean", "sum", "none"])


def both(op: Op, types: tuple[TensorType, ...], *arrays: Array) -> tuple[Result, Result]:
    """The results of the reference and of the torch backend, with ones as gradient."""
    use, drawn = case(op, *types), Numbers(arrays)
    pull = tuple(np.ones([int(size) for size in one.sizes]) for one in use.inferred.outputs)
    return reference(use, drawn, pull, "eval"), candidate(use, drawn, pull, "eval")


def value(op: Op, types: tuple[TensorType, ...], *arrays: Array) -> Array:
    """The value that both backends agree on."""
    ours, theirs = both(op, types, *arrays)
    assert np.allclose(ours.outputs[0], theirs.outputs[0], rtol=1e-12, atol=1e-13, equal_nan=True)
    for left, right in zip(ours.inputs, theirs.inputs, strict=True):
        assert np.allclose(left, right, rtol=1e-10, atol=1e-12, equal_nan=True)
    return ours.outputs[0]


def label_type(classes: int, **axes: int) -> TensorType:
    return replace(typed(axes), dtype="int64", facts=Facts(low=0, high=classes - 1, classes=classes))


@given(
    seed=seeds,
    batch=st.integers(1, 4),
    classes=st.integers(2, 4),
    reduction=reductions,
    ignored=st.none() | st.integers(0, 1),
    weighed=st.booleans(),
    smoothing=st.sampled_from([0.0, 0.1, 0.5]),
)
def test_class_weights_ignored_classes_and_smoothed_labels_are_those_of_pytorch(
    seed: int, batch: int, classes: int, reduction: str, ignored: int | None, weighed: bool, smoothing: float
) -> None:
    rng = np.random.default_rng(seed)
    x, t = rng.normal(size=(batch, classes, 3)), rng.integers(0, classes, (batch, 3))
    weight = tuple(rng.uniform(0.25, 2, classes)) if weighed else None
    given = {"weight": weight, "ignore_index": ignored, "label_smoothing": smoothing, "reduction": reduction}
    op = CrossEntropy.model_validate(given)
    got = value(
        op, (tensor(batch=batch, channel=classes, width=3), label_type(classes, batch=batch, width=3)), x, t
    )
    expected = F.cross_entropy(
        torch.tensor(x),
        torch.tensor(t),
        weight=None if weight is None else torch.tensor(weight, dtype=torch.float64),
        ignore_index=-100 if ignored is None else ignored,
        label_smoothing=smoothing,
        reduction=reduction,
    )
    assert np.allclose(got, expected.numpy(), rtol=1e-12, atol=1e-13, equal_nan=True)
    logs = torch.log_softmax(torch.tensor(x), dim=1).numpy()
    facts = Facts(high=0, log_probabilities="channel")
    types = (
        tensor(batch=batch, channel=classes, width=3, facts=facts),
        label_type(classes, batch=batch, width=3),
    )
    assert np.allclose(
        value(Nll.model_validate(given), types, logs, t), got, rtol=1e-12, atol=1e-13, equal_nan=True
    )
    easy = {key: one for key, one in given.items() if key != "label_smoothing"}
    if smoothing == 0:
        focal = Focal.model_validate({**easy, "gamma": 0.0})
        types = tensor(batch=batch, channel=classes, width=3), types[1]
        assert np.allclose(value(focal, types, x, t), got, rtol=1e-10, atol=1e-12, equal_nan=True)


@given(seed=seeds, batch=st.integers(1, 4), reduction=reductions)
def test_weights_of_elements_are_those_of_pytorch(seed: int, batch: int, reduction: str) -> None:
    rng = np.random.default_rng(seed)
    x, t, w = rng.normal(size=(batch, 3)), rng.normal(size=(batch, 3)), rng.uniform(0.25, 2, batch)
    types = (
        tensor(batch=batch, feature=3),
        tensor(batch=batch, feature=3),
        tensor(batch=batch, facts=Facts(low=0)),
    )
    wide = torch.tensor(w)[:, None].expand(batch, 3)
    got = value(Mse.model_validate({"reduction": reduction}), types, x, t, w)
    expected = F.mse_loss(torch.tensor(x), torch.tensor(t), reduction=reduction, weight=wide)  # type: ignore[call-arg]
    assert np.allclose(got, expected.numpy(), rtol=1e-12)
    each = F.huber_loss(torch.tensor(x), torch.tensor(t), reduction="none") * wide
    whole = {"none": each, "sum": each.sum(), "mean": each.sum() / wide.sum()}[reduction]
    got = value(Huber.model_validate({"reduction": reduction}), types, x, t, w)
    assert np.allclose(
        got, whole.numpy(), rtol=1e-12
    )  # PyTorch's own `mean` of it divides by the number of elements


@given(seed=seeds, batch=st.integers(1, 3), reduction=reductions, size=st.sampled_from([0.25, 1.0, 3.0]))
def test_losses_of_measured_numbers_are_those_of_pytorch(
    seed: int, batch: int, reduction: str, size: float
) -> None:
    rng = np.random.default_rng(seed)
    x, t, rate, var = (
        rng.normal(size=(batch, 2)),
        rng.normal(size=(batch, 2)),
        *rng.uniform(0.5, 3, (2, batch, 2)),
    )
    pair = tensor(batch=batch, feature=2), tensor(batch=batch, feature=2)
    count = tensor(batch=batch, feature=2, facts=Facts(low=0))
    a, b, r, v = map(torch.tensor, (x, t, rate, var))
    how: dict[str, Any] = {"reduction": reduction}
    rows = [
        (value(SmoothL1(beta=size, **how), pair, x, t), F.smooth_l1_loss(a, b, beta=size, **how)),
        (value(Huber(delta=size, **how), pair, x, t), F.huber_loss(a, b, delta=size, **how)),
        (value(GaussianNll(**how), (*pair, count), x, t, var), F.gaussian_nll_loss(a, b, v, **how)),
        (
            value(GaussianNll(full=True, **how), (*pair, count), x, t, var),
            F.gaussian_nll_loss(a, b, v, full=True, **how),
        ),
        (value(PoissonNll(**how), (pair[0], count), x, rate), F.poisson_nll_loss(a, r, **how)),
        (
            value(PoissonNll(log_input=False, **how), (count, count), var, rate),
            F.poisson_nll_loss(v, r, log_input=False, **how),
        ),
    ]
    for got, expected in rows:
        assert np.allclose(got, expected.numpy(), rtol=1e-12, atol=1e-13)


def test_a_variance_is_held_and_its_gradient_is_not() -> None:
    kinds = tensor(batch=2), tensor(batch=2), tensor(batch=2, facts=Facts(low=0))
    x, t, var = np.array([1.0, 2.0]), np.array([1.5, 0.0]), np.array([0.0, 1e-9])
    ours, theirs = both(GaussianNll(reduction="sum"), kinds, x, t, var)
    v = torch.tensor(var, requires_grad=True)
    loss = F.gaussian_nll_loss(torch.tensor(x), torch.tensor(t), v, reduction="sum")
    (slope,) = torch.autograd.grad(loss, v)
    for back in (ours.inputs[2], theirs.inputs[2]):
        assert np.allclose(back, slope.numpy(), rtol=1e-12)


@given(
    seed=seeds, batch=st.integers(1, 3), classes=st.integers(2, 4), weight=st.sampled_from([0.5, 1.0, 4.0])
)
def test_the_weight_of_a_yes_is_that_of_pytorch(seed: int, batch: int, classes: int, weight: float) -> None:
    rng = np.random.default_rng(seed)
    x, t = rng.normal(size=(batch, classes, 2)), rng.uniform(size=(batch, classes, 2))
    kinds = (
        tensor(batch=batch, channel=classes, width=2),
        tensor(batch=batch, channel=classes, width=2, facts=UNIT),
    )
    each = tuple(weight * (i + 1) for i in range(classes))
    for given_ in (weight, each):
        got = value(BceWithLogits(pos_weight=given_), kinds, x, t)
        table = torch.tensor(given_, dtype=torch.float64)
        expected = F.binary_cross_entropy_with_logits(
            torch.tensor(x), torch.tensor(t), pos_weight=table[:, None] if table.dim() else table
        )
        assert got == pytest.approx(float(expected), rel=1e-12)


@given(seed=seeds, batch=st.integers(1, 3), classes=st.integers(2, 4))
def test_the_divergence_is_the_batch_mean_of_pytorch(seed: int, batch: int, classes: int) -> None:
    rng = np.random.default_rng(seed)
    p, t = rng.dirichlet(np.ones(classes), batch), rng.dirichlet(np.ones(classes), batch)
    kinds = (
        tensor(batch=batch, feature=classes, facts=Facts(high=0, log_probabilities="feature")),
        tensor(batch=batch, feature=classes, facts=Facts(low=0, high=1, sums_to_one="feature")),
    )
    got = value(KlDiv(), kinds, np.log(p), t)
    expected = F.kl_div(torch.tensor(np.log(p)), torch.tensor(t), reduction="batchmean")
    assert got == pytest.approx(float(expected), rel=1e-12, abs=1e-14)


@given(seed=seeds, classes=st.integers(2, 4), smooth=st.sampled_from([0.0, 1.0]))
def test_overlaps_of_certain_shares_are_those_of_counted_places(
    seed: int, classes: int, smooth: float
) -> None:
    rng = np.random.default_rng(seed)
    said, true = rng.integers(0, classes, (2, 2, 3, 4))
    shares = np.moveaxis(np.eye(classes)[said], -1, 1)
    facts = Facts(low=0, high=1, sums_to_one="channel")
    kinds = (
        tensor(batch=2, channel=classes, height=3, width=4, facts=facts),
        label_type(classes, batch=2, height=3, width=4),
    )
    dice, jaccard = np.ones((2, classes)), np.ones((2, classes))
    for n in range(2):
        for c in range(classes):
            a, b = said[n] == c, true[n] == c
            common, either = int((a & b).sum()), int((a | b).sum())
            dice[n, c] = 1.0 if not either else 2 * common / int(a.sum() + b.sum())
            if either or smooth:
                jaccard[n, c] = (common + smooth) / (either + smooth)
    counted, _ = both(Dice(reduction="none"), kinds, shares, true)
    assert np.allclose(counted.outputs[0], dice, rtol=1e-12)
    if smooth:
        soft = value(JaccardLoss(reduction="none", smooth=smooth), kinds, shares, true)
        assert np.allclose(soft, 1 - jaccard, rtol=1e-12, atol=1e-12)
        soft = value(DiceLoss(reduction="none", smooth=smooth), kinds, shares, true)
        i = (1 - soft) / soft.clip(1e-300)  # both overlaps order classes alike
        assert np.all(np.isfinite(i))
    mean, _ = both(Dice(classes=(1,)), kinds, shares, true)
    assert mean.outputs[0] == pytest.approx(dice[:, 1].mean())


@given(seed=seeds, q=st.sampled_from([0.1, 0.5, 0.9]))
def test_the_quantile_loss_is_least_at_the_quantile(seed: int, q: float) -> None:
    t = np.random.default_rng(seed).normal(size=41)
    kinds = tensor(batch=41), tensor(batch=41)
    at = [float(value(Pinball(q=q), kinds, np.full(41, guess), t)) for guess in np.sort(t)]
    assert int(np.argmin(at)) == round(q * 40)


@given(st.integers(0, 59), st.integers(0, 59))
def test_the_plain_area_of_a_single_guess_is_its_distance(guess: int, volume: int) -> None:
    kinds = (
        tensor(batch=1, bin=60, facts=Facts(low=0, high=1, nondecreasing="bin")),
        tensor(batch=1, facts=Facts(low=0, high=59)),
    )
    curve = (np.arange(60) >= guess).astype(float)[None]
    got, squared = (value(Crps(power=p), kinds, curve, np.array([float(volume)])) for p in (1, 2))
    assert got == squared == pytest.approx(abs(guess - volume) / 60)


def test_a_mask_as_weights_leaves_elements_out_and_no_element_at_all_is_no_number() -> None:
    mask = Facts(low=0, high=1, mask=True)
    kinds = tensor(batch=3), tensor(batch=3), tensor("bool", batch=3, facts=mask)
    x, t = np.array([1.0, 2.0, 4.0]), np.zeros(3)
    assert value(L1(), kinds, x, t, np.array([True, False, True])) == 2.5
    assert np.isnan(value(L1(), kinds, x, t, np.zeros(3, bool)))
    label, scores = label_type(2, batch=2), tensor(batch=2, feature=2)
    assert np.isnan(
        value(CrossEntropy(ignore_index=0), (scores, label), np.zeros((2, 2)), np.zeros(2, np.int64))
    )


@given(seed=seeds)
def test_weights_send_gradients_as_pytorch_does(seed: int) -> None:
    w = tensor(batch=3, facts=Facts(low=0.5, high=2))
    for reduction in ("mean", "sum", "none"):
        how = {"reduction": reduction}
        check_agreement(
            case(L1.model_validate(how), tensor(batch=3, feature=2), tensor(batch=3, feature=2), w), seed
        )
        check_agreement(case(Bce.model_validate(how), *[tensor(batch=3, facts=UNIT)] * 2, w), seed)
        check_agreement(
            case(
                CrossEntropy.model_validate(how | {"weight": (0.5, 2.0)}),
                tensor(batch=3, feature=2),
                label_type(2, batch=3),
                w,
            ),
            seed,
        )


def refused(op: Op, *types: TensorType) -> Problem:
    with pytest.raises(Problem) as caught:
        infer_node(op, types)
    return caught.value


def test_a_void_class_is_declared_last_and_needs_no_score() -> None:
    label, scores = label_type(4, batch=3), tensor(batch=3, feature=3)
    assert refused(CrossEntropy(), scores, label).code == "NS317"
    infer_node(CrossEntropy(ignore_index=3), (scores, label))
    assert refused(CrossEntropy(ignore_index=2), scores, label).code == "NS317"
    (warning,) = infer_node(CrossEntropy(ignore_index=255), (tensor(batch=3, feature=4), label)).warnings
    assert (warning.code, warning.at) == ("NS340", "ignore_index")


def test_weights_that_cannot_weigh_are_told_with_their_numbers() -> None:
    label, scores = label_type(3, batch=3), tensor(batch=3, feature=3)
    problem = refused(CrossEntropy(weight=(1.0, 2.0)), scores, label)
    assert (problem.code, problem.at) == ("NS337", "weight")
    assert "`2` numbers" in problem.message
    assert "`3` classes" in problem.message
    assert (
        refused(Mse(), tensor(batch=3), tensor(batch=3), tensor(batch=3, facts=Facts(low=-1))).code == "NS338"
    )
