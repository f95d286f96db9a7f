"""Files that commands write: all at once, or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import click


def replace(output: Path, text: str, *, code: str = "NS746") -> None:
    """Put `text` into a file all at once; SpecError with `code` where that cannot be."""
    from netspec.text import SpecError

    beside = output.parent / f".{output.name}.{os.getpid()}"
    try:
        beside.write_text(text, encoding="utf-8")
        beside.replace(output)
    except OSError as trouble:
        beside.unlink(missing_ok=True)
        why = trouble.strerror or "it cannot be written"
        raise SpecError.of(
            code, f"`{click.format_filename(output)}`: {why}", help="choose another file with `-o`"
        ) from trouble
