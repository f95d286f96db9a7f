"""A quick reader for the headers that nearly all files have: explicit VR, little endian, uncompressed, no surprises.

It finds the few elements that are wanted, some ten times faster than a full parser that turns every element into an
object. Whatever is not plain (another transfer syntax, an element of undefined length or unknown kind, tags out of
order, a header longer than what was read) is left to pydicom, and tests hold the two against each other.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydicom.datadict import tag_for_keyword

_SYNTAX = b"1.2.840.10008.1.2.1"
_PIXELS = 0x7FE00010
_SYNTAX_TAG = 0x00020010
_META_END = 0x0002FFFF
_UNDEFINED = 0xFFFFFFFF
_SHORT = frozenset(b"AE AS AT CS DA DS DT FL FD IS LO LT PN SH SL SS ST TM UI UL US".split())
_LONG = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
_ELEMENT = struct.Struct("<HH2sH")
_LENGTH = struct.Struct("<I")
_NUMBER = {b"US": "H", b"SS": "h", b"UL": "I", b"SL": "i", b"FL": "f", b"FD": "d"}


@dataclass(frozen=True)
class PlainHeader:
    """The wanted elements by keyword: numbers, words (still as text), or lists of them; and where the pixels are.

    `begin` and `length` are those of the pixels' bytes. It answers `in` and `get` as a pydicom Dataset does.
    """

    values: Mapping[str, Any]
    begin: int
    length: int
    original_encoding: tuple[bool, bool] = (False, True)

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def get(self, name: str) -> Any:
        """The value of an element; None where it is missing or empty."""
        return self.values.get(name)


def wanted(keywords: list[str]) -> dict[int, str]:
    """Tags by number, for `read_plain`."""
    return {tag: name for name in keywords if (tag := tag_for_keyword(name)) is not None}


def read_plain(start: bytes, tags: Mapping[int, str]) -> PlainHeader | None:
    """The header at the `start` of a file; None where it is not plain."""
    values: dict[str, Any] = {}
    place, before, syntax = 132, 0, b""
    while place + 12 <= len(start):
        tag, kind, place, length = _element(start, place)
        if not kind or tag <= before or length == _UNDEFINED or (tag > _META_END and syntax != _SYNTAX):
            return None
        if tag == _PIXELS:
            return PlainHeader(values, place, length) if kind in {b"OW", b"OB"} else None
        if place + length > len(start) or (kind == b"SQ" and tag in tags):
            return None
        if tag == _SYNTAX_TAG:
            syntax = start[place : place + length].rstrip(b"\0 ")
        elif tag in tags:
            values[tags[tag]] = _value(kind, start[place : place + length])
        before = tag
        place += length
    return None


def _element(start: bytes, place: int) -> tuple[int, bytes, int, int]:
    """Tag, kind (empty where it is none), the place of the value and its length."""
    group, element, kind, length = _ELEMENT.unpack_from(start, place)
    if kind in _SHORT:
        return group << 16 | element, kind, place + 8, length
    if kind in _LONG:
        return group << 16 | element, kind, place + 12, _LENGTH.unpack_from(start, place + 8)[0]
    return 0, b"", place, 0


def _value(kind: bytes, raw: bytes) -> Any:
    """A number, a text, or a list where there are several; None where it is empty."""
    letter = _NUMBER.get(kind)
    if letter is not None:
        size = struct.calcsize(letter)
        numbers = struct.unpack(f"<{len(raw) // size}{letter}", raw[: len(raw) // size * size])
        return numbers[0] if len(numbers) == 1 else list(numbers) or None
    text = raw.decode("latin-1").rstrip("\0 ")
    return text.split("\\") if "\\" in text else text or None
