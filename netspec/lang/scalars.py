"""What a bare word of YAML means: the core schema of YAML 1.2, and what looks like a number in other versions only.

The rules are those of https://yaml.org/spec/1.2.2/#1032-tag-resolution. `1e-4` is a number, `010` is ten, `on`, `no`,
`2026-01-01` and `12:30:45` are words.
"""

from __future__ import annotations

import math
import re
from typing import NamedTuple

_WORDS: dict[str, bool | None] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_INTEGER = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_INFINITY = re.compile(r"([-+]?)\.(?:inf|Inf|INF)")
_NOT_A_NUMBER = re.compile(r"\.(?:nan|NaN|NAN)")

# What YAML 1.1, or Python, takes for a number and YAML 1.2 for a word: nobody means the word.
_UNDERSCORED = re.compile(r"([-+]?)([0-9][0-9_]*(?:\.[0-9_]*)?(?:[eE][-+]?[0-9]+)?)")
_BINARY = re.compile(r"([-+]?)0[bB]([01_]+)")
_OTHER_BASE = re.compile(r"([-+]?)0([xXoO])([0-9a-fA-F_]+)")

LONGEST = 64
"""Characters a number may have. Longer ones cost quadratic time to read and are no size, rate or bound."""


def resolve(text: str) -> bool | int | float | str | None:
    """The value of a scalar written without quotes; what no rule takes is a string."""
    if text in _WORDS:
        return _WORDS[text]
    if len(text) > LONGEST or not (text[0].isascii() and text[0] in "+-.0123456789"):
        return text
    if _INTEGER.fullmatch(text):
        return int(text)
    if _OCTAL.fullmatch(text) or _HEXADECIMAL.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        return float(text)
    if found := _INFINITY.fullmatch(text):
        return -math.inf if found.group(1) == "-" else math.inf
    return math.nan if _NOT_A_NUMBER.fullmatch(text) else text


class Complaint(NamedTuple):
    """Why a bare word that is meant as a number cannot stand, and the number to write instead if there is just one."""

    message: str
    help: str
    cure: str = ""


def complaint(text: str) -> Complaint | None:
    """What is wrong with a bare word that is meant as a number and is none; None for all others."""
    if not text or text[0] not in "+-.0123456789":
        return None
    number = _FLOAT.fullmatch(text)
    if len(text) > LONGEST:
        if not (
            number or _UNDERSCORED.fullmatch(text) or _BINARY.fullmatch(text) or _OTHER_BASE.fullmatch(text)
        ):
            return None
        return Complaint(
            f"this number has {len(text)} characters; the most that are read are {LONGEST}", "round it"
        )
    if number:
        too_large = not _INTEGER.fullmatch(text) and math.isinf(float(text))
        help = "write `.inf` if infinity is meant"
        return Complaint(f"`{text}` is larger than any number of 64 bits", help) if too_large else None
    cure = ""
    if found := _UNDERSCORED.fullmatch(text):
        cure = text.replace("_", "")
        cure = cure if _FLOAT.fullmatch(cure) else ""
    elif found := _BINARY.fullmatch(text):
        cure = _decimal(found[1], found[2], 2)
    elif (found := _OTHER_BASE.fullmatch(text)) and not isinstance(resolve(text), int):
        cure = _decimal(found[1], found[3], 16 if found[2] in "xX" else 8)
    if not cure:
        return None
    return Complaint(f"`{text}` is a word in YAML 1.2, not a number", f"write `{cure}`", cure)


def _decimal(sign: str, digits: str, base: int) -> str:
    """The digits in base ten, with their sign; empty where they are none of that base."""
    try:
        return f"{sign.strip('+')}{int(digits.replace('_', ''), base)}"
    except ValueError:
        return ""
