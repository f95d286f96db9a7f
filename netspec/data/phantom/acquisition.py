"""What the scanner was told: matrix, spacing, slices, timing, and where the patient lies.

Frequencies follow the headers of 1,149 real studies, scaled to the smaller matrices of the phantom.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from netspec.data.phantom.anatomy import Floats
from netspec.data.phantom.population import Person

# Cosines of an ordinary short-axis plane: image right, image down (patient axes: left, posterior, head).
ROW_COSINES = (0.617, 0.777, -0.128)
COLUMN_COSINES = (-0.397, 0.167, -0.902)


@dataclass(frozen=True)
class Size:
    """One of the sizes a phantom comes in; a fixed number of slices spreads them over the whole heart."""

    name: str
    patients: int
    rows: int
    columns: int
    frames: int
    slices: int | None = None


SIZES = {
    "tiny": Size("tiny", patients=12, rows=64, columns=48, frames=8, slices=6),
    "small": Size("small", patients=120, rows=96, columns=72, frames=30),
}


@dataclass(frozen=True)
class Acquisition:
    """The settings of one study: mm and ms. `row` and `column` are the direction cosines of the image axes.

    `landscape` turns the picture by a quarter: image right is then the direction that was down.
    """

    rows: int
    columns: int
    frames: int
    landscape: bool
    spacing: tuple[float, float]
    thickness: float
    distance: float
    beat_ms: float
    row: Floats
    column: Floats
    centre: Floats

    @property
    def normal(self) -> Floats:
        """From apex to base: the cross product of the two direction cosines."""
        return np.cross(self.row, self.column)

    def position(self, s: float) -> Floats:
        """ImagePositionPatient of the slice at `s`: the centre of its first pixel, mm."""
        across = self.row * self.spacing[1] * (self.columns - 1) / 2
        down = self.column * self.spacing[0] * (self.rows - 1) / 2
        return self.centre + self.normal * s - across - down


def draw_frames(size: Size, rng: np.random.Generator) -> int:
    """Frames of the beat: mostly what the size says; in the larger sizes sometimes 20, 25 or 40."""
    if size.slices is not None:
        return size.frames
    return int(rng.choice([size.frames, 25, 20, 40], p=[0.90, 0.06, 0.02, 0.02]))


def draw_acquisition(
    size: Size, person: Person, length: float, frames: int, rng: np.random.Generator
) -> Acquisition:
    """Settings for a heart of `length` mm: children get a smaller field of view and thinner slices."""
    rows, columns = size.rows, size.columns
    if size.slices is None:
        columns += int(rng.choice([0, 8, -8, 24], p=[0.62, 0.20, 0.12, 0.06]))
    field = min(max(360 * person.body_scale * math.exp(rng.normal(0, 0.07)), 170), 430)
    spacing = round(field / rows, 4)
    row, column = _plane(rng)
    landscape = bool(rng.random() < 0.22)
    if landscape:
        rows, columns = columns, rows
        row, column = column, -row
    distance, thickness = _slices(size, length, rng)
    rate = min(max(rng.normal(68, 11) + 2.5 * max(16 - person.age, 0), 40), 150)
    return Acquisition(
        rows=rows,
        columns=columns,
        frames=frames,
        landscape=landscape,
        spacing=(spacing, spacing),
        thickness=thickness,
        distance=distance,
        beat_ms=60000 / rate,
        row=row,
        column=column,
        centre=rng.normal([20, -60, 0], [15, 15, 30]),
    )


def slice_positions(acquisition: Acquisition, size: Size, length: float, rng: np.random.Generator) -> Floats:
    """Centres of the slices on s, from apex to base, so that no cavity lies outside the stack of slabs."""
    distance = acquisition.distance
    count = size.slices or min(max(math.ceil(length / distance + 0.8), 8), 14)
    spare = max(count * distance - length, 0.0)
    low = rng.uniform(0.2, 0.8) * spare  # how far the stack begins before the apex
    centres: Floats = np.arange(count, dtype=np.float64) * distance + (distance / 2 - low)
    return centres


def _slices(size: Size, length: float, rng: np.random.Generator) -> tuple[float, float]:
    """Distance and thickness. Most real stacks leave gaps: 8 mm slices every 10 mm."""
    if size.slices is not None:
        return float(math.ceil((length + 5) / size.slices)), 8.0
    child = length < 75  # below some 80 ml
    usual = rng.choice([6, 7, 8]) if child else rng.choice([10, 9, 8], p=[0.86, 0.06, 0.08])
    distance = float(max(usual, math.ceil(length / 13)))
    gap = bool(rng.random() < 0.85)
    return distance, round(distance * 0.8, 1) if gap else distance


def _plane(rng: np.random.Generator) -> tuple[Floats, Floats]:
    """The two cosines, turned by some degrees about a random axis and made exactly orthonormal."""
    turn = _rotation(rng.normal(0, math.radians(6), 3))
    row: Floats = turn @ np.array(ROW_COSINES)
    column: Floats = turn @ np.array(COLUMN_COSINES)
    row /= np.linalg.norm(row)
    column -= row * (row @ column)
    column /= np.linalg.norm(column)
    return row, column


def _rotation(vector: Floats) -> Floats:
    """Rodrigues' formula: the matrix that turns about `vector` by its length in radians."""
    angle = float(np.linalg.norm(vector))
    x, y, z = vector / angle
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    turn: Floats = np.eye(3) + math.sin(angle) * cross + (1 - math.cos(angle)) * cross @ cross
    return turn
