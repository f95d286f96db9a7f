"""Tensors from files of numbers alone: safetensors, and NumPy's `.npz`. Sizes are checked before memory is taken."""

from __future__ import annotations

import sys
import zipfile
import zlib
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from torch import Tensor

from netspec.text import SpecError
from netspec.text.shown import shown
from netspec.weights.header import MOST_AXES, Entry, read_header
from netspec_torch.weights.stored import Stored

KINDS: Mapping[str, torch.dtype] = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
"""PyTorch's numbers by safetensors' words for them."""

MOST_UNPACKED = 8 << 30
"""The most that arrays of a compressed file may take in memory."""

_DEFLATE_RATIO = 1100  # the format cannot do better than 1032 to 1


def read_safetensors(opened: BinaryIO, file: Path, size: int, name: str) -> Stored:
    """The tensors of a safetensors file; SpecError NS761, NS763, NS764."""
    header = read_header(opened, size, name)
    tensors = {key: _tensor(opened, one, name) for key, one in header.tensors.items()}
    return Stored(tensors, header.metadata, "safetensors", file, ordered=False)


def _tensor(opened: BinaryIO, one: Entry, name: str) -> Tensor:
    """One tensor, its bytes copied, so that nothing depends on the file any longer."""
    kind = KINDS[one.kind]
    if one.begin == one.end:
        return torch.empty(one.shape, dtype=kind)
    raw = bytearray(one.end - one.begin)
    opened.seek(one.begin)
    if opened.readinto(raw) != len(raw):  # type: ignore[attr-defined]
        raise SpecError.of("NS761", f"`{name}` is torn: numbers are missing", help="write or copy it again")
    if kind is torch.bool and raw.strip(b"\0\1"):
        raise SpecError.of("NS761", f"`{name}` is torn: flags other than 0 and 1", help="write it again")
    if sys.byteorder == "big":
        numbers = np.frombuffer(raw, f"u{kind.itemsize}")
        numbers.byteswap(inplace=True)
    return torch.frombuffer(raw, dtype=kind).reshape(one.shape)


def read_arrays(archive: zipfile.ZipFile, file: Path, name: str) -> Stored:
    """The arrays of an `.npz` file; SpecError NS761, NS763, NS764."""
    entries = archive.infolist()
    total = sum(one.file_size for one in entries)
    if total > MOST_UNPACKED:
        raise SpecError.of(
            "NS763",
            f"the arrays of `{name}` take {total >> 20:,} MiB, more than {MOST_UNPACKED >> 20:,}",
            help="store them in a safetensors file",
        )
    try:
        tensors = {one.filename.removesuffix(".npy"): _array(archive, one, name) for one in entries}
    except (
        OSError,
        zipfile.BadZipFile,
        zlib.error,
        ValueError,
        EOFError,
        NotImplementedError,
        RuntimeError,
    ) as trouble:
        raise SpecError.of(
            "NS761", f"`{name}` is torn: an array cannot be read", help="write it again with `numpy.savez`"
        ) from trouble
    if len(tensors) < len(entries):
        raise SpecError.of("NS761", f"`{name}` holds two arrays of one name", help="write it again")
    return Stored(tensors, {}, "npz", file)


def _array(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, name: str) -> Tensor:
    """One array. Its header is held against the size of its file before memory is taken."""
    called = shown(entry.filename.removesuffix(".npy"))
    with archive.open(entry) as file:
        version = np.lib.format.read_magic(file)
        read = (
            np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        )
        shape, _, dtype = read(file)
        if dtype.hasobject:
            raise SpecError.of(
                "NS762",
                f"the array `{called}` of `{name}` holds Python objects, and those are pickles",
                help="store arrays of numbers",
            )
        if dtype.kind not in "fiub" or dtype.str[1:] in {"f16", "u2", "u4", "u8"}:
            raise SpecError.of(
                "NS764",
                f"the tensor `{called}` of `{name}` holds numbers of the kind `{dtype}`",
                help="store it as float32, float16 or whole numbers",
            )
        size = prod(int(one) for one in shape) * dtype.itemsize
        impossible = entry.file_size > _DEFLATE_RATIO * entry.compress_size + 4096
        if impossible or len(shape) > MOST_AXES or size + file.tell() != entry.file_size:
            raise SpecError.of(
                "NS763",
                f"the tensor `{called}` of `{name}` is not as large as it says",
                help="write it again",
            )
    with archive.open(entry) as file:
        array = np.lib.format.read_array(file, allow_pickle=False)
    native = array.astype(array.dtype.newbyteorder("="), order="C", copy=False)
    return torch.from_numpy(native if native.flags.writeable else native.copy())
