"""Tiny DICOM files for tests: a beating square whose brightness says which slice and frame it is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import (
    UID,
    EnhancedMRImageStorage,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    MRImageStorage,
)

ROW, COLUMN = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0)
# rows to the patient's left, columns to the back: the normal points to the head, which is where the base is


def picture(rows: int = 8, columns: int = 6, value: int = 100) -> NDArray[np.uint16]:
    """Zeros with a square of `value` in the middle."""
    pixels = np.zeros((rows, columns), np.uint16)
    pixels[2:-2, 2:-2] = value
    return pixels


def dataset(
    pixels: NDArray[np.generic],
    *,
    position: Sequence[float] = (0.0, 0.0, 0.0),
    row: Sequence[float] = ROW,
    column: Sequence[float] = COLUMN,
    spacing: Sequence[float] = (2.0, 2.0),
    trigger: float | str | None = None,
    number: int | str | None = None,
    syntax: UID = ExplicitVRLittleEndian,
    photometric: str = "MONOCHROME2",
    **more: Any,
) -> Dataset:
    """One picture as a data set; `more` are elements by keyword, None leaves one out."""
    one = Dataset()
    one.file_meta = FileMetaDataset()
    one.file_meta.MediaStorageSOPClassUID = MRImageStorage
    one.file_meta.MediaStorageSOPInstanceUID = UID("2.25.1")
    one.file_meta.TransferSyntaxUID = syntax
    one.SOPClassUID = MRImageStorage
    one.SOPInstanceUID = one.file_meta.MediaStorageSOPInstanceUID
    one.PatientName = "Secret^Name"
    one.PatientID = "secret-id"
    one.PatientAge = "041Y"
    one.PatientSex = "F"
    one.ImagePositionPatient = [round(float(v), 6) for v in position]
    one.ImageOrientationPatient = [round(float(v), 6) for v in (*row, *column)]
    one.PixelSpacing = list(spacing)
    one.TriggerTime = trigger
    one.InstanceNumber = number
    one.SamplesPerPixel = 1
    one.PhotometricInterpretation = photometric
    one.Rows, one.Columns = pixels.shape[-2:]
    one.BitsAllocated = one.BitsStored = pixels.dtype.itemsize * 8
    one.HighBit = one.BitsStored - 1
    one.PixelRepresentation = int(pixels.dtype.kind == "i")
    turned = pixels.astype(pixels.dtype.newbyteorder(">")) if syntax == ExplicitVRBigEndian else pixels
    one.PixelData = turned.tobytes()
    for name, value in more.items():
        setattr(one, name, value)
    return one


def write(path: Path, one: Dataset) -> Path:
    """Write a data set to `path`, whose folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    syntax = one.file_meta.TransferSyntaxUID
    one.save_as(
        path,
        implicit_vr=syntax == ImplicitVRLittleEndian,
        little_endian=syntax != ExplicitVRBigEndian,
        enforce_file_format=True,
    )
    return path


def write_slice(
    folder: Path,
    *,
    series: int = 1,
    z: float = 0.0,
    frames: int = 4,
    triggers: Sequence[float | str | None] | None = None,
    numbers: Sequence[int | str | None] | None = None,
    rows: int = 8,
    columns: int = 6,
    values: Sequence[int] | None = None,
    **more: Any,
) -> list[Path]:
    """A cine of one slice at height `z`: `folder/IM-<series>-<frame>.dcm`."""
    paths = []
    for i in range(frames):
        one = dataset(
            picture(rows, columns, values[i] if values else 100 + 10 * i),
            position=(0.0, 0.0, z),
            trigger=triggers[i] if triggers else 20.0 * i,
            number=numbers[i] if numbers else i + 1,
            **more,
        )
        paths.append(write(folder / f"IM-{series:04d}-{i + 1:04d}.dcm", one))
    return paths


def write_patient(study: Path, *, slices: int = 3, **more: Any) -> None:
    """A stack `study/sax_<k>/...` of slices 10 mm apart, whose folders are not numbered by place."""
    for k in range(slices):
        write_slice(study / f"sax_{slices + 3 - k}", series=40 + k, z=10.0 * k, **more)


def write_collection(root: Path, patients: int = 5, **more: Any) -> Path:
    """`root/train/<id>/study/...` and `root/train.csv` with volumes 50 + id and 100 + id ml."""
    lines = ["Id,Systole,Diastole"]
    for i in range(1, patients + 1):
        write_patient(root / "train" / str(i) / "study", **more)
        lines.append(f"{i},{50 + i},{100 + i}")
    (root / "train.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return root


def enhanced(slices: int = 2, frames: int = 3) -> Dataset:
    """An enhanced multi-frame picture: geometry, time and rescaling per frame, frames in a scrambled order."""
    count = slices * frames
    pixels = np.stack([picture(value=10 + i) for i in range(count)])
    one = dataset(pixels, NumberOfFrames=count)
    one.file_meta.MediaStorageSOPClassUID = one.SOPClassUID = EnhancedMRImageStorage
    for name in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "TriggerTime"):
        delattr(one, name)
    shared = Dataset()
    shared.PlaneOrientationSequence = Items([_with(ImageOrientationPatient=[*ROW, *COLUMN])])
    shared.PixelMeasuresSequence = Items([_with(PixelSpacing=[2.0, 2.0], SliceThickness=None)])
    one.SharedFunctionalGroupsSequence = Items([shared])
    groups = []
    for i in range(count):
        where, when = i % slices, frames - 1 - i // slices
        group = Dataset()
        group.PlanePositionSequence = Items([_with(ImagePositionPatient=[0.0, 0.0, 10.0 * where])])
        group.FrameContentSequence = Items([_with(DimensionIndexValues=[1, where + 1, when + 1])])
        group.CardiacSynchronizationSequence = Items([_with(NominalCardiacTriggerDelayTime=30.0 * when)])
        group.PixelValueTransformationSequence = Items([_with(RescaleSlope=2.0, RescaleIntercept=float(i))])
        groups.append(group)
    one.PerFrameFunctionalGroupsSequence = Items(groups)
    return one


def _with(**elements: object) -> Dataset:
    one = Dataset()
    for name, value in elements.items():
        setattr(one, name, value)
    return one
