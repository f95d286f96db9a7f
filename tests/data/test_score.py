from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netspec.data import score

volumes = st.lists(st.floats(0, 99, allow_nan=False), min_size=2, max_size=12)


def step(values: list[float], bins: int = 100) -> np.ndarray:
    """The distribution functions that are certain of these values."""
    return (np.arange(bins) >= np.asarray(values)[:, None]).astype(float)


@given(volumes, st.floats(0, 99))
def test_the_crps_of_certainty_is_the_number_of_bins_between(values: list[float], target: float) -> None:
    got = score.crps(step(values), np.full(len(values), target))
    expected = [abs(math.ceil(value) - math.ceil(target)) / 100 for value in values]
    np.testing.assert_allclose(got, expected)


@given(volumes, st.floats(0, 99))
def test_the_crps_of_an_ensemble_is_its_energy_form(values: list[float], target: float) -> None:
    # Over the integers: mean |x - y| - mean |x - x'| / 2 (Gneiting and Raftery 2007, eq. 21), values rounded up.
    whole = np.ceil(values)
    energy = np.abs(whole - math.ceil(target)).mean() - np.abs(whole[:, None] - whole).mean() / 2
    got = score.crps(score.empirical_cdf(np.asarray(values), 100)[None], np.asarray([target]))
    np.testing.assert_allclose(got * 100, energy, atol=1e-9)


@given(volumes)
def test_the_empirical_distribution_counts_what_is_no_larger(values: list[float]) -> None:
    cdf = score.empirical_cdf(np.asarray(values), 100)
    assert cdf.tolist() == [sum(value <= n for value in values) / len(values) for n in range(100)]


def test_skill_is_one_for_perfection_and_zero_for_the_baseline_itself() -> None:
    baseline = np.array([0.1, 0.3])
    assert score.skill(np.zeros(2), baseline) == 1
    assert score.skill(baseline, baseline) == 0
    assert math.isnan(score.skill(baseline, np.zeros(2)))


def test_an_interval_is_the_same_for_the_same_seed_and_another_for_another() -> None:
    rows = np.random.default_rng(0).normal(size=50), np.full(50, 2.0)
    assert score.skill_interval(*rows, seed=1) == score.skill_interval(*rows, seed=1)
    assert score.skill_interval(*rows, seed=1) != score.skill_interval(*rows, seed=2)


def test_the_interval_of_a_mean_covers_the_truth_about_as_often_as_it_says() -> None:
    random = np.random.default_rng(3)
    hits = 0
    for i in range(200):
        low, high = score.difference_interval(random.normal(1.0, 1.0, 40), np.zeros(40), seed=i)
        hits += low <= 1.0 <= high
    assert 0.88 <= hits / 200 <= 0.99


def test_paired_rows_stay_paired() -> None:
    hard = np.linspace(0.1, 5, 30)
    low, high = score.difference_interval(hard - 0.01, hard)
    assert low == pytest.approx(-0.01) == pytest.approx(high)


def test_one_patient_has_no_interval() -> None:
    assert all(math.isnan(end) for end in score.skill_interval(np.ones(1), np.ones(1)))


@given(st.lists(st.integers(0, 99), min_size=1, max_size=8))
def test_the_median_of_certainty_lies_within_the_last_bin_before_it(values: list[int]) -> None:
    median = score.quantile(step([float(value) for value in values]), 0.5)
    assert np.all(median <= np.asarray(values))
    assert np.all(median >= np.asarray(values) - 1)


def test_the_median_of_a_normal_curve_is_its_mean() -> None:
    n = np.arange(600)
    mean = np.array([70.3, 160.8])
    cdf = 0.5 * (1 + np.vectorize(math.erf)((n - mean[:, None]) / (20 * math.sqrt(2))))
    np.testing.assert_allclose(score.quantile(cdf, 0.5), mean, atol=0.02)


def test_distributions_that_tell_the_truth_are_calibrated_and_too_narrow_ones_are_not() -> None:
    random = np.random.default_rng(5)
    n = np.arange(600)
    mean = random.uniform(100, 400, 2000)
    target = random.normal(mean, 20)
    for width, good in ((20, True), (10, False)):
        cdf = 0.5 * (1 + np.vectorize(math.erf)((n - mean[:, None]) / (width * math.sqrt(2))))
        found = score.calibration(cdf, target)
        assert sum(found.histogram) == 2000
        assert (abs(found.coverage["50"] - 0.5) < 0.05) is good
        assert (abs(found.coverage["90"] - 0.9) < 0.03) is good


def test_age_and_sex_find_what_depends_on_age_and_sex() -> None:
    random = np.random.default_rng(7)
    age, sex = random.uniform(20, 80, 400), random.integers(0, 2, 400)
    volume = np.exp(4.5 + 0.3 * sex - 0.004 * age + random.normal(0, 0.1, 400))
    fitted = score.AgeAndSex.fit(age[:300], sex[:300], volume[:300])
    cdf = fitted.cdf(age[300:], sex[300:], 300)
    ours = score.crps(cdf, volume[300:])
    plain = score.crps(np.broadcast_to(score.empirical_cdf(volume[:300], 300), cdf.shape), volume[300:])
    assert score.skill(ours, plain) > 0.3
    assert np.all(np.diff(cdf) >= 0)


def test_age_and_sex_that_are_unknown_are_taken_for_the_middle() -> None:
    age, sex = np.array([40.0, 60.0, np.nan, 50.0]), np.array([0, 1, -1, 0])
    fitted = score.AgeAndSex.fit(age, sex, np.array([80.0, 120.0, 100.0, 90.0]))
    assert fitted.mean_age == 50
    assert np.isfinite(fitted.cdf(np.array([np.nan]), np.array([-1]), 200)).all()
