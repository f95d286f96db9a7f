"""Splits: exact counts, the same every time, and little moved by one patient more."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netspec.data.split import assign, sample_numbers
from netspec.recipe.split import PARTS, Split
from netspec.text import SpecError

IDS = [str(i) for i in range(100)]


def sizes(parts: np.ndarray[tuple[int], np.dtype[np.int64]]) -> list[int]:
    return [int((parts == number).sum()) for number in range(len(PARTS))]


def test_counts_are_exact() -> None:
    assert sizes(assign(Split(train=70, validation=20, test=5), IDS)) == [70, 20, 5]
    assert sizes(assign(Split(train=0.7, validation=0.15, test=0.15), IDS)) == [70, 15, 15]
    assert sizes(assign(Split(train=0.5), IDS)) == [50, 0, 0]


@given(st.integers(10, 300), st.floats(0.2, 0.9), st.booleans())
def test_fractions_are_met_to_one_and_nobody_is_lost(count: int, train: float, stratified: bool) -> None:
    split = Split(train=train, validation=1 - train)
    ids = [f"p{i}" for i in range(count)]
    values = np.arange(count, dtype=np.float64) if stratified else None
    parts = assign(split, ids, values)
    got = sizes(parts)
    assert sum(got) == count
    assert abs(got[0] - train * count) < 1


def test_the_same_seed_gives_the_same_parts_in_any_order() -> None:
    split = Split(train=0.8, validation=0.2, seed=3)
    forward = dict(zip(IDS, assign(split, IDS).tolist(), strict=True))
    backward = dict(zip(IDS[::-1], assign(split, IDS[::-1]).tolist(), strict=True))
    other = dict(zip(IDS, assign(split.model_copy(update={"seed": 4}), IDS).tolist(), strict=True))
    assert forward == backward
    assert forward != other


def test_one_patient_more_moves_few_others() -> None:
    split = Split(train=0.7, validation=0.15, test=0.15, seed=3)
    before, after = assign(split, IDS), assign(split, [*IDS, "new"])
    assert int((before != after[:-1]).sum()) <= 2


def test_stratified_parts_have_like_values() -> None:
    values = np.random.default_rng(0).permutation(100).astype(np.float64)
    split = Split(train=0.8, validation=0.2, stratify="v", seed=1)
    parts = assign(split, IDS, values)
    assert sizes(parts) == [80, 20, 0]
    held = np.sort(values[parts == 1])
    # two of every ten neighbours by value are held back
    assert [int(((held >= low) & (held < low + 10)).sum()) for low in range(0, 100, 10)] == [2] * 10


def test_too_few_patients_are_told() -> None:
    with pytest.raises(SpecError, match=r"NS511.*there are 3 patients"):
        assign(Split(train=0.9, validation=0.1), IDS[:3])


def test_samples_follow_their_group() -> None:
    numbers = sample_numbers(np.asarray([1, 0, -1]), np.asarray([0, 0, 1, 2, 1]))
    assert {name: part.tolist() for name, part in numbers.items()} == {
        "train": [2, 4], "validation": [0, 1], "test": [],
    }  # fmt: skip
