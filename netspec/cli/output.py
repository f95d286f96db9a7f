"""Files that commands write: all at once, or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import click


def replace(output: Path, text: str, *, code: str = "NS746") -> None:
    """Put `text` into a file all at once; SpecError with `code` where that cannot be."""
    from netspec.text import SpecError
    from netspec.text.place import another_place

    beside = output.parent / f".{output.name}.{os.getpid()}"
    try:
        beside.write_text(text, encoding="utf-8")
        beside.replace(output)
    except OSError as trouble:
        beside.unlink(missing_ok=True)
        why = trouble.strerror or "it cannot be written"
        raise SpecError.of(
            code, f"`{click.format_filename(output)}`: {why}", help=another_place(output)
        ) from trouble


def create(output: Path, text: str) -> None:
    """Put `text` into a new file; SpecError NS747 where one is there already, NS746 where none can be made."""
    from netspec.text import SpecError
    from netspec.text.place import another_place

    try:
        with output.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as trouble:
        raise SpecError.of(
            "NS747",
            f"`{click.format_filename(output)}` is there already",
            help="choose another file with `-o`",
        ) from trouble
    except OSError as trouble:
        why = trouble.strerror or "it cannot be written"
        raise SpecError.of(
            "NS746", f"`{click.format_filename(output)}`: {why}", help=another_place(output)
        ) from trouble
