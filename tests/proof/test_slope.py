from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import netspec_numpy
from netspec.proof import rounding
from netspec.proof.draw import draw
from netspec.proof.slope import STEPS, measure, slope
from tests.proof.specs import CLASSIFIER, CURVE, read

ROUNDING = 2.0**-52


def test_a_smooth_function_is_measured_at_once_and_nearly_exactly() -> None:
    found = measure(lambda t: math.exp(3 * t), 1.0, ROUNDING)
    assert found is not None
    assert found.step == 0
    assert abs(found.slope - 3) <= 4 * found.rounding < 1e-8


@pytest.mark.parametrize("place", [0.0, 0.2, 1 / 3, 0.5, 0.9, -0.2, -1 / 3])
@pytest.mark.parametrize("jump", [1.0, 1e-3])
def test_a_kink_between_the_points_is_seen_wherever_it_lies(place: float, jump: float) -> None:
    at = place * STEPS[0]
    found = measure(lambda t: 2 * t + jump * max(t - at, 0.0), jump * max(-at, 0.0), ROUNDING)
    if found is None:
        assert at == 0
        return
    assert found.step > 0
    assert STEPS[found.step + 1] < abs(at)
    assert abs(found.slope - (2 + jump * (at < 0))) <= 4 * found.rounding


@settings(max_examples=200)
@given(st.floats(-1, 1), st.floats(1e-9, 10))
def test_no_kink_moves_a_slope_by_more_than_is_allowed_for(place: float, jump: float) -> None:
    at = place * STEPS[2]
    found = measure(lambda t: 2 * t + jump * max(t - at, 0.0), jump * max(-at, 0.0), ROUNDING)
    if found is not None:
        assert abs(found.slope - (2 + jump * (at < 0))) <= 4 * found.rounding


def test_a_jump_is_no_slope() -> None:
    assert measure(lambda t: 1.0 if t > 0 else 0.0, 0.0, ROUNDING) is None


def test_what_is_not_finite_is_said_and_not_measured() -> None:
    found = measure(lambda t: float("nan"), 0.0, ROUNDING)
    assert found is not None
    assert math.isnan(found.slope)


@pytest.mark.parametrize("text", [CLASSIFIER, CURVE])
@pytest.mark.parametrize("seed", range(4))
def test_the_gradient_is_the_slope_along_several_directions_to_a_part_in_ten_thousand(
    text: str, seed: int
) -> None:
    graph = read(text).graph
    feed = draw(graph, seed=seed, batch=2, mode="train")
    run = netspec_numpy.run(graph, feed)
    may = rounding.sizes(graph, run, feed, netspec_numpy, seed=seed)
    found = slope(
        graph, feed, run, netspec_numpy, may=may, terms=rounding.largest(graph, run, feed), seed=seed
    )
    assert found.kinked == 0
    assert [row.where for row in found.rows] == ["direction 1", "direction 2", "direction 3"]
    for row in found.rows:
        assert row.ok
        assert row.relative is not None
        assert row.tolerance < 1e-4 * row.difference / row.relative
