"""New grids: PyTorch's antialiased resize is matched, masses and places are kept."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from netspec.data.resampling import beat, middle, regrid, triangle

SIZES = st.integers(1, 40)
WIDE = st.integers(2, 40)  # PyTorch repeats the first row of a picture that is one column wide
EPS = float(np.finfo(np.float32).eps)


@given(SIZES, WIDE, SIZES, WIDE, st.integers(0, 99))
def test_resizing_is_what_pytorch_does_with_antialiasing(
    h: int, w: int, new_h: int, new_w: int, seed: int
) -> None:
    picture = np.random.default_rng(seed).random((2, h, w), dtype=np.float32)
    ours = regrid(picture, (new_h, new_w), (h / new_h, w / new_w), bright=True)
    given_ = torch.from_numpy(picture)[None]
    theirs = torch.nn.functional.interpolate(given_, size=(new_h, new_w), mode="bilinear", antialias=True)[
        0
    ].numpy()
    # two passes of averages of values in [0, 1]: each sums at most 40 terms and rounds its weights once
    assert np.abs(ours - theirs).max() <= 2 * 42 * EPS


@given(SIZES, SIZES, st.floats(0.2, 5))
def test_every_new_pixel_is_an_average(given_: int, wanted: int, scale: float) -> None:
    matrix = triangle(given_, wanted, scale, (given_ - wanted * scale) / 2)
    assert (matrix >= 0).all()
    assert matrix.sum(axis=1) == pytest.approx(np.ones(wanted), abs=given_ * EPS)


def test_the_middle_stays_in_the_middle() -> None:
    picture = np.zeros((9, 9), np.float32)
    picture[4, 4] = 1
    for scale, size in [(0.5, 18), (1.5, 6), (0.7, 13)]:
        new = regrid(picture, (size, size), (scale, scale), bright=True)
        assert new == pytest.approx(new[::-1, ::-1], abs=4 * EPS)


def test_classes_take_the_nearest_and_stay_whole() -> None:
    classes = np.asarray([[0, 3], [7, 5]])
    new = regrid(classes, (4, 4), (0.5, 0.5), bright=False)
    assert new.tolist() == [[0, 0, 3, 3], [0, 0, 3, 3], [7, 7, 5, 5], [7, 7, 5, 5]]
    assert new.dtype == classes.dtype


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 9), st.integers(1, 9))
def test_cropping_keeps_the_middle_and_adds_zeros_evenly(h: int, w: int, new_h: int, new_w: int) -> None:
    new = middle(np.ones((h, w)), new_h, new_w)
    assert new.shape == (new_h, new_w)
    assert new.sum() == min(h, new_h) * min(w, new_w)
    rows = np.flatnonzero(new.any(axis=1))
    assert abs(int(rows[0]) - (new_h - 1 - int(rows[-1]))) <= 1


def test_a_beat_is_periodic() -> None:
    cine = np.asarray([0.0, 1.0, 2.0, 1.0])[:, None]
    assert beat(cine, 8, bright=True)[:, 0].tolist() == [0, 0.5, 1, 1.5, 2, 1.5, 1, 0.5]
    assert beat(cine, 2, bright=True)[:, 0].tolist() == [0, 2]
    assert beat(np.asarray([0, 1, 2, 3]), 8, bright=False).tolist() == [0, 1, 1, 2, 2, 3, 3, 0]


@given(st.integers(1, 30), st.integers(1, 30), st.integers(0, 9))
def test_a_slow_wave_survives_another_number_of_frames(given_: int, count: int, seed: int) -> None:
    cine = np.random.default_rng(seed).random((given_, 3)).astype(np.float32)
    new = beat(cine, count, bright=True)
    assert new.shape == (count, 3)
    assert new.min() >= cine.min() - EPS
    assert new.max() <= cine.max() + EPS
    assert new[0] == pytest.approx(cine[0])
