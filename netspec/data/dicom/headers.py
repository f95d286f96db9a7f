"""Headers without pixels: from a file to the numbers of its pictures, or to the reason why it has none.

A file is not trusted. Whatever a broken or hostile one makes the parser raise, it is one file that cannot be used.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable
from collections.abc import Sequence as Listed
from math import hypot, isfinite, nan
from pathlib import Path
from typing import BinaryIO

from pydicom import dcmread
from pydicom.dataset import Dataset, FileDataset

from netspec.data.dicom.frame import Frame, Status
from netspec.data.dicom.plain import PlainHeader, read_plain, wanted
from netspec.data.dicom.quiet import quiet
from netspec.recipe.source import SEXES

MOST_PIXELS = 1 << 28
"""The most pixels that one file may claim."""

_DEFLATED = b"1.2.840.10008.1.2.1.99"
_UNDEFINED = 0xFFFFFFFF
_START = 32_768
_YEARS = {"Y": 1.0, "M": 12.0, "W": 365.25 / 7, "D": 365.25}
_TAGS: list[str] = [
    "SpecificCharacterSet", "SOPClassUID", "PatientAge", "PatientSex", "TriggerTime", "SeriesInstanceUID",
    "InstanceNumber", "ImagePositionPatient", "ImageOrientationPatient", "SamplesPerPixel", "NumberOfFrames",
    "PhotometricInterpretation", "Rows", "Columns", "PixelSpacing", "BitsAllocated", "BitsStored", "HighBit",
    "PixelRepresentation", "RescaleIntercept", "RescaleSlope", "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
]  # fmt: skip


_WANTED = wanted(_TAGS)

Header = Dataset | PlainHeader


class _Unusable(Exception):
    """The file cannot be used, for the reason it carries."""

    def __init__(self, status: Status) -> None:
        super().__init__(status.reason)
        self.status = status


def read_header(path: Path) -> tuple[Frame, ...]:
    """The frames of one file; a single frame that carries the reason where the file cannot be used."""
    try:
        with path.open("rb") as file:
            return _frames(file)
    except _Unusable as unusable:
        return (Frame(unusable.status),)
    except OSError:
        return (Frame(Status.UNREADABLE),)
    except Exception:  # noqa: BLE001 - a hostile file may make the parser raise anything
        return (Frame(Status.NOT_DICOM),)


def _frames(file: BinaryIO) -> tuple[Frame, ...]:
    """Parse the header and measure what follows it."""
    start = file.read(_START)
    if start[128:132] != b"DICM":
        raise _Unusable(Status.NOT_DICOM)
    plain = read_plain(start, _WANTED)
    if plain is not None:
        size = file.seek(0, 2)
        return _of_header(plain, lambda wanted: _plain_offset(plain, size, wanted))
    if _DEFLATED in start:
        raise _Unusable(Status.UNSUPPORTED)  # unpacking would take memory that nobody has measured
    file.seek(0)
    with quiet():
        header = dcmread(file, stop_before_pixels=True, specific_tags=list(_TAGS))
        return _of_header(header, lambda wanted: _offset(file, header, wanted))


def _of_header(header: Header, place: Callable[[int], int]) -> tuple[Frame, ...]:
    """The frames of a header. `place` gives where so many bytes of pixels begin (-1 where they must be decoded)."""
    first = _first(header)
    count = int(_number(header, "NumberOfFrames", 1) or 1)
    pixels = first.rows * first.columns * max(count, 1)
    if not 1 <= count <= 100_000 or not 0 < pixels <= MOST_PIXELS:
        raise _Unusable(Status.UNSUPPORTED)
    offset = place(pixels * first.bits // 8)
    if first.stored < first.bits and int(_number(header, "HighBit", first.stored - 1)) != first.stored - 1:
        offset = -1  # an uncommon layout of bits is left to pydicom
    first = first._replace(offset=offset)
    if isinstance(header, Dataset) and "PerFrameFunctionalGroupsSequence" in header:
        return _enhanced(header, first, count)
    if count > 1:
        raise _Unusable(Status.MULTI_FRAME)
    return (_placed(first, header, header, header),)


def _first(header: Header) -> Frame:
    """What all frames of a file share: the matrix, the kind of numbers, and the patient's age and sex."""
    if "Rows" not in header or "Columns" not in header:
        raise _Unusable(Status.NO_PICTURE)
    photometric = str(header.get("PhotometricInterpretation") or "")
    bits = int(_number(header, "BitsAllocated", 0))
    stored = int(_number(header, "BitsStored", bits))
    grey = photometric in {"MONOCHROME1", "MONOCHROME2"} and _number(header, "SamplesPerPixel", 1) == 1
    if not grey or bits not in {8, 16, 32} or not 1 <= stored <= bits:
        raise _Unusable(Status.UNSUPPORTED)
    series = hashlib.blake2b(str(header.get("SeriesInstanceUID") or "").encode(), digest_size=7).digest()
    return Frame(
        status=Status.OK,
        rows=int(_number(header, "Rows", 0)),
        columns=int(_number(header, "Columns", 0)),
        trigger=_number(header, "TriggerTime", nan),
        number=_number(header, "InstanceNumber", nan),
        bits=bits,
        stored=stored,
        signed=int(_number(header, "PixelRepresentation", 0) == 1),
        big_endian=int(not header.original_encoding[1]),
        inverted=int(photometric == "MONOCHROME1"),
        age=_age(header.get("PatientAge")),
        sex=_sex(header.get("PatientSex")),
        series=int.from_bytes(series),
    )


def _placed(frame: Frame, place: Header, directions: Header, measures: Header) -> Frame:
    """The frame with its position, directions, pixel size and rescaling, each from the part of the header given."""
    position = _numbers(place, "ImagePositionPatient", 3)
    row_column = _numbers(directions, "ImageOrientationPatient", 6)
    spacing = _numbers(measures, "PixelSpacing", 2)
    row, column = row_column[:3], row_column[3:]
    skew = sum(a * b for a, b in zip(row, column, strict=True))
    unit = abs(hypot(*row) - 1) < 0.01 and abs(hypot(*column) - 1) < 0.01
    if not unit or abs(skew) > 0.01 or min(spacing) < 0.001 or max(spacing) > 1000:
        raise _Unusable(Status.NO_GEOMETRY)
    return frame._replace(
        x=position[0], y=position[1], z=position[2],
        row_x=row[0], row_y=row[1], row_z=row[2],
        column_x=column[0], column_y=column[1], column_z=column[2],
        row_spacing=spacing[0], column_spacing=spacing[1],
        slope=_number(measures, "RescaleSlope", frame.slope),
        intercept=_number(measures, "RescaleIntercept", frame.intercept),
    )  # fmt: skip


def _enhanced(header: Dataset, first: Frame, count: int) -> tuple[Frame, ...]:
    """The frames of an enhanced multi-frame file: geometry, time and rescaling may differ from frame to frame."""
    groups = header.PerFrameFunctionalGroupsSequence
    shared = _first_item(header, "SharedFunctionalGroupsSequence")
    if len(groups) != count:
        raise _Unusable(Status.MULTI_FRAME)
    order = sorted(range(count), key=lambda i: _dimensions(groups[i], i))
    ranks = {i: rank for rank, i in enumerate(order)}
    frames = []
    for i, group in enumerate(groups):
        heart = _part("CardiacSynchronizationSequence", group, shared)
        scale = _part("PixelValueTransformationSequence", group, shared)
        frame = first._replace(
            part=i,
            number=float(ranks[i] + 1),
            trigger=_number(heart, "NominalCardiacTriggerDelayTime", nan),
            slope=_number(scale, "RescaleSlope", 1.0),
            intercept=_number(scale, "RescaleIntercept", 0.0),
        )
        place = _part("PlanePositionSequence", group, shared)
        directions = _part("PlaneOrientationSequence", group, shared)
        frames.append(_placed(frame, place, directions, _part("PixelMeasuresSequence", group, shared)))
    return tuple(frames)


def _part(name: str, group: Dataset, shared: Dataset) -> Dataset:
    """A functional group of a frame: its own, or the one that all frames share; empty where there is neither."""
    own = _first_item(group, name)
    return own if len(own) else _first_item(shared, name)


def _first_item(header: Dataset, name: str) -> Dataset:
    """The first item of a sequence; an empty one where there is none."""
    items = header.get(name)
    return items[0] if items else Dataset()


def _dimensions(group: Dataset, i: int) -> tuple[int, ...]:
    """Where a frame stands in the order of its file: its dimension indices, then its number."""
    values = _first_item(group, "FrameContentSequence").get("DimensionIndexValues")
    if values is None:
        return (i,)
    return (*(int(one) for one in (values if isinstance(values, Listed) else [values])), i)


def _plain_offset(header: PlainHeader, end: int, size: int) -> int:
    """Where `size` bytes of pixels begin in a file that ends at `end`."""
    if header.length < size or end - header.begin < size:
        raise _Unusable(Status.CUT_OFF)
    return header.begin


def _offset(file: BinaryIO, header: FileDataset, size: int) -> int:
    """Where `size` bytes of plain pixels begin, or -1 where they are compressed; the parser stopped before them."""
    start = file.tell()
    implicit, little = header.original_encoding
    order = "<" if little else ">"
    head = file.read(12)
    if len(head) < 8 or struct.unpack(f"{order}HH", head[:4]) != (0x7FE0, 0x0010):
        raise _Unusable(Status.CUT_OFF if len(head) < 8 else Status.NO_PICTURE)
    if implicit:
        begin, length = start + 8, struct.unpack(f"{order}I", head[4:8])[0]
    else:
        long_form = head[4:6] in {b"OW", b"OB"}
        if not long_form or len(head) < 12:
            raise _Unusable(Status.CUT_OFF)
        begin, length = start + 12, struct.unpack(f"{order}I", head[8:12])[0]
    end = file.seek(0, 2)
    syntax = getattr(header.file_meta, "TransferSyntaxUID", None)
    if length == _UNDEFINED or (syntax is not None and syntax.is_encapsulated):
        return -1
    if length < size or end - begin < size:
        raise _Unusable(Status.CUT_OFF)
    return int(begin)


def _number(header: Header, name: str, default: float) -> float:
    """A number of the header; `default` where it is missing, empty, several, or not a finite number."""
    try:
        value = float(header.get(name))
    except (TypeError, ValueError, OverflowError):
        return default
    return value if isfinite(value) else default


def _numbers(header: Header, name: str, count: int) -> list[float]:
    """As many finite numbers of the header; without them there is no geometry."""
    try:
        values = [float(one) for one in header.get(name) or ()]
    except (TypeError, ValueError, OverflowError) as error:
        raise _Unusable(Status.NO_GEOMETRY) from error
    if len(values) != count or not all(isfinite(one) for one in values):
        raise _Unusable(Status.NO_GEOMETRY)
    return values


def _age(written: object) -> float:
    """Years from `nnnY`, `nnnM`, `nnnW` or `nnnD`; NaN for anything else."""
    text = str(written or "").strip().upper()
    if len(text) < 2 or text[-1] not in _YEARS or not text[:-1].isdecimal():
        return nan
    return int(text[:-1]) / _YEARS[text[-1]]


def _sex(written: object) -> int:
    """The number of the class in `SEXES`; -1 where it is missing or something else."""
    text = str(written or "").strip().upper()
    return SEXES.index(text) if text in SEXES else -1
