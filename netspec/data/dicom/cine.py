"""One slice's pixels: a cine of brightnesses, without the frames that cannot be read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from netspec.data.dicom.frame import Status
from netspec.data.dicom.pixels import UnreadablePixelsError, brightness, read_frame, stored_type
from netspec.data.dicom.stack import Picture, Slice
from netspec.data.study import Array


def read_cine(
    base: Path,
    one: Slice,
    drop: Callable[[Iterable[Picture], str], None],
    note: Callable[[str, int], None],
) -> tuple[list[Picture], Array | None]:
    """The brightnesses [time, height, width] of a slice and the pictures that hold them; None where none can be used.

    Frames whose pixels cannot be read are left out; what is left of a slice must still be a cine.
    """
    kinds = Counter(stored_type(picture.frame) for picture in one.pictures)
    kind = kinds.most_common(1)[0][0]
    pixels: Array = np.empty((len(one.pictures), *one.first.matrix), kind)
    kept: list[Picture] = []
    for picture in one.pictures:
        if stored_type(picture.frame) != kind:
            drop([picture], Status.UNSUPPORTED.reason)
            continue
        try:
            read_frame(base / picture.file.name, picture.frame, pixels[len(kept)])
        except UnreadablePixelsError as error:
            drop([picture], error.status.reason)
        else:
            kept.append(picture)
    if len(kept) < len(one.pictures):
        note("slice with unreadable frames", 1)
    if len(kept) < 2 or len(kept) * 2 < len(one.pictures):
        drop(kept, "too few frames for a cine")
        note("slice with too few frames", 1)
        return [], None
    cine = brightness(pixels[: len(kept)], [picture.frame for picture in kept])
    if cine.min() == cine.max():
        drop(kept, "all of one brightness")
        note("slice of one brightness", 1)
        return [], None
    return kept, cine
