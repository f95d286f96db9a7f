"""Arrays from one `.npz` file, which is not trusted: no pickles, and sizes are checked before memory is taken."""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netspec.data.opened import Opened, one_by_one
from netspec.data.study import Array
from netspec.text import SpecError, nearest

MOST_BYTES = 8 << 30
"""The most that all wanted arrays together may take in memory."""

_DEFLATE_RATIO = 1100  # the format cannot do better than 1032 to 1


def open_npz(path: Path, shown: str, wanted: Iterable[str], group: str | None) -> Opened:
    """The arrays `wanted` (and `group`) of the file at `path`, called `shown` in messages.

    SpecError NS530 for a file that cannot be read or asks for too much, NS531 for an array that is not there, NS532
    where the arrays do not go together.
    """
    names = sorted({*wanted, *([group] if group else [])})
    try:
        with zipfile.ZipFile(path) as archive:
            arrays = {name: _array(archive, name, shown) for name in _checked(archive, names, shown)}
    except FileNotFoundError as error:
        raise SpecError.of(
            "NS530", f"there is no file `{shown}`", help="set `file` to a `.npz` file inside the project"
        ) from error
    except (
        OSError,
        zipfile.BadZipFile,
        zlib.error,
        ValueError,
        EOFError,
        NotImplementedError,
        RuntimeError,
    ) as error:
        raise SpecError.of(
            "NS530", f"`{shown}` cannot be read as an `.npz` file", help="write it with `numpy.savez`"
        ) from error
    counts = {name: len(array) for name, array in arrays.items()}
    if len(set(counts.values())) > 1:
        told = ", ".join(f"`{name}` {count}" for name, count in counts.items())
        raise SpecError.of(
            "NS532",
            f"the arrays of `{shown}` differ in samples: {told}",
            help="the first axis counts samples",
        )
    digest = hashlib.sha256()
    for name, array in arrays.items():
        digest.update(f"{name} {array.dtype} {array.shape} ".encode())
        digest.update(np.ascontiguousarray(array).view(np.uint8).data if array.size else b"")
    groups, ids = _groups(arrays, group, shown, next(iter(counts.values()), 0))
    return one_by_one(arrays, groups, ids, digest.hexdigest())


def _checked(archive: zipfile.ZipFile, names: list[str], shown: str) -> list[str]:
    """The names, once all of them are there and together small enough."""
    inside = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
    total = 0
    for name in names:
        if name not in inside:
            near = nearest(name, inside)
            known = ", ".join(f"`{one[:40]}`" for one in list(inside)[:20] if one.isprintable())
            raise SpecError.of(
                "NS531",
                f"`{shown}` holds no array `{name}`",
                help=f"did you mean `{near}`? Name it under `fields`"
                if near
                else f"it holds {known or 'nothing'}",
            )
        info = inside[name]
        if info.file_size > _DEFLATE_RATIO * info.compress_size + 4096:
            raise SpecError.of(
                "NS530", f"the array `{name}` of `{shown}` claims an impossible size", help="write it again"
            )
        total += info.file_size
    if total > MOST_BYTES:
        raise SpecError.of(
            "NS530",
            f"the arrays of `{shown}` take {total >> 20} MiB, more than {MOST_BYTES >> 20}",
            help="store them as smaller numbers (uint8, float16), or fewer of them",
        )
    return names


def _array(archive: zipfile.ZipFile, name: str, shown: str) -> Array:
    """One array. Its header is held against the size of its file before memory is taken."""
    entry = name if name in archive.namelist() else f"{name}.npy"
    size = archive.getinfo(entry).file_size
    with archive.open(entry) as file:
        version = np.lib.format.read_magic(file)
        read = (
            np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        )
        shape, _, dtype = read(file)
        if dtype.hasobject or dtype.kind not in "biufUS" or not shape:
            raise SpecError.of(
                "NS530",
                f"the array `{name}` of `{shown}` holds {dtype} and cannot be used",
                help="store numbers, samples first",
            )
        count = 1
        for length in shape:
            count *= length
        if count * dtype.itemsize + file.tell() != size or (shape[0] and not count * dtype.itemsize):
            raise SpecError.of(
                "NS530", f"the array `{name}` of `{shown}` is not as large as it says", help="write it again"
            )
    with archive.open(entry) as file:
        loaded: Array = np.lib.format.read_array(file, allow_pickle=False)
    return loaded


def _groups(
    arrays: dict[str, Array], group: str | None, shown: str, count: int
) -> tuple[NDArray[np.int64], list[str]]:
    """The number of each sample's group and the groups' names; without `group` each sample is its own."""
    if group is None:
        return np.arange(count), [str(i) for i in range(count)]
    array = arrays[group]
    if array.ndim != 1 or array.dtype.kind not in "iuUS":
        raise SpecError.of(
            "NS532",
            f"`{group}` of `{shown}` must hold one whole number or word for each sample",
            help="choose another `group`",
        )
    ids, numbers = np.unique(array, return_inverse=True)
    return numbers.astype(np.int64), [str(one) for one in ids]
