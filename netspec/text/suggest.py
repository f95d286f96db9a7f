"""Did you mean: the name that was probably meant by a misspelt one."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(word: str, names: Iterable[str]) -> str | None:
    """The known name closest to `word`, or None where none is near enough to be worth saying."""
    lowered = {name.lower(): name for name in sorted(names, reverse=True)}
    found = get_close_matches(word.lower()[:64], lowered, n=1, cutoff=0.6)
    return lowered[found[0]] if found else None
