"""Amounts of memory, as they are said to a person."""

from __future__ import annotations


def in_bytes(size: int) -> str:
    """So many bytes in the largest unit that they fill: `46.8 MiB`."""
    for unit, bytes_ in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if size >= bytes_:
            return f"{size / bytes_:,.1f} {unit}"
    return f"{size} B"
