"""What a safetensors file says of itself: names, kinds, shapes and places of its tensors. The file is not trusted.

Its form is eight bytes (the length of the header, little-endian), the header in JSON, and the numbers, without gaps.
All that is needed to say which tensors fit a network is in the header, so no framework is needed for that.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from typing import Any, BinaryIO

from netspec.text import SpecError
from netspec.text.shown import shown

MOST_HEADER = 100_000_000
"""Bytes of a header: the format's own limit."""

MOST_AXES = 8
"""More axes than any weight of a network has."""

BYTES = {
    "F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1,
}  # fmt: skip
"""How many bytes a number takes, by the format's word for its kind; other kinds are not read."""


@dataclass(frozen=True)
class Entry:
    """One tensor: the format's word for its kind of numbers, its shape, and its bytes `[begin, end)` in the file."""

    kind: str
    shape: tuple[int, ...]
    begin: int
    end: int


@dataclass(frozen=True)
class Header:
    """The tensors of a file by name, in the order of their bytes, and the words that it carries besides."""

    tensors: Mapping[str, Entry]
    metadata: Mapping[str, str]


def begins(start: bytes) -> bool:
    """Whether the first nine bytes of a file are how a safetensors file begins."""
    return start[8:9] == b"{"


def read_header(file: BinaryIO, size: int, name: str) -> Header:
    """The header of an open file of `size` bytes, called `name` in messages.

    SpecError NS761 for what is no such file or is torn, NS763 where it claims what it does not hold, NS764 for numbers
    of a kind that no network here has.
    """
    start = file.read(8)
    length = int.from_bytes(start, "little")
    if len(start) < 8 or not 2 <= length <= min(size - 8, MOST_HEADER):
        raise _broken(name, "its header is cut off")
    try:
        told = json.loads(file.read(length).decode(), object_pairs_hook=_once)
    except (ValueError, RecursionError) as trouble:
        raise _broken(name, "its header is no JSON") from trouble
    if not isinstance(told, dict):
        raise _broken(name, "its header is no table")
    metadata = told.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(one, str) for one in metadata.values()):
        raise _broken(name, "what it carries besides tensors is no text")
    found = {key: _entry(key, one, 8 + length, name) for key, one in told.items()}
    ordered = dict(sorted(found.items(), key=lambda one: (one[1].begin, one[1].end)))
    _filled(list(ordered.values()), 8 + length, size, name)
    return Header(ordered, metadata)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON table whose keys stand once each."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice")
    return found


def _entry(key: str, told: Any, start: int, name: str) -> Entry:
    """What the header tells of one tensor, its bytes as many as its shape needs."""
    if not isinstance(told, dict) or told.keys() != {"dtype", "shape", "data_offsets"}:
        raise _broken(name, f"its header tells something else than a tensor of `{shown(key)}`")
    kind, shape, offsets = told["dtype"], told["shape"], told["data_offsets"]
    if not _sizes(shape) or not _sizes(offsets) or len(offsets) != 2 or not isinstance(kind, str):
        raise _broken(name, f"its header tells no shape and place of `{shown(key)}`")
    if kind not in BYTES:
        raise SpecError.of(
            "NS764",
            f"the tensor `{shown(key)}` of `{name}` holds numbers of the kind `{shown(kind)}`",
            help="store it as float32, float16, bfloat16 or whole numbers",
        )
    if len(shape) > MOST_AXES or prod(shape) * BYTES[kind] != offsets[1] - offsets[0]:
        raise SpecError.of(
            "NS763",
            f"the tensor `{shown(key)}` of `{name}` is not as large as it says",
            help="write the file again",
        )
    return Entry(kind, tuple(shape), start + offsets[0], start + offsets[1])


def _sizes(told: Any) -> bool:
    """Whether something is a list of whole numbers from 0 on."""
    return isinstance(told, list) and all(type(one) is int and one >= 0 for one in told)


def _filled(entries: list[Entry], start: int, size: int, name: str) -> None:
    """The numbers stand behind one another and fill the file: nothing is shared, hidden or missing."""
    edges = [(start, start), *((one.begin, one.end) for one in entries), (size, size)]
    if any(before[1] != after[0] for before, after in pairwise(edges)):
        raise SpecError.of(
            "NS763",
            f"the tensors of `{name}` take {sum(one.end - one.begin for one in entries):,} bytes, and the file has "
            f"{size - start:,} for them, each to be used once",
            help="write or copy the file again",
        )


def _broken(name: str, why: str) -> SpecError:
    return SpecError.of("NS761", f"`{name}` is no safetensors file: {why}", help="write or copy it again")
