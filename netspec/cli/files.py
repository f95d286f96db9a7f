"""The spec files that a command is given: found in folders, told from other YAML, and written back in one piece."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import click

from netspec.lang.yaml import LARGEST, says_netspec
from netspec.text import SpecError

MARK = b"\xef\xbb\xbf"
"""The byte order mark, which some editors put at the beginning of UTF-8."""

skip_others_option = click.option(
    "--skip-others",
    is_flag=True,
    help="Pass over YAML files without `netspec:` at their top, which are no specs.",
)
"""`--skip-others`; the command gets a flag called `skip_others`."""


def spec_files(paths: Iterable[Path], *, skip_others: bool = False) -> list[Path]:
    """Each path itself, or all specs in a folder and its folders; SpecError NS001 where a folder has none."""
    files = [file for path in paths for file in _files(path)]
    return [file for file in files if is_spec(file)] if skip_others else files


def is_spec(path: Path) -> bool:
    """Whether a file says `netspec:` at its top; one that cannot be read counts, so that this is told."""
    try:
        with path.open("rb") as file:
            return says_netspec(file.read(LARGEST))
    except (OSError, ValueError):
        return True


def is_marked(path: Path) -> bool:
    """Whether the file begins with a byte order mark."""
    with path.open("rb") as file:
        return file.read(len(MARK)) == MARK


def rewrite(path: Path, content: bytes) -> None:
    """Put other bytes in a file, all or none, and keep its mode; a link stays one. Raises SpecError NS746."""
    temporary = ""
    try:
        real = path.resolve()
        mode = real.stat().st_mode
        number, temporary = tempfile.mkstemp(prefix=".netspec-", dir=real.parent)
        with os.fdopen(number, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, mode & 0o7777)  # noqa: PTH101 - a name, not yet a file of anybody's
        os.replace(temporary, real)  # noqa: PTH105 - as above
    except OSError as trouble:
        if temporary:
            with suppress(OSError):
                os.unlink(temporary)  # noqa: PTH108 - as above
        reason = (trouble.strerror or "no reason is given").lower()
        raise SpecError.of("NS746", f"`{path}` cannot be written: {reason}") from None


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    found = sorted(file for pattern in ("*.yaml", "*.yml") for file in path.rglob(pattern))
    if not found:
        raise SpecError.of(
            "NS001", f"there is no `.yaml` file in `{path}`", help="name a spec or a folder of specs"
        )
    return found
