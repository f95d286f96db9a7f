"""One patient's samples between the reader and the arrays: what transforms work on."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import nan
from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]
Direction = tuple[float, float, float]


@dataclass(frozen=True)
class Plane:
    """How a picture lies in the patient: millimetres from row to row and from column to column, and two directions.

    `along_row` is the direction in which the column number grows (the first three direction cosines of DICOM),
    `along_column` that in which the row number grows, both in the patient's coordinates (left, posterior, head).
    """

    spacing: tuple[float, float]
    along_row: Direction
    along_column: Direction

    def turned(self, quarters: int) -> Plane:
        """The plane of a picture that was turned counterclockwise by so many quarters (as `numpy.rot90` turns it)."""
        plane = self
        for _ in range(quarters % 4):
            x, y, z = plane.along_row
            plane = Plane((plane.spacing[1], plane.spacing[0]), plane.along_column, (-x, -y, -z))
        return plane


@dataclass
class Study:
    """The samples of one patient (or a single sample, where there are no patients).

    `fields` holds for every field one array a sample, without a batch axis; `planes` how each sample's picture lies, or
    None where nobody knows. `words` names the classes of fields that have names for them. `age` in years (NaN where
    missing) and `sex` (0 F, 1 M, 2 other, -1 missing) are the patient's.
    """

    fields: dict[str, list[Array]]
    planes: list[Plane | None]
    words: dict[str, tuple[str, ...]] = field(default_factory=dict)
    age: float = nan
    sex: int = -1

    @property
    def count(self) -> int:
        """How many samples there are."""
        return len(self.planes)
