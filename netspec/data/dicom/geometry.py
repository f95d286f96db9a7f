"""Where slices lie: normals, coordinates along them, and which end of the heart is which.

The coordinate of a slice is `ImagePositionPatient . normal`, the normal the cross product of the two direction cosines.
SliceLocation and SliceThickness are never used: both are wrong in real files.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import acos, degrees, sqrt

from netspec.data.dicom.frame import Frame

Vector = tuple[float, float, float]

SAME_PLACE_MM = 0.5
"""Slices nearer to one another than this lie at one place."""

PARALLEL_DEGREES = 5.0
"""Planes whose normals differ by less belong to one stack."""

_TO_APEX: Vector = (
    1 / sqrt(3),
    -1 / sqrt(3),
    -1 / sqrt(3),
)  # the apex lies to the left, in front, and towards the feet


def dot(one: Vector, other: Vector) -> float:
    """The scalar product."""
    return one[0] * other[0] + one[1] * other[1] + one[2] * other[2]


def normal(frame: Frame) -> Vector:
    """The unit normal of a picture: row direction x column direction."""
    a, b = frame.along_row, frame.along_column
    cross = (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])
    length = sqrt(dot(cross, cross))
    return cross[0] / length, cross[1] / length, cross[2] / length


def angle(one: Vector, other: Vector) -> float:
    """Degrees between two planes, by their normals; the side from which they are seen does not matter."""
    return degrees(acos(min(1.0, abs(dot(one, other)))))


def towards_base(stack_normal: Vector) -> Vector:
    """The normal, turned so that it points from apex to base."""
    x, y, z = stack_normal
    return (-x, -y, -z) if dot(stack_normal, _TO_APEX) > 0 else stack_normal


def stack_normal(normals: Sequence[Vector]) -> Vector:
    """The normal that most of the planes are parallel to, pointing from apex to base."""
    counts = Counter(normals)
    best = max(
        counts,
        key=lambda one: (sum(n for other, n in counts.items() if angle(one, other) < PARALLEL_DEGREES), one),
    )
    return towards_base(best)


def positions(coordinates: Sequence[float]) -> list[float]:
    """0 for the slice at the apex, 1 for the one at the base; 0.5 for a slice that is alone."""
    low, high = min(coordinates), max(coordinates)
    if high - low < SAME_PLACE_MM:
        return [0.5] * len(coordinates)
    return [(one - low) / (high - low) for one in coordinates]
