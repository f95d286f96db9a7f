from __future__ import annotations

import numpy as np
import pytest

from netspec.proof.compare import compare
from netspec.proof.result import Row

NAN, INF = float("nan"), float("inf")


def row(ours: list[float], theirs: list[float], may: float = 0.5) -> Row:
    a, b = np.array(ours), np.array(theirs)
    return compare("value", "eval", "x", a, b, np.full(a.shape, may))


def test_the_place_is_where_most_of_the_tolerance_is_used() -> None:
    a, b = np.array([[4.0, 1.0], [2.0, 3.0]]), np.array([[4.4, 1.0], [2.3, 3.0]])
    found = compare("value", "eval", "x", a, b, np.array([[1.0, 1.0], [0.4, 1.0]]))
    assert found.ok
    assert found.place == (1, 0)
    assert found.difference == pytest.approx(0.3)
    assert found.relative == pytest.approx(0.3 / 4)
    assert found.used == pytest.approx(0.75)


def test_one_number_too_far_off_is_enough() -> None:
    assert not row([1, 2, 3], [1, 2, 3.6]).ok
    assert row([1, 2, 3], [1, 2, 3.4]).ok


def test_without_tolerance_numbers_must_be_equal() -> None:
    assert row([1, 2], [1, 2], 0.0).ok
    found = row([1, 2], [1, 2 + 1e-15], 0.0)
    assert not found.ok
    assert found.used == INF


@pytest.mark.parametrize(
    "ours,theirs,ok",
    [
        ([NAN, 1], [NAN, 1], True),
        ([INF, 1], [INF, 1], True),
        ([INF, 1], [-INF, 1], False),
        ([INF, 1], [NAN, 1], False),
        ([0, 1], [NAN, 1], False),
        ([0, 1], [INF, 1], False),
        ([NAN, 1], [0, 1], False),
        ([NAN, 1], [NAN, 9], False),
    ],
)
def test_what_is_not_finite_must_be_the_same(ours: list[float], theirs: list[float], ok: bool) -> None:
    found = row(ours, theirs)
    assert found.ok is ok
    assert bool(found.note) is not bool(np.isfinite(ours).all())


def test_masks_and_whole_numbers_are_compared() -> None:
    yes = np.array([True, False])
    assert compare("value", "eval", "x", yes, yes, np.zeros(2)).ok
    assert compare("value", "eval", "x", yes, ~yes, np.zeros(2)).place == (0,)


def test_nothing_is_equal_to_nothing() -> None:
    empty = np.zeros((0, 3))
    assert compare("value", "eval", "x", empty, empty, empty).ok


def test_a_missing_tensor_and_another_shape_are_told() -> None:
    one = np.ones(1)
    assert compare("value", "eval", "x", one, None, one).note == "the candidate gives nothing here"
    assert compare("value", "eval", "x", None, one, one).note == "the reference gives nothing here"
    found = compare("value", "eval", "x", one, np.ones((1, 1)), one)
    assert found.note == "the reference gives [1], the candidate [1, 1]"
    assert not found.ok
