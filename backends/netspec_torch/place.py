"""A new file: written beside its place, held against the model there, and moved in only when it is right."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from netspec.text import SpecError
from netspec.text.place import another_place
from netspec.text.shown import shown


@contextmanager
def placed(output: Path, *, force: bool) -> Iterator[Path]:
    """A path beside `output` to write to; it is moved there when the block ends well, and removed when it does not.

    SpecError NS747 where a file is there already and `force` is not given, NS746 where none can be written.
    """
    if not force and output.exists():
        raise _there(output)
    beside = output.with_name(f".{output.name}.{os.getpid()}")
    try:
        yield beside
        if force:
            beside.replace(output)
        else:
            _link(beside, output)
    except OSError as trouble:
        why = (trouble.strerror or "the disk refuses").lower()
        raise SpecError.of(
            "NS746", f"`{shown(output.name)}` cannot be written: {why}", help=another_place(output)
        ) from trouble
    finally:
        beside.unlink(missing_ok=True)


def _link(beside: Path, output: Path) -> None:
    """Give a file its name, unless another one has got it meanwhile."""
    try:
        os.link(beside, output)
    except FileExistsError as trouble:
        raise _there(output) from trouble
    except OSError:  # a file system without links
        if output.exists():
            raise _there(output) from None
        beside.replace(output)


def _there(output: Path) -> SpecError:
    return SpecError.of(
        "NS747",
        f"`{shown(output.name)}` is there already",
        help="choose another file with `-o`, or write over it with `--force`",
    )
