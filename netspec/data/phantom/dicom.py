"""One slice as DICOM files, as the Data Science Bowl has them: a file a frame, named `IM-<series>-<frame>.dcm`.

Only four values change from frame to frame, so a slice's header is encoded once by pydicom and these are put in place:
a writer that encoded every file anew took 13 s a study.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from pydicom import dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, MRImageStorage

from netspec.data.phantom.acquisition import Acquisition
from netspec.data.phantom.population import Person
from netspec.data.phantom.signal import BITS, Pixels

_WRITER = UID("2.25.203574291852603170412086195227340912")
# What changes in a file, as it stands in the bytes: tag, representation, length, and a value of that length.
_CHANGES = re.compile(
    rb"(?<=\x02\x00\x03\x00UI\x2c\x00)(?P<meta>.{44})|(?<=\x08\x00\x18\x00UI\x2c\x00)(?P<uid>.{44})"
    rb"|(?<=\x18\x00\x60\x10DS\x08\x00)(?P<time>.{8})|(?<=\x20\x00\x13\x00IS\x04\x00)(?P<number>.{4})",
    re.DOTALL,
)


@dataclass(frozen=True)
class SliceHeader:
    """Where and of whom a slice is: what its files share. `key` makes identifiers, `series` file names."""

    key: tuple[int, str, int]
    patient: int
    person: Person
    acquisition: Acquisition
    series: int
    s: float
    location_offset: float
    gain: float


def identifier(*parts: object) -> str:
    """A UID of 43 characters made of `parts` alone: the same parts, the same UID, and nothing of the machine in it."""
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return f"2.25.{10**37 + int.from_bytes(digest) % (9 * 10**37)}"


def file_name(series: int, frame: int) -> str:
    """The name of a frame, which is counted from 0 here and from 1 in the name."""
    return f"IM-{series:04d}-{frame + 1:04d}.dcm"


def write_slice(folder: Path, header: SliceHeader, frames: Pixels) -> None:
    """Write `frames` (frames, rows, columns) into `folder`, which is made."""
    folder.mkdir(parents=True)
    encode = _encoder(_dataset(header))
    step = header.acquisition.beat_ms / len(frames)
    for frame, pixels in enumerate(frames):
        uid = identifier(*header.key, header.series, frame)
        start = encode(uid, frame + 1, frame * step)
        (folder / file_name(header.series, frame)).write_bytes(
            start + pixels.astype("<u2", copy=False).tobytes()
        )


def _encoder(dataset: Dataset) -> Callable[[str, int, float], bytes]:
    """A function of identifier, number and trigger time (ms) that gives everything up to the pixels."""
    buffer = BytesIO()
    dcmwrite(buffer, dataset, enforce_file_format=True)
    whole = buffer.getvalue()
    begin = whole[: len(whole) - len(dataset.PixelData)]
    spans = {str(match.lastgroup): match.span() for match in _CHANGES.finditer(begin)}
    if len(spans) != 4:
        raise RuntimeError(f"the encoded header shows {sorted(spans)} instead of its four changing values")

    def encode(uid: str, number: int, time: float) -> bytes:
        patched = bytearray(begin)
        texts = {"meta": uid.encode() + b"\0", "uid": uid.encode() + b"\0"}
        texts |= {"time": f"{time:<8.2f}".encode(), "number": f"{number:<4d}".encode()}
        for name, (low, high) in spans.items():
            patched[low:high] = texts[name]
        if len(patched) != len(begin):
            raise RuntimeError("a changing value of the header does not fit its place")
        return bytes(patched)

    return encode


def _dataset(header: SliceHeader) -> Dataset:
    """The header with placeholders for what changes. As in the real files there is no SeriesInstanceUID and no name."""
    acquisition = header.acquisition
    uid = UID(identifier(*header.key, header.series, 0))
    one = Dataset()
    one.file_meta = FileMetaDataset()
    one.file_meta.MediaStorageSOPClassUID = MRImageStorage
    one.file_meta.MediaStorageSOPInstanceUID = uid
    one.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    one.file_meta.ImplementationClassUID = _WRITER
    one.file_meta.ImplementationVersionName = "NETSPEC_PHANTOM"
    one.SpecificCharacterSet = "ISO_IR 100"
    one.ImageType = ["ORIGINAL", "PRIMARY", "M", "NORM"]
    one.SOPClassUID = MRImageStorage
    one.SOPInstanceUID = uid
    one.Modality = "MR"
    one.Manufacturer = "netspec phantom"
    one.SeriesDescription = "sax cine"
    one.PatientName = ""
    one.PatientID = str(header.patient)
    one.PatientBirthDate = ""
    one.PatientSex = header.person.sex
    one.PatientAge = f"{header.person.age:03d}Y"
    one.SliceThickness = _number(acquisition.thickness)
    one.SpacingBetweenSlices = _number(acquisition.distance)
    one.TriggerTime = "00000.00"
    one.NominalInterval = str(round(acquisition.beat_ms))
    one.CardiacNumberOfImages = str(acquisition.frames)
    one.InPlanePhaseEncodingDirection = "COL" if acquisition.landscape else "ROW"
    one.PatientPosition = "HFS"
    one.StudyInstanceUID = identifier(*header.key, "study")
    one.StudyID = ""
    one.SeriesNumber = str(header.series)
    one.InstanceNumber = "0000"
    one.ImagePositionPatient = [_number(v) for v in acquisition.position(header.s)]
    one.ImageOrientationPatient = [_number(v) for v in (*acquisition.row, *acquisition.column)]
    # Counted from some other zero than the position's: what agrees with it only by chance should not be relied on.
    one.SliceLocation = _number(header.s + header.location_offset)
    _image_module(one, header)
    return one


def _image_module(one: Dataset, header: SliceHeader) -> None:
    acquisition = header.acquisition
    one.SamplesPerPixel = 1
    one.PhotometricInterpretation = "MONOCHROME2"
    one.Rows, one.Columns = acquisition.rows, acquisition.columns
    one.PixelSpacing = [_number(v) for v in acquisition.spacing]
    one.BitsAllocated, one.BitsStored, one.HighBit = 16, BITS, BITS - 1
    one.PixelRepresentation = 0
    one.WindowCenter = str(round(header.gain * 0.6))
    one.WindowWidth = str(round(header.gain * 1.2))
    one.PixelData = bytes(2 * acquisition.rows * acquisition.columns)


def _number(value: float) -> str:
    """A decimal string of at most 16 characters; -0 is written as 0."""
    return f"{round(float(value), 6) + 0.0:.10g}"
