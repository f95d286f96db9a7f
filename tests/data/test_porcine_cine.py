"""A real heart: bytes that a scanner wrote, geometry and contours together give the known volumes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from netspec.data.dicom.series import Volume, read_series

HEART = Path(__file__).parents[2].parent / "shared" / "data" / "porcine-cine"
UNUSABLE = 100  # the contours of the five most basal slices, the first hundred files

pytestmark = pytest.mark.skipif(
    not HEART.is_dir(), reason="the porcine cine (shared/data/porcine-cine beside the repository) is not here"
)


@pytest.fixture(scope="module")
def volume() -> Volume:
    return read_series(HEART / "short-axis")


def area(points: NDArray[np.float64]) -> float:
    """The shoelace formula: the area inside a closed line of points [n, 2]."""
    x, y = points.T
    return float(abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2)


def cavity(volume: Volume) -> NDArray[np.float64]:
    """The blood's volume in ml at every moment: areas inside the inner contours times the distance of the slices."""
    pixel = volume.spacing[0] * volume.spacing[1]
    areas, places = [], []
    for place, files in zip(volume.positions, volume.files, strict=True):
        numbers = [int(name[1:5]) for name in files]
        if min(numbers) <= UNUSABLE:
            continue
        names = [HEART / "contours" / f"IM-0001-{number:04d}-icontour-auto.txt" for number in numbers]
        areas.append([area(np.loadtxt(name)) * pixel for name in names])
        places.append(place)
    distance = float(np.median(np.diff(places)))
    volumes: NDArray[np.float64] = np.asarray(areas).sum(axis=0) * distance / 1000
    return volumes


def test_four_hundred_files_are_twenty_slices_of_twenty_frames(volume: Volume) -> None:
    assert volume.pixels.shape == (20, 20, 256, 256)
    assert volume.pixels.dtype == np.int16
    assert volume.quality.used == volume.quality.found == 400
    assert volume.spacing == pytest.approx((0.8203, 0.8203))


def test_slices_are_five_millimetres_apart_by_position(volume: Volume) -> None:
    """SliceLocation says 4.137 mm, which is wrong."""
    assert np.diff(volume.positions) == pytest.approx(np.full(19, 5.0), abs=1e-3)


def test_frames_follow_the_trigger(volume: Volume) -> None:
    assert (np.diff(volume.times, axis=1) > 0).all()
    assert (volume.times[:, 0].min(), volume.times[:, -1].max()) == (10, 610)


def test_contours_and_geometry_give_the_known_volumes(volume: Volume) -> None:
    volumes = cavity(volume)
    assert volumes.max() == pytest.approx(84.6, rel=0.02)
    assert volumes.min() == pytest.approx(59.4, rel=0.02)
    assert 1 - volumes.min() / volumes.max() == pytest.approx(0.30, abs=0.01)
    assert volumes.argmax() == 2


def test_the_cavity_is_brighter_than_the_lung_around(volume: Volume) -> None:
    """Pixels and contours lie on one another: a shift or a swapped axis would show."""
    name = volume.files[8][2]
    points = np.loadtxt(HEART / "contours" / f"IM-0001-{name[1:5]}-icontour-auto.txt")
    x, y = points.mean(axis=0).round().astype(int)
    picture = volume.pixels[8, 2].astype(float)
    assert picture[y - 4 : y + 5, x - 4 : x + 5].mean() > 2 * np.median(picture)
