"""Plain data as one line of YAML: what the reference shows and what the printer of graphs writes."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

_PLAIN = re.compile(
    r"\$?[A-Za-z_][A-Za-z0-9_.]*(?:[- ][A-Za-z0-9_.]+)*"  # words, and constants behind their `$`
    r"|[0-9]+(?:\.[0-9]+)? (?:mm|%|epochs|steps)"  # a number with its unit
)
_TAKEN = frozenset(("true", "false", "null"))


def flow(value: object) -> str:
    """Numbers, words, lists and mappings as YAML's flow style has them; a word gets quotes only where it needs them.

    The core schema of YAML 1.2 reads the same value from it, a tuple as a list. TypeError for anything else.
    """
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, str):
        return word(value)
    if isinstance(value, (tuple, list)):
        return f"[{', '.join(map(flow, value))}]"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{word(str(key))}: {flow(one)}' for key, one in value.items())}}}"
    raise TypeError(f"{type(value).__name__} is no plain data")


def word(text: str) -> str:
    """A text that reads back as itself wherever it stands, inside brackets too."""
    if _PLAIN.fullmatch(text) and text.lower() not in _TAKEN:
        return text
    return f'"{"".join(map(_escaped, text))}"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    return character if character.isprintable() else f"\\U{ord(character):08x}"


def _number(value: float) -> str:
    if math.isnan(value):
        return ".nan"
    if math.isinf(value):
        return ".inf" if value > 0 else "-.inf"
    return repr(value)
