"""Steps, normal curves and quantiles: their definitions, edges, and what is proved about them."""

from __future__ import annotations

from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from netspec.ir.facts import Facts
from netspec.ir.op import Op, infer_node
from netspec.ir.problem import Problem
from netspec.ir.types import TensorType, tensor
from netspec.ops.density import LognormalCdf, MixtureCdf
from netspec.ops.distribution import NormalCdf, Quantile, Step
from tests.conformance.case import Numbers, candidate, case, reference
from tests.conformance.harness import check, check_agreement, check_facts, check_shapes
from tests.ops.strategies import seeds, typed

Floats = NDArray[np.float64]


def both(op: Op, types: tuple[TensorType, ...], *arrays: Floats) -> Floats:
    """The reference's output, after it was found to be PyTorch's to the last few digits."""
    use = case(op, *types)
    drawn = Numbers(arrays)
    pull = tuple(np.zeros([int(size) for size in one.sizes]) for one in use.inferred.outputs)
    (ours,) = reference(use, drawn, pull, "eval").outputs
    (theirs,) = candidate(use, drawn, pull, "eval").outputs
    assert np.allclose(ours, theirs, rtol=1e-12, atol=0)
    return np.asarray(ours)


def volumes(size: int, high: float = 599) -> TensorType:
    return tensor(batch=size, unit="ml", facts=Facts(low=0, high=high))


def test_the_step_is_one_at_the_value_itself() -> None:
    y = both(Step(bins=4), (volumes(3, 3),), np.array([0.0, 2.0, 2.0000001]))
    assert y.tolist() == [[1, 1, 1, 1], [0, 0, 1, 1], [0, 0, 0, 1]]


@given(st.lists(st.floats(0, 599), min_size=1, max_size=4))
def test_a_step_has_as_many_zeros_as_whole_numbers_below_the_value(values: list[float]) -> None:
    y = both(Step(bins=600), (volumes(len(values)),), np.array(values))
    assert (600 - y.sum(axis=1)).tolist() == np.ceil(values).tolist()


@given(
    sizes=st.lists(st.integers(1, 3), min_size=1, max_size=2),
    bins=st.integers(1, 8),
    seed=seeds,
    plain=st.sampled_from([None, "mu", "sigma"]),
)
def test_numpy_and_torch_agree_on_normal_curves(
    sizes: list[int], bins: int, seed: int, plain: str | None
) -> None:
    axes = dict(zip(("batch", "time"), sizes, strict=False))
    mu = TensorType(facts=Facts(low=2, high=2)) if plain == "mu" else typed(axes, Facts(low=-1, high=8))
    sigma = (
        TensorType(facts=Facts(low=2, high=2)) if plain == "sigma" else typed(axes, Facts(low=0.5, high=3))
    )
    check(case(NormalCdf(bins=bins), mu, sigma), seed)


def test_the_normal_curve_is_exact_in_both_tails() -> None:
    types = (volumes(1), tensor(batch=1, unit="ml", facts=Facts(low=0)))
    y = both(NormalCdf(bins=60), types, np.array([30.0]), np.array([1.5]))[0]
    exact = NormalDist(30, 1.5)
    # Phi(-20) = 2.7536241186062336e-89 (Abramowitz and Stegun 26.2 gives log10 of it as -88.56010)
    assert abs(y[0] / 2.7536241186062336e-89 - 1) < 1e-12
    assert np.allclose(y[25:], [exact.cdf(n) for n in range(25, 60)], rtol=1e-12, atol=0)
    assert np.all(np.diff(y) >= 0)


def test_an_unproved_deviation_is_told_and_proves_nothing() -> None:
    inferred = infer_node(NormalCdf(bins=4), (tensor(batch=2), tensor(batch=2)))
    (warning,) = inferred.warnings
    assert (warning.code, warning.append) == ("NS327", "softplus")
    assert inferred.outputs[0].facts == Facts(low=0, high=1)
    proved = infer_node(NormalCdf(bins=4), (tensor(batch=2), tensor(batch=2, facts=Facts(low=0))))
    assert not proved.warnings
    assert proved.outputs[0].facts.is_cdf("bin")


@given(seed=seeds, size=st.integers(1, 3), bins=st.integers(1, 7), q=st.sampled_from([0.025, 0.5, 0.9]))
def test_a_quantile_is_the_first_bin_that_reaches_it(seed: int, size: int, bins: int, q: float) -> None:
    kind = tensor(batch=size, bin=bins, facts=Facts(low=0, high=1, nondecreasing="bin"))
    use = case(Quantile(q=q), kind)
    check_shapes(use, seed)
    check_facts(use, seed)
    check_agreement(use, seed)
    cdf = np.sort(np.random.default_rng(seed).uniform(size=(size, bins)), axis=1)
    for row, bin in zip(cdf, both(Quantile(q=q), (kind,), cdf), strict=True):
        reached = [n for n, p in enumerate(row) if p >= q]
        assert bin == (reached[0] if reached else bins - 1)


def test_the_median_of_a_step_is_its_value_rounded_up() -> None:
    steps = both(Step(bins=600), (volumes(3),), np.array([0.0, 70.2, 599.0]))
    kind = tensor(batch=3, bin=600, facts=Facts(low=0, high=1, nondecreasing="bin"))
    assert both(Quantile(q=0.5), (kind,), steps).tolist() == [0, 71, 599]


def test_a_range_that_leaves_the_bins_shows_both_numbers() -> None:
    with pytest.raises(Problem) as caught:
        infer_node(Step(bins=600), (tensor(batch="N", facts=Facts(low=0, high=900)),))
    assert caught.value.code == "NS321"
    assert "900" in caught.value.message
    assert "599" in caught.value.message


def test_a_range_may_reach_the_last_bin_and_no_further() -> None:
    assert not infer_node(Step(bins=600), (tensor(batch="N", facts=Facts(low=0, high=599)),)).warnings
    with pytest.raises(Problem) as caught:
        infer_node(Step(bins=600), (tensor(batch="N", facts=Facts(low=0, high=599.5)),))
    assert "use 601 bins" in caught.value.help


@pytest.mark.parametrize("facts", [Facts(), Facts(low=0), Facts(high=9)])
def test_a_range_that_is_not_declared_is_told(facts: Facts) -> None:
    (warning,) = infer_node(Step(bins=10), (tensor(batch="N", facts=facts),)).warnings
    assert warning.code == "NS328"
    assert "range: [0, 9]" in warning.help


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("op", [NormalCdf(bins=9), LognormalCdf(bins=9), MixtureCdf(bins=9)])
def test_a_spread_that_collapses_leaves_a_step_and_finite_gradients(op: Op, kind: type[Any]) -> None:
    """`softplus` of -44 is 8e-20: single precision cannot divide by it twice, and the gradient was NaN."""
    sigma = np.array([0.0, 1e-40, 1e-25, 8e-20, 1e-15, 1e-3, 1.0], kind)
    mu = np.array([3.0, 3.5, -2.0, 700.0, 3.25, 3.25, 3.25], kind)
    arrays = [mu, sigma]
    types = [tensor(batch=7), tensor(batch=7, facts=Facts(low=0))]
    if isinstance(op, MixtureCdf):
        arrays = [np.ones((7, 1), kind), *(x[:, None] for x in arrays)]
        shares = Facts(low=0, high=1, sums_to_one="part")
        types = [tensor(batch=7, part=1, facts=one) for one in (shares, Facts(), Facts(low=0))]
    use, drawn = case(op, *types), Numbers(tuple(arrays))
    pull = (np.linspace(-1, 1, 63, dtype=kind).reshape(7, 9),)
    with np.errstate(under="ignore"):
        ours = reference(use, drawn, pull, "eval")
    theirs = candidate(use, drawn, pull, "eval")
    for one in (ours, theirs):
        assert np.isfinite(one.outputs[0]).all()
        assert (np.diff(one.outputs[0], axis=1) >= 0).all()
        assert all(np.isfinite(g).all() for g in one.inputs)
    assert np.allclose(ours.outputs[0], theirs.outputs[0], atol=1e-6)
    for left, right in zip(ours.inputs, theirs.inputs, strict=True):
        assert np.allclose(left, right, rtol=1e-3, atol=1e-5)
