"""Every file under a folder, each with its patient and series, or the reason why it is not looked into."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

MOST_FILES = 5_000_000
"""More files than this are refused: the folder is probably the wrong one."""

_LITTER = {"dicomdir", "thumbs.db", "desktop.ini"}
_DIGITS = re.compile(r"(\d+)")
_FRAME_NAME = re.compile(r"(?P<prefix>.*?\d+)-(?P<frame>\d+)(?:-(?P<repeat>\d+))?(?:\.dcm)?", re.IGNORECASE)

Natural = tuple[tuple[int, int | str], ...]


class File(NamedTuple):
    """A file by its path below the data folder, with what identifies its content: size and time of change."""

    name: str
    size: int
    changed: int

    @property
    def folder(self) -> str:
        """The folder it lies in."""
        return self.name.rpartition("/")[0]

    @property
    def key(self) -> str:
        """What stands for the path where paths must not be kept."""
        return hashlib.blake2b(self.name.encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()


class FrameName(NamedTuple):
    """What a file name says: `IM-<series>-<frame>[-<repeat>].dcm`; for other names all of it is the frame."""

    prefix: str
    frame: Natural
    repeat: int


@dataclass
class Collection:
    """What a folder holds: by patient the files of the wanted view, and how many of the others there are and why."""

    patients: dict[str, list[File]] = field(default_factory=dict)
    others: dict[str, int] = field(default_factory=dict)
    views: set[str] = field(default_factory=set)
    fingerprint: str = ""

    @property
    def count(self) -> int:
        """All files."""
        return sum(map(len, self.patients.values())) + sum(self.others.values())


def natural(name: str) -> Natural:
    """A sort key in which `sax_9` comes before `sax_10`."""
    parts = _DIGITS.split(name)
    return tuple((0, int(part)) if i % 2 else (1, part) for i, part in enumerate(parts) if part)


def frame_name(name: str) -> FrameName:
    """What the name of a file (without folders) says of its place in a series."""
    found = _FRAME_NAME.fullmatch(name)
    if found is None:
        return FrameName("", natural(name), 0)
    return FrameName(found["prefix"], natural(found["frame"]), int(found["repeat"] or 0))


def is_litter(name: str) -> bool:
    """Whether a file is of those that systems leave in folders: hidden files, `DICOMDIR`, `Thumbs.db`."""
    return name.startswith(".") or name.lower() in _LITTER


def walk(base: Path) -> Iterator[File]:
    """All files below `base` in an order that does not depend on the system; links are not followed.

    A link counts as a file of size -1, so that it is accounted for.
    """
    stack = [""]
    while stack:
        folder = stack.pop()
        below = []
        with os.scandir(base / folder) as entries:
            found = sorted(entries, key=lambda entry: natural(entry.name))
        for entry in found:
            name = f"{folder}/{entry.name}" if folder else entry.name
            if entry.is_symlink():
                yield File(name, -1, 0)
            elif entry.is_dir():
                below.append(name)
            elif entry.is_file():
                status = entry.stat()
                yield File(name, status.st_size, status.st_mtime_ns)
        stack.extend(reversed(below))


def collect(base: Path, view: str) -> Collection:
    """Sort everything below `base`: `<patient>/.../<view>_<k>/<file>`. Raises OSError where a folder cannot be read."""
    wanted = re.compile(rf"{re.escape(view)}(_.*)?", re.IGNORECASE)
    found = Collection()
    digest = hashlib.sha256()
    for number, file in enumerate(walk(base)):
        if number >= MOST_FILES:
            raise OSError(0, f"there are more than {MOST_FILES} files")
        digest.update(f"{file.key} {file.size} {file.changed}\n".encode())
        reason = _not_wanted(file, wanted, found.views)
        if reason:
            found.others[reason] = found.others.get(reason, 0) + 1
        else:
            found.patients.setdefault(file.name.partition("/")[0], []).append(file)
    found.fingerprint = digest.hexdigest()
    return found


def _not_wanted(file: File, wanted: re.Pattern[str], views: set[str]) -> str:
    """Why a file is not looked into; empty for one that is."""
    if file.size < 0:
        return "a link"
    parts = file.name.split("/")
    if is_litter(parts[-1]):
        return "left by a system"
    if len(parts) < 3:
        return "outside the folder of a view"
    views.add(parts[-2].partition("_")[0])
    return "" if wanted.fullmatch(parts[-2]) else "of another view"
