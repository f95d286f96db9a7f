"""Where a file is to be written, and what to do about a place that takes none."""

from __future__ import annotations

from pathlib import Path

from netspec.text.shown import shown


def another_place(output: Path) -> str:
    """The cure for a file that cannot be written: its folder first, where that is what is missing."""
    if output.parent.exists():
        return "choose another file with `-o`"
    return f"make the folder `{shown(str(output.parent))}` first, or choose another file with `-o`"
