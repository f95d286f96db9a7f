"""Headers that have been read before, kept under the identity of their files so that they are not read again.

A file is known by a hash of its path, its size and its time of change; of its header the index holds numbers alone.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
from functools import cached_property
from pathlib import Path
from threading import RLock

import numpy as np
from numpy.typing import NDArray

from netspec.data.cache import claim
from netspec.data.dicom.find import File
from netspec.data.dicom.frame import FRAME_RECORD, Frame
from netspec.text import SpecError

FORMAT = 1
"""Changes when what is kept of a header changes."""

_FILE_RECORD = np.dtype(
    [("key", "S32"), ("size", "<i8"), ("changed", "<i8"), ("start", "<i8"), ("count", "<i8")]
)
_SAVE_EVERY = 5_000


class Index:
    """The headers of one data folder. With `folder` None it lives in memory alone."""

    def __init__(self, folder: Path | None, base: Path) -> None:
        name = hashlib.sha256(f"{FORMAT} {base}".encode("utf-8", "surrogateescape")).hexdigest()[:32]
        self._lock = RLock()
        self._path = None if folder is None else folder / f"{name}.npz"
        self._unsaved = 0

    @cached_property
    def _known(self) -> dict[str, tuple[int, int, tuple[Frame, ...]]]:
        """What an earlier run left, loaded when it is first asked for; anything odd is read anew from the files."""
        if self._path is None:
            return {}
        try:
            with np.load(self._path, allow_pickle=False) as kept:
                files, frames = kept["files"], kept["frames"]
            if files.dtype == _FILE_RECORD and frames.dtype == FRAME_RECORD:
                return _unpacked(files, frames)
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            pass
        return {}

    def get(self, file: File) -> tuple[Frame, ...] | None:
        """The frames of a file as it is now; None where it is not known or has changed."""
        with self._lock:
            found = self._known.get(file.key)
        return found[2] if found is not None and found[:2] == (file.size, file.changed) else None

    def put(self, file: File, frames: tuple[Frame, ...]) -> None:
        """Remember a file."""
        with self._lock:
            self._known[file.key] = (file.size, file.changed, frames)
            self._unsaved += 1
            if self._unsaved >= _SAVE_EVERY:
                self.save()

    def save(self) -> None:
        """Write what is new; SpecError NS529 where that cannot be done."""
        if self._path is None or not self._unsaved:
            return
        files = np.zeros(len(self._known), _FILE_RECORD)
        start = 0
        rows: list[Frame] = []
        for i, (key, (size, changed, frames)) in enumerate(self._known.items()):
            files[i] = (key.encode(), size, changed, start, len(frames))
            start += len(frames)
            rows += frames
        unfinished = self._path.with_suffix(f".unfinished-{os.getpid()}")
        try:
            claim(self._path.parent)
            with unfinished.open("wb") as file:
                np.savez(file, files=files, frames=np.asarray(rows, FRAME_RECORD))
            unfinished.replace(self._path)
        except OSError as error:
            raise SpecError.of(
                "NS529",
                "the index of the data cannot be kept",
                help="make room, or make the cache folder writable, or say `cache: none` under `data`",
            ) from error
        self._unsaved = 0


def _unpacked(
    files: NDArray[np.void], frames: NDArray[np.void]
) -> dict[str, tuple[int, int, tuple[Frame, ...]]]:
    """The index from its two tables."""
    rows = list(map(Frame._make, frames.tolist()))
    known = {}
    for key, size, changed, start, count in files.tolist():
        if not 0 <= start <= start + count <= len(rows) or not count:
            raise ValueError("the tables do not agree")
        known[key.decode()] = (size, changed, tuple(rows[start : start + count]))
    return known
