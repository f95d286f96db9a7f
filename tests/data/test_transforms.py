"""What transforms do to numbers is what their types say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netspec.data.study import Plane, Study
from netspec.data.transforms import _table, _two_percentiles, apply
from netspec.ir.facts import Facts
from netspec.ir.types import TensorType, tensor
from netspec.recipe.quantity import Quantity
from netspec.recipe.transform import (
    TRANSFORMS,
    Crop,
    Fill,
    Frames,
    Normalize,
    Orient,
    Resample,
    Resize,
    Square,
    Transform,
)

LEFT, BACK, FEET = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, -1.0)
CINE = tensor(time="T", height="H", width="W")


def study(*arrays: Any, spacing: tuple[float, float] | None = (1.0, 2.0)) -> Study:
    plane = None if spacing is None else Plane(spacing, LEFT, FEET)
    return Study({"x": [np.asarray(array) for array in arrays]}, [plane] * len(arrays))


def done(transform: Transform, one: Study, kind: TensorType = CINE) -> list[np.ndarray[Any, Any]]:
    apply(transform, one, {"x": kind})
    return one.fields["x"]


def ramp(t: int = 2, h: int = 4, w: int = 6) -> np.ndarray[Any, Any]:
    return np.arange(t * h * w, dtype=np.int16).reshape(t, h, w)


def test_every_transform_has_its_function() -> None:
    assert set(_table()) == set(TRANSFORMS.values())


def test_percentiles_are_those_of_the_whole_study() -> None:
    one, other = done(Normalize(percentiles=(0, 50)), study(ramp(), ramp() + 48))
    assert one.min() == 0
    assert other.max() == 1
    assert one.ravel()[24] == pytest.approx(24 / 47.5)


def test_percentiles_over_axes_are_each_their_own() -> None:
    (one,) = done(Normalize(percentiles=(0, 100), over=("height", "width"), to=(-1, 1)), study(ramp()))
    assert one.reshape(2, -1).min(axis=1).tolist() == [-1, -1]
    assert one.reshape(2, -1).max(axis=1).tolist() == [1, 1]


def test_the_maximum_of_each_frame_becomes_the_upper_end_and_black_stays_black() -> None:
    cine = np.stack([ramp()[1], np.zeros((4, 6), np.int16)])
    (one,) = done(Normalize(by="max", over=("height", "width"), to=(0, 255)), study(cine))
    assert one[0].max() == 255
    assert one[0, 0, 0] == pytest.approx(24 / 47 * 255)
    assert (one[1] == 0).all()


def test_one_brightness_throughout_becomes_the_lower_end() -> None:
    (one,) = done(Normalize(percentiles=(1, 99), to=(2, 3)), study(np.full((2, 4, 6), 7)))
    assert (one == 2).all()


@given(
    st.lists(st.lists(st.integers(-3000, 3000), min_size=1, max_size=30), min_size=1, max_size=3),
    st.floats(0, 100),
    st.floats(0, 100),
    st.sampled_from(["i2", "i8", "f8"]),
)
def test_counting_gives_the_percentiles_of_numpy(
    parts: list[list[int]], low: float, high: float, kind: str
) -> None:
    arrays = [np.asarray(part, kind) for part in parts]
    got = _two_percentiles(arrays, (low, high))
    assert np.asarray(got) == pytest.approx(np.percentile(np.concatenate(arrays), [low, high]), abs=1e-9)


def test_means_and_deviations_may_differ_by_channel() -> None:
    kind = tensor(channel=2, height="H", width="W")
    (one,) = done(
        Normalize(mean=(1.0, 2.0), std=(2.0, 4.0), divide=2.0), study(np.full((2, 3, 3), 8.0)), kind
    )
    assert one[:, 0, 0].tolist() == [1.5, 0.5]


def test_a_wide_picture_becomes_portrait_without_being_mirrored() -> None:
    one = study(ramp())
    (turned,) = done(Orient(to="portrait"), one)
    assert turned.shape == (2, 6, 4)
    assert any((turned == np.rot90(ramp(), k, axes=(1, 2))).all() for k in (1, 3))
    plane = one.planes[0]
    assert plane is not None
    assert plane.spacing == (2.0, 1.0)


def test_a_high_picture_stays_as_it_is() -> None:
    (same,) = done(Orient(to="portrait"), study(ramp(2, 6, 4)))
    assert (same == ramp(2, 6, 4)).all()


@pytest.mark.parametrize("turns", range(4))
def test_row_major_undoes_any_quarter_turn(turns: int) -> None:
    upright = Plane((1.0, 2.0), LEFT, FEET)
    one = study(np.rot90(ramp(), turns, axes=(1, 2)))
    one.planes[0] = upright.turned(turns)
    (back,) = done(Orient(to="row_major"), one)
    assert (back == ramp()).all()
    assert one.planes[0] == upright


def test_four_quarter_turns_of_a_plane_are_none() -> None:
    plane = Plane((1.0, 2.0), LEFT, BACK)
    turned = plane.turned(4)
    assert turned.spacing == plane.spacing
    assert np.allclose(turned.along_row, plane.along_row)
    assert np.allclose(turned.along_column, plane.along_column)


def test_resampling_uses_both_pixel_sizes() -> None:
    one = study(ramp(2, 8, 6))
    (new,) = done(Resample(spacing=Quantity(2, "mm")), one)
    assert new.shape == (2, 4, 6)
    plane = one.planes[0]
    assert plane is not None
    assert plane.spacing == (2, 2)


def test_resizing_changes_the_size_of_a_pixel() -> None:
    one = study(ramp(2, 8, 6))
    (new,) = done(Resize(height=4, width=12), one)
    assert new.shape == (2, 4, 12)
    plane = one.planes[0]
    assert plane is not None
    assert plane.spacing == (2, 1)


def test_the_square_is_the_largest_in_the_middle() -> None:
    (new,) = done(Square(), study(ramp(1, 4, 6)))
    assert (new == ramp(1, 4, 6)[:, :, 1:5]).all()


def test_masks_and_classes_are_moved_but_not_mixed() -> None:
    kind = tensor("int64", height="H", width="W", facts=Facts(0, 3, classes=4))
    classes = np.asarray([[0, 3], [3, 0]])
    (new,) = done(Resize(height=4, width=4), study(classes), kind)
    assert set(new.ravel().tolist()) == {0, 3}
    (same,) = done(Normalize(percentiles=(0, 100)), study(classes), kind)
    assert (same == classes).all()


def test_axes_may_stand_in_any_order() -> None:
    kind = tensor(width="W", time="T", height="H")
    array = np.moveaxis(ramp().astype(np.float32), 2, 0)
    (new,) = done(Frames(count=5), study(array), kind)
    assert new.shape == (6, 5, 4)
    (new,) = done(Crop(height=2, width=3), study(array), kind)
    assert new.shape == (3, 2, 2)
    assert new[0, 0, 0] == ramp()[0, 1, 1]


def test_filling_changes_missing_values_only() -> None:
    one = Study(
        {"age": [np.asarray([np.nan]), np.asarray([3.0])], "sex": [np.asarray(-1), np.asarray(1)]}, [None] * 2
    )
    one.words = {"sex": ("F", "M", "O")}
    kinds = {"age": tensor(feature=1), "sex": tensor("int64", facts=Facts(0, 2, classes=3))}
    apply(Fill.model_validate({"age": 50, "sex": "O"}), one, kinds)
    assert [a.item() for a in one.fields["age"]] == [50, 3]
    assert [a.item() for a in one.fields["sex"]] == [2, 1]


@given(
    st.sampled_from(
        [
            Normalize(percentiles=(1, 99), to=(0, 255)),
            Normalize(mean=3.0, std=2.0, divide=5.0),
            Crop(height=5, width=3),
            Square(),
            Resize(height=3, width=5),
            Frames(count=3),
            Orient(to="portrait"),
        ]
    ),
    st.integers(1, 4),
    st.integers(1, 7),
    st.integers(1, 7),
    st.integers(0, 99),
)
def test_numbers_stay_in_the_inferred_range_and_shape(
    transform: Transform, t: int, h: int, w: int, seed: int
) -> None:
    array = np.random.default_rng(seed).uniform(-5, 9, (t, h, w)).astype(np.float32)
    kind = tensor(time=t, height=h, width=w, facts=Facts(-5, 9))
    inferred = transform.infer({"x": kind})["x"]
    (new,) = done(transform, study(array), kind)
    assert new.shape == tuple(size.value for size in inferred.sizes)
    # one rounding of the end itself, and one a term of at most seven
    slack = 16 * float(np.finfo(np.float32).eps) * max(abs(inferred.facts.low), abs(inferred.facts.high))
    assert new.min() >= inferred.facts.low - slack
    assert new.max() <= inferred.facts.high + slack
