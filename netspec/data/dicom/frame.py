"""What is kept of a picture's header: numbers alone, nothing that says who it is or where it came from."""

from __future__ import annotations

from enum import IntEnum
from math import nan
from typing import NamedTuple

import numpy as np


class Status(IntEnum):
    """Whether a file can be used, and why not."""

    OK = 0
    NOT_DICOM = 1
    NO_PICTURE = 2
    CUT_OFF = 3
    NO_GEOMETRY = 4
    UNSUPPORTED = 5
    MULTI_FRAME = 6
    UNREADABLE = 7
    UNDECODABLE = 8

    @property
    def reason(self) -> str:
        """The words for the quality record."""
        return _REASONS[self]


_REASONS = {
    Status.OK: "used",
    Status.NOT_DICOM: "not DICOM",
    Status.NO_PICTURE: "without a picture",
    Status.CUT_OFF: "cut off",
    Status.NO_GEOMETRY: "without position, directions or pixel size",
    Status.UNSUPPORTED: "of a kind of picture that is not supported",
    Status.MULTI_FRAME: "with several frames of unknown places",
    Status.UNREADABLE: "unreadable",
    Status.UNDECODABLE: "with pixels that cannot be decoded",
}


class Frame(NamedTuple):
    """One picture of a file.

    Position (of the first pixel's centre) and the two directions are in the patient's coordinates, mm; spacing is
    [row, column] in mm. `trigger` (ms) and `number` order a cine and are NaN where missing. `offset` is where the
    pixels begin in the file, or -1 where they must be decoded; `part` is the frame within the file. `age` is in
    years, `sex` 0 F, 1 M, 2 other, -1 missing; `series` a hash that tells series apart.
    """

    status: int
    rows: int = 0
    columns: int = 0
    x: float = nan
    y: float = nan
    z: float = nan
    row_x: float = nan
    row_y: float = nan
    row_z: float = nan
    column_x: float = nan
    column_y: float = nan
    column_z: float = nan
    row_spacing: float = nan
    column_spacing: float = nan
    trigger: float = nan
    number: float = nan
    slope: float = 1.0
    intercept: float = 0.0
    offset: int = -1
    part: int = 0
    bits: int = 0
    stored: int = 0
    signed: int = 0
    big_endian: int = 0
    inverted: int = 0
    age: float = nan
    sex: int = -1
    series: int = 0

    @property
    def along_row(self) -> tuple[float, float, float]:
        """The direction in which the column number grows."""
        return self.row_x, self.row_y, self.row_z

    @property
    def along_column(self) -> tuple[float, float, float]:
        """The direction in which the row number grows."""
        return self.column_x, self.column_y, self.column_z

    @property
    def position(self) -> tuple[float, float, float]:
        """Where the first pixel's centre lies."""
        return self.x, self.y, self.z

    @property
    def matrix(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.rows, self.columns


_WHOLE = {"status": "<i1", "rows": "<i4", "columns": "<i4", "offset": "<i8", "part": "<i4", "series": "<i8"}
_SMALL = ("bits", "stored", "signed", "big_endian", "inverted", "sex")

FRAME_RECORD = np.dtype(
    [(name, _WHOLE.get(name, "<i1" if name in _SMALL else "<f8")) for name in Frame._fields]
)
"""A Frame as a row of an array, for the index on disk."""
