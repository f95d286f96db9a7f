"""Every rule of interval arithmetic holds at random points of random intervals."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from netspec.ops import interval
from netspec.ops.interval import Interval

SLACK = 1e-12
ends = st.sampled_from([-math.inf, -3.0, -1.0, -0.5, 0.0, 0.25, 1.0, 2.0, math.inf])


@st.composite
def intervals(draw: st.DrawFn) -> Interval:
    low, high = sorted((draw(ends), draw(ends)))
    assume(low < math.inf and high > -math.inf)
    return low, high


@st.composite
def points(draw: st.DrawFn) -> tuple[Interval, float]:
    """An interval and a number of it, its ends among the likely ones."""
    low, high = draw(intervals())
    inside = draw(st.floats(max(low, -9.0), min(high, 9.0)) | st.sampled_from([low, high]))
    assume(math.isfinite(inside))
    assume(inside == 0 or abs(inside) > 1e-9)  # the cube of its reciprocal still fits
    return (low, high), inside


def holds(found: Interval, value: float) -> None:
    slack = SLACK * (1 + abs(value))
    assert found[0] - slack <= value <= found[1] + slack, f"{value} is not in {found}"


@pytest.mark.parametrize(
    "rule,function",
    [(interval.add, lambda a, b: a + b), (interval.multiply, lambda a, b: a * b)],
    ids=["add", "multiply"],
)
@given(points(), points())
def test_a_rule_of_two_holds_at_every_pair(
    rule: Callable[[Interval, Interval], Interval],
    function: Callable[[float, float], float],
    x: tuple[Interval, float],
    y: tuple[Interval, float],
) -> None:
    holds(rule(x[0], y[0]), function(x[1], y[1]))


@given(points())
def test_rules_of_one_hold_at_every_point(x: tuple[Interval, float]) -> None:
    bounds, value = x
    holds(interval.negative(bounds), -value)
    holds(interval.absolute(bounds), abs(value))
    holds(interval.rising(math.exp)(bounds), math.exp(value))
    if value != 0:
        holds(interval.reciprocal(bounds), 1 / value)


@given(points(), st.sampled_from([-3.0, -2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 2.5, 3.0, 4.0]))
def test_a_power_holds_at_every_point(x: tuple[Interval, float], exponent: float) -> None:
    bounds, value = x
    assume(not (value == 0 and exponent < 0))
    assume(value >= 0 or exponent % 1 == 0)
    holds(interval.power(bounds, (exponent, exponent)), value**exponent)


@given(st.sampled_from([0.25, 1.0, 3.0]), points())
def test_a_power_of_a_number_holds_at_every_exponent(base: float, y: tuple[Interval, float]) -> None:
    holds(interval.power((base, base), y[0]), base ** y[1])


@given(points(), st.integers(1, 4))
def test_a_sum_of_equal_terms_holds_for_a_known_and_an_unknown_count(
    x: tuple[Interval, float], count: int
) -> None:
    bounds, value = x
    holds(interval.repeated(bounds, count), value * count)
    holds(interval.repeated(bounds, None), value * count)


@given(points(), points())
def test_the_hull_holds_both(x: tuple[Interval, float], y: tuple[Interval, float]) -> None:
    both = interval.hull((x[0], y[0]))
    holds(both, x[1])
    holds(both, y[1])


def test_bounds_are_as_narrow_as_they_can_be() -> None:
    assert interval.multiply((-1, 2), (-3, 4)) == (-6, 8)
    assert interval.multiply((0, math.inf), (0, 1)) == (0, math.inf)
    assert interval.reciprocal((2, math.inf)) == (0, 0.5)
    assert interval.absolute((-3, 1)) == (0, 3)
    assert interval.power((-2, 1), (2, 2)) == (0, 4)
    assert interval.power((-2, 1), (3, 3)) == (-8, 1)
