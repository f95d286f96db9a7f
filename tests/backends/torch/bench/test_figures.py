"""What is made of times: no clock runs here."""

from __future__ import annotations

from math import comb
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netspec_torch.bench.figures import Turn, median_interval, plan_of_turns, ratios, roofs, row

TIMES = st.lists(st.floats(0.001, 1000), min_size=1, max_size=40)


def test_the_figures_of_a_contender_follow_from_its_turns() -> None:
    reference = [Turn(10, 1.0), Turn(10, 2.0), Turn(10, 1.0)]
    turns = [Turn(5, 1.0, 0.25), Turn(5, 2.0, 0.25), Turn(5, 1.0, 0.5)]
    found = row(turns, reference, batch=4, macs=1000)
    assert found["step_seconds"] == 0.2
    assert found["steps_per_second"] == 5
    assert found["samples_per_second"] == 20
    assert found["ratio"] == 2
    assert found["ratio_interval"] == [2, 2]
    assert found["coverage"] == 0.75  # of three, the largest and the smallest miss the median in 2 cases of 8
    assert found["data_share"] == 0.25
    assert found["macs_per_second"] == 1000 * 4 / 0.2
    assert (found["rounds"], found["steps"]) == (3, 15)


def test_a_ratio_is_taken_round_by_round_so_that_a_slow_round_is_slow_for_both() -> None:
    slow_second = [Turn(1, 1.0), Turn(1, 9.0), Turn(1, 1.0)]
    assert ratios(slow_second, slow_second) == [1, 1, 1]


@pytest.mark.parametrize("count, k", [(1, 1), (5, 1), (6, 1), (8, 1), (9, 2), (21, 6), (40, 14)])
def test_the_interval_is_that_of_the_tables_of_order_statistics(count: int, k: int) -> None:
    found = median_interval([float(i) for i in range(1, count + 1)])
    assert (found.low, found.high) == (k, count + 1 - k)
    outside = 2 * sum(comb(count, i) for i in range(k)) / 2**count
    assert found.coverage == pytest.approx(max(0, 1 - outside))
    assert found.coverage >= 0.95 or k == 1


@given(TIMES)
def test_the_median_lies_in_its_interval(times: list[float]) -> None:
    found = median_interval(times)
    assert found.low <= median(times) <= found.high


@given(st.lists(st.floats(1e-5, 100), min_size=1, max_size=6), st.floats(0.1, 600))
def test_every_contender_gets_a_turn_in_every_round(estimates: list[float], seconds: float) -> None:
    rounds, steps = plan_of_turns(estimates, seconds)
    assert 5 <= rounds <= 21
    assert all(one >= 1 for one in steps)
    for step, estimate in zip(steps, estimates, strict=True):
        assert step == 1 or rounds * step * estimate <= 2 * seconds


def test_the_roof_is_the_best_of_all_products_and_rounds() -> None:
    found = roofs(
        [
            {"float32": {"matmul": 5.0, "conv": 7.0}, "bf16": {"matmul": 20.0}},
            {"float32": {"matmul": 9.0, "conv": 6.0}, "bf16": {"matmul": 10.0}},
        ]
    )
    assert found == {
        "float32": {"macs_per_second": 9.0, "of": "matmul"},
        "bf16": {"macs_per_second": 20.0, "of": "matmul"},
    }
