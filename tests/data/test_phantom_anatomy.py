from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netspec.data.phantom import SIZES
from netspec.data.phantom.anatomy import (
    APICAL_WALL,
    MASS_G_PER_ML_EDV,
    MUSCLE_G_PER_ML,
    Ventricle,
    beat,
    truncated_volume,
    ventricle,
)
from netspec.data.phantom.population import Person
from netspec.data.phantom.scene import Tissues, add_heart, draw_heart, reach
from netspec.data.phantom.seeding import stream
from netspec.data.phantom.study import Patient, draw_patient, picture
from netspec.data.phantom.truth import VERSION, Settings


def _patient(number: int, size: str = "small") -> Patient:
    settings = Settings(version=VERSION, size=size, seed=1, split="train", first=1, patients=120, defects=())
    return draw_patient(settings, number)


@st.composite
def ventricles(draw: st.DrawFn) -> Ventricle:
    edv = draw(st.floats(5, 599))
    esv = edv * (1 - draw(st.floats(0.09, 0.80)))
    stroke = beat(draw(st.integers(4, 60)), draw(st.floats(0.28, 0.46)), draw(st.floats(0.12, 0.34)))
    return ventricle(Person(50, "F", edv, esv), stroke, draw(st.floats(0.2, 0.5)))


@given(ventricles())
def test_every_frame_has_exactly_its_volume(lv: Ventricle) -> None:
    closed = truncated_volume(lv.a, lv.c, lv.h)
    np.testing.assert_allclose(closed, lv.volume, rtol=1e-12)
    np.testing.assert_allclose(lv.volume_below(1e6), lv.volume, rtol=1e-12)
    np.testing.assert_allclose(lv.volume_below(-1e6), 0, atol=1e-12)


@given(ventricles())
def test_the_areas_add_up_to_the_volume(lv: Ventricle) -> None:
    """Slabs without a gap lose nothing, and fine cross-sections integrate to the closed form."""
    slabs = np.arange(-40.0, lv.length + 40.0, 10.0)
    total = sum(lv.slab_area(float(s), 10.0) * 10.0 / 1000 for s in slabs)
    np.testing.assert_allclose(total, lv.volume, rtol=1e-11)
    steps = 2000
    middle = (np.arange(steps) + 0.5) / steps
    z = -lv.c[:, None] + (lv.c + lv.h)[:, None] * middle
    areas = np.pi * lv.cavity_radius(z) ** 2
    integral = areas.sum(axis=1) * (lv.c + lv.h) / steps / 1000
    np.testing.assert_allclose(integral, lv.volume, rtol=1e-6)


@given(ventricles())
def test_the_wall_keeps_its_muscle_over_the_beat(lv: Ventricle) -> None:
    outer = truncated_volume(lv.a + lv.wall, lv.c + APICAL_WALL * lv.wall, lv.h)
    tissue = MASS_G_PER_ML_EDV / MUSCLE_G_PER_ML * lv.volume[0]
    np.testing.assert_allclose(outer - lv.volume, tissue, rtol=1e-9)
    assert np.argmax(lv.wall) == np.argmin(lv.volume)


@given(st.integers(4, 60), st.floats(0.28, 0.46), st.floats(0.12, 0.34))
def test_a_beat_is_full_once_and_empty_once(frames: int, end_systole: float, kick: float) -> None:
    u = beat(frames, end_systole, kick)
    last = round(end_systole * frames)
    assert np.flatnonzero(u == 1).tolist() == [0]
    assert np.flatnonzero(u == 0).tolist() == [last]
    assert np.all((u >= 0) & (u <= 1))
    assert np.all(np.diff(u[: last + 1]) < 0)
    assert np.all(np.diff(u[last:]) > 0)


@pytest.mark.parametrize("size", SIZES)
def test_no_cavity_lies_outside_the_stack(size: str) -> None:
    """If each slab were as thick as the distance, the stack would hold the volume of every frame."""
    for number in range(1, 61):
        one = _patient(number, size)
        distance = one.acquisition.distance
        total = sum(one.lv.slab_area(s, distance) * distance / 1000 for s in one.positions)
        np.testing.assert_allclose(total, one.lv.volume, rtol=1e-9, err_msg=f"patient {number}")


def test_the_picture_shows_the_area_it_is_said_to_show() -> None:
    """A heart of blood alone: the light in it is the mean area of the planes within the slab."""
    pixel = 1.5
    axis = (np.arange(100, dtype=np.float32) - 49.5) * np.float32(pixel)
    y, x = np.meshgrid(axis, axis, indexing="ij")
    dark = Tissues(myocardium=0, fat=0, muscle=0, liver=0)
    heart = draw_heart(stream(1, "train", 1, "heart"))
    heart = dataclasses.replace(heart, right_size=0.0, papillary=(0.0, 0.0, -9.0))
    one = _patient(4)
    for s in (20.0, 40.0, 60.0):
        image = add_heart(np.zeros_like(x), x, y, s, 8.0, pixel, one.lv, heart, dark)
        z = s + np.array([-8 / 3, 0, 8 / 3]) - one.lv.equator[:, None]
        expected = (np.pi * one.lv.cavity_radius(z) ** 2).mean(axis=1)
        light = image.sum(axis=(1, 2)) * pixel**2
        # The edge is a ramp one pixel wide, whose area is a disc's but for a ring of pi pixel^2 / 12.
        np.testing.assert_allclose(light, expected, rtol=0.01, atol=pixel**2)


def test_nothing_of_a_heart_is_cut_off_by_the_part_of_the_image_that_is_painted() -> None:
    for number in range(1, 25):
        one = _patient(number)
        far = reach(one.lv)
        axis = np.arange(-far - 30, far + 30, 4, dtype=np.float32)
        y, x = np.meshgrid(axis, axis, indexing="ij")
        outside = (np.abs(x) > far) | (np.abs(y) > far)
        for s in one.positions[::4]:
            plain = np.full_like(x, 0.5)
            image = add_heart(plain, x, y, s, 8.0, 4.0, one.lv, one.heart, one.tissues)
            assert np.all(image[:, outside] == 0.5)


def test_a_cine_has_twelve_bits_noise_and_a_heart_that_beats() -> None:
    one = _patient(2)
    middle = one.positions[len(one.positions) // 2]
    cine = picture(one, middle)
    assert cine.dtype == np.uint16
    assert cine.shape == (one.acquisition.frames, one.acquisition.rows, one.acquisition.columns)
    assert cine.max() < 4096
    changes = cine.astype(float).std(axis=0)
    rows, columns = changes.shape
    beating = changes[rows // 3 : 2 * rows // 3, columns // 3 : 2 * columns // 3].max()
    still = np.median(changes)
    assert 0 < still < one.receiver.gain * 0.04
    assert beating > 5 * still
    assert np.array_equal(cine, picture(one, middle))
    assert not np.array_equal(cine, picture(one, middle, part=1))
