"""Pixels of frames whose headers are known: read where they stand in the file, or decoded where compressed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from netspec.data.dicom.frame import Frame, Status
from netspec.data.dicom.quiet import quiet
from netspec.data.study import Array


class UnreadablePixelsError(Exception):
    """The pixels of one frame cannot be had, for the reason carried."""

    def __init__(self, status: Status) -> None:
        super().__init__(status.reason)
        self.status = status


def stored_type(frame: Frame) -> np.dtype[np.signedinteger] | np.dtype[np.unsignedinteger]:
    """The type in which the file holds its pixels."""
    order = ">" if frame.big_endian else "<"
    return np.dtype(f"{order}{'i' if frame.signed else 'u'}{frame.bits // 8}")


def read_frame(path: Path, frame: Frame, out: Array) -> None:
    """Put the frame's stored pixels into `out`, which has its matrix and its stored type.

    Raises UnreadablePixelsError where the file has changed, is cut off, or cannot be decoded.
    """
    if frame.offset < 0:
        out[...] = _decoded(path, frame)
        return
    try:
        with path.open("rb", buffering=0) as file:
            file.seek(frame.offset + frame.part * out.nbytes)
            got = file.readinto(out.data.cast("B"))
    except OSError as error:
        raise UnreadablePixelsError(Status.UNREADABLE) from error
    if got != out.nbytes:
        raise UnreadablePixelsError(Status.CUT_OFF)


def _decoded(path: Path, frame: Frame) -> Array:
    """One frame through pydicom's decoders."""
    from pydicom.pixels.utils import pixel_array  # noqa: PLC0415 - most files never need it, and it loads the decoders

    try:
        with quiet():
            decoded: Array = pixel_array(path, index=frame.part)
    except Exception as error:
        raise UnreadablePixelsError(Status.UNDECODABLE) from error
    if decoded.shape != frame.matrix:
        raise UnreadablePixelsError(Status.UNDECODABLE)
    return decoded


def brightness(stack: Array, frames: Sequence[Frame]) -> Array:
    """Stored pixels [frame, row, column] as brightnesses: unused bits cleared, inverted pictures turned, rescaled.

    `value = stored * RescaleSlope + RescaleIntercept`, frame by frame. MONOCHROME1 (small is bright) is turned within
    its stored range first. The numbers stay whole where no frame is rescaled, else they are float32.
    """
    first = frames[0]
    if first.big_endian:
        stack = stack.astype(stack.dtype.newbyteorder("<"))
    if first.offset >= 0 and first.stored < first.bits:
        unused = first.bits - first.stored
        stack = (stack << unused) >> unused
    if first.inverted:
        stack = ~stack if first.signed else np.asarray((1 << first.stored) - 1, stack.dtype) - stack
    if all(frame.slope == 1 and frame.intercept == 0 for frame in frames):
        return stack
    slopes = np.asarray([frame.slope for frame in frames], np.float32)[:, None, None]
    intercepts = np.asarray([frame.intercept for frame in frames], np.float32)[:, None, None]
    rescaled: Array = stack.astype(np.float32) * slopes + intercepts
    return rescaled
