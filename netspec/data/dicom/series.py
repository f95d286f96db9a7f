"""One folder that is one short-axis stack, as a volume over time: for measuring, outside of any spec."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netspec.data.dicom.account import Account
from netspec.data.dicom.cine import read_cine
from netspec.data.dicom.find import walk
from netspec.data.dicom.frame import Status
from netspec.data.dicom.headers import read_header
from netspec.data.dicom.stack import Picture, stack
from netspec.data.quality import QualityRecord
from netspec.data.study import Array
from netspec.recipe.source import Order
from netspec.text import SpecError

_ORDER: tuple[Order, ...] = ("trigger_time", "instance_number", "file_name")


@dataclass(frozen=True)
class Volume:
    """A stack of cines from apex to base.

    `pixels` [slice, time, height, width]; `positions` [slice] along the normal, mm; `spacing` [row, column] of a pixel,
    mm; `times` [slice, time] after the trigger, ms (NaN where the files do not tell); `files` names the file of every
    slice and frame, below the folder.
    """

    pixels: Array
    positions: NDArray[np.float64]
    spacing: tuple[float, float]
    times: NDArray[np.float64]
    files: tuple[tuple[str, ...], ...]
    quality: QualityRecord


def read_series(folder: Path, order: Sequence[Order] = _ORDER) -> Volume:
    """Read every file below `folder` as one stack, told apart by position.

    SpecError NS521 where there is no cine, NS535 where slices differ in frames, matrix or pixel size.
    """
    if not folder.is_dir():
        raise SpecError.of(
            "NS520", f"there is no folder `{folder.name}`", help="name a folder of DICOM files"
        )
    files = list(walk(folder))
    account = Account(files)
    pictures = []
    for file in files:
        frames = read_header(folder / file.name)
        if frames[0].status == Status.OK:
            pictures += [Picture(file, frame) for frame in frames]
        else:
            account.drop_files([file], Status(frames[0].status).reason)
    cines, kept, coordinates = [], [], []
    for one in stack(pictures, order, account.drop, account.note):
        used, cine = read_cine(folder, one, account.drop, account.note)
        if cine is not None:
            cines.append(cine)
            kept.append(used)
            coordinates.append(one.coordinate)
    quality = QualityRecord(found=len(files))
    account.close(quality, "", [one for used in kept for one in used])
    if not cines:
        raise SpecError.of(
            "NS521", f"`{folder.name}` holds no cine: {quality.summary()}", help="name another folder"
        )
    spacings = {(one.frame.row_spacing, one.frame.column_spacing) for used in kept for one in used}
    if len({cine.shape for cine in cines}) > 1 or len(spacings) > 1:
        raise SpecError.of(
            "NS535",
            f"the slices of `{folder.name}` differ in frames, matrix or pixel size",
            help="read them through the source `dicom_cine`, with `resample`, `frames` and `crop`",
        )
    return Volume(
        pixels=np.stack(cines),
        positions=np.asarray(coordinates),
        spacing=spacings.pop(),
        times=np.asarray([[one.frame.trigger for one in used] for used in kept]),
        files=tuple(tuple(one.file.name for one in used) for used in kept),
        quality=quality,
    )
