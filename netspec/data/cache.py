"""Prepared samples on disk: one memory-mapped `.npy` file a field, under a key of everything that they depend on.

A set is written beside its place and renamed when it is whole, so a run that is killed leaves nothing that could be
taken for a set. What is found is measured against its own description before it is used; anything odd is made again.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np

from netspec.data.ragged import longest
from netspec.data.study import Array
from netspec.text import SpecError

FORMAT = 3
"""Part of every key; changes when what is written changes."""

KEPT = 8
"""How many prepared sets stay in a cache folder; the one that was used longest ago makes room."""

_HEADER = 128
_STALE_SECONDS = 86_400
_UNFINISHED = ".unfinished-"


@dataclass(frozen=True)
class Prepared:
    """A set of samples: fields by name, first axis samples, and what was noted about them."""

    fields: Mapping[str, Array]
    notes: Mapping[str, Any]


def claim(folder: Path) -> None:
    """Make a folder for what can be made again, and keep it out of version control; OSError where that fails."""
    folder.mkdir(parents=True, exist_ok=True)
    ignore = folder / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n", encoding="utf-8")


class Cache:
    """The prepared sets in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            claim(folder)
        except OSError as error:
            raise _unwritable(error) from error

    def load(self, key: str) -> Prepared | None:
        """The set called `key`, memory-mapped; None where there is none, or not a whole one."""
        place = self.folder / key
        try:
            notes = json.loads((place / "notes.json").read_text(encoding="utf-8"))
            fields = {name: _mapped(place / f"{name}.npy", told) for name, told in notes["fields"].items()}
            os.utime(place)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None
        return Prepared(fields, notes)

    def write(self, key: str) -> Writer:
        """A writer for the set called `key`."""
        return Writer(self, key)

    def tidy(self) -> None:
        """Remove what interrupted runs left a day ago or earlier, and the sets beyond the last `KEPT`."""
        now = time.time()
        sets = []
        for place in self.folder.iterdir():
            if place.name.startswith(_UNFINISHED) and now - place.stat().st_mtime > _STALE_SECONDS:
                shutil.rmtree(place, ignore_errors=True)
            elif (place / "notes.json").exists():
                sets.append((place.stat().st_mtime, place))
        for _, place in sorted(sets, reverse=True)[KEPT:]:
            shutil.rmtree(place, ignore_errors=True)


class Writer:
    """Writes one set, sample by sample; use as a context, and call `finish` when all is there."""

    def __init__(self, cache: Cache, key: str) -> None:
        self._cache = cache
        self._key = key
        self._place = cache.folder / f"{_UNFINISHED}{key[:16]}-{os.getpid()}"
        self._files: dict[str, BinaryIO] = {}
        self._types: dict[str, np.dtype[Any]] = {}
        self._shapes: dict[str, list[tuple[int, ...]]] = {}

    def __enter__(self) -> Self:
        try:
            shutil.rmtree(self._place, ignore_errors=True)
            self._place.mkdir()
        except OSError as error:
            raise _unwritable(error) from error
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files.values():
            file.close()
        shutil.rmtree(self._place, ignore_errors=True)

    def add(self, name: str, arrays: Sequence[Array]) -> None:
        """Append samples of one field; all of one type and as many axes."""
        try:
            for array in arrays:
                if name not in self._files:
                    self._files[name] = (self._place / f"{name}.npy").open("wb")
                    self._files[name].write(b"\0" * _HEADER)
                    self._types[name] = array.dtype
                    self._shapes[name] = []
                self._files[name].write(np.ascontiguousarray(array).data)
                self._shapes[name].append(array.shape)
        except OSError as error:
            raise _unwritable(error) from error

    def finish(self, notes: Mapping[str, Any]) -> Prepared:
        """Close the set, move it to its place, and open it."""
        fields = {}
        try:
            for name, file in self._files.items():
                dtype, shapes = self._types[name], self._shapes[name]
                whole = (len(shapes), *longest(shapes))
                file.seek(0)
                file.write(_header(whole, dtype))
                file.close()
                if len(set(shapes)) > 1:
                    _fill_up(self._place / f"{name}.npy", shapes, whole, dtype)
                fields[name] = {"shape": list(whole), "dtype": dtype.str}
            told = json.dumps({**notes, "fields": fields})
            (self._place / "notes.json").write_text(told, encoding="utf-8")
            self._move()
        except OSError as error:
            raise _unwritable(error) from error
        self._cache.tidy()
        prepared = self._cache.load(self._key)
        if prepared is None:
            raise _unwritable(OSError("what was written cannot be read"))
        return prepared

    def _move(self) -> None:
        """To the final place; another process that was first wins, an unusable set there is replaced."""
        final = self._cache.folder / self._key
        if self._cache.load(self._key) is not None:
            return
        shutil.rmtree(final, ignore_errors=True)
        self._place.rename(final)


def _fill_up(
    path: Path, shapes: Sequence[tuple[int, ...]], whole: tuple[int, ...], dtype: np.dtype[Any]
) -> None:
    """Lay out a file of samples of unequal shapes, one behind the other, as one array with zeros after each.

    Zeros are never written, so that they take no room where files may have holes.
    """
    tight = path.with_suffix(".tight")
    path.rename(tight)
    with tight.open("rb") as source, path.open("wb") as file:
        file.write(source.read(_HEADER))
        file.truncate(_HEADER + int(np.prod(whole, dtype=np.int64)) * dtype.itemsize)
        target = np.memmap(path, dtype, "r+", _HEADER, whole)
        for i, shape in enumerate(shapes):
            one = np.fromfile(source, dtype, int(np.prod(shape, dtype=np.int64))).reshape(shape)
            target[i][tuple(slice(size) for size in shape)] = one
        target.flush()
    tight.unlink()


def _header(shape: tuple[int, ...], dtype: np.dtype[Any]) -> bytes:
    """The header of a `.npy` file, version 1.0, padded to a fixed length so that it can be written last."""
    described = f"{{'descr': {dtype.str!r}, 'fortran_order': False, 'shape': {shape!r}, }}"
    body = described.encode("latin1").ljust(_HEADER - 11) + b"\n"
    if len(body) != _HEADER - 10:
        raise OSError("an array has too many axes")
    return b"\x93NUMPY\x01\x00" + len(body).to_bytes(2, "little") + body


def _mapped(path: Path, told: Mapping[str, Any]) -> Array:
    """A file of the set, opened read-only; ValueError where it is not what the notes say."""
    shape, dtype = tuple(told["shape"]), np.dtype(told["dtype"])
    size = _HEADER + int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    if path.stat().st_size != size or dtype.hasobject:
        raise ValueError("the file has another size")
    array: Array = np.load(path, mmap_mode="r", allow_pickle=False)
    if array.shape != shape or array.dtype != dtype:
        raise ValueError("the file holds something else")
    return array


def _unwritable(error: OSError) -> SpecError:
    why = error.strerror or "it failed"
    return SpecError.of(
        "NS529",
        f"prepared samples cannot be kept: {why.lower()}",
        help="make room, or make the cache folder writable, or say `cache: none` under `data`",
    )
