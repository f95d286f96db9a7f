"""The files of one spec: itself, what it extends, what it includes. Others are opened only inside its project."""

from __future__ import annotations

import os
from collections.abc import Mapping as Table
from pathlib import Path

from netspec.lang.report import Report
from netspec.lang.tree import Mapping, Scalar
from netspec.lang.yaml import decode, open_source, read
from netspec.text import Label, Source, SpecError

MOST_FILES = 64
LARGEST_WHOLE = 1 << 23
"""Bytes that all files of one spec may have together."""

PACKED = ".safetensors"
"""The suffix of files of weights that may hold a spec."""


def is_packed(path: Path) -> bool:
    """Whether a path names a file of weights that may hold a spec; `netspec.lang.packed` reads it."""
    return path.suffix == PACKED


class Files:
    """Opens the files that a spec names.

    A path is relative to the file that names it, and may not lead out of `project`. `given` holds files that need not
    be there, by their path relative to the spec's own folder: how a run keeps what it was made from.
    """

    def __init__(self, source: Source, folder: Path, project: Path, given: Table[str, str] | None) -> None:
        self.project = project
        self.folder = folder
        self._given = given
        self.sources: list[Source] = [source]
        self._paths: dict[int, Path] = {id(source): folder / Path(source.name).name}
        self._open: list[Path] = [self._paths[id(source)].resolve()]
        self._trees: dict[Path, Mapping | None] = {}

    @property
    def others(self) -> dict[str, str]:
        """The texts of the files that the spec names, by their path relative to its folder."""
        return {os.path.relpath(self._paths[id(one)], self.folder): one.text for one in self.sources[1:]}

    def order(self, source: Source) -> int:
        """Which of the files one is: the spec itself is the first."""
        return next((i for i, one in enumerate(self.sources) if one is source), len(self.sources))

    def enter(self, named: Scalar, report: Report) -> tuple[Mapping, Path] | None:
        """The tree of the file that a word names, and its path; None after an error.

        Until `leave` is called, the same file cannot be entered again: a file never names itself, not even through
        others.
        """
        path = self._path(named, report)
        if path is None:
            return None
        resolved = path.resolve()
        if resolved in self._open:
            names = " > ".join(one.name for one in (*self._open, resolved))
            message = f"`{named.text}` is being read already: {names}"
            report.error("NS152", message, named.span, help="files name one another in one direction only")
            return None
        if resolved not in self._trees:
            self._trees[resolved] = self._read(path, named, report)
        root = self._trees[resolved]
        if root is None:
            return None
        self._open.append(resolved)
        return root, path

    def leave(self) -> None:
        """The file that was entered last has been read."""
        self._open.pop()

    def _path(self, named: Scalar, report: Report) -> Path | None:
        """The path a word names, inside the project; None after an error."""
        text = named.text.strip()
        if not text or text.startswith("$") or "\0" in text or "\\" in text:
            message = f"`{named.text[:60]}` is no path of a file" if text else "a path is missing"
            report.error("NS151", message, named.span, help="write it as it stands: `blocks/heart.yaml`")
            return None
        near = self._paths[id(named.span.source)].parent
        path = Path(os.path.normpath(near / text))
        outside = self._given is None and not path.resolve().is_relative_to(self.project.resolve())
        if Path(text).is_absolute() or outside:
            message = f"`{text}` lies outside of the project"
            help = "paths are relative to the file; a `pyproject.toml` or `.git` marks the top of a project"
            report.error("NS151", message, named.span, help=help)
            return None
        return path

    def _read(self, path: Path, named: Scalar, report: Report) -> Mapping | None:
        """The tree of one more file; None after an error in it or on the way to it."""
        try:
            source = self._source(path)
        except SpecError as trouble:
            for one in trouble.diagnostics:
                report.error("NS151", one.message, named.span, help=one.help)
            return None
        whole = sum(len(one.text) for one in self.sources) + len(source.text)
        if len(self.sources) >= MOST_FILES or whole > LARGEST_WHOLE:
            message = f"a spec of more than {MOST_FILES} files, or of more than {LARGEST_WHOLE >> 20} MiB"
            report.error("NS151", message, named.span, help="write fewer files")
            return None
        self.sources.append(source)
        self._paths[id(source)] = path
        root, found, _ = read(source)
        report.add(found)
        if root is not None:
            self._version(root, named, report)
        return root

    def _version(self, root: Mapping, named: Scalar, report: Report) -> None:
        """Every file says in which version of the language it is written."""
        entry = root.get("netspec")
        if entry is not None and isinstance(entry.value, Scalar) and entry.value.value == 1:
            return
        labels = (Label(named.span, "named here"),)
        if entry is None:
            message = "the file does not say which version of the language it is written in"
            start = root.entries[0].key.span if root.entries else root.span
            report.error("NS100", message, start, labels=labels, help="begin it with `netspec: 1`")
            return
        message = "this netspec reads version 1"
        report.error("NS100", message, entry.value.span, labels=labels, help="write `netspec: 1`")

    def _source(self, path: Path) -> Source:
        """The text of a file, from the disk or from those given; its name is as the user would write it."""
        beside = os.path.relpath(path, self.folder)
        name = os.path.normpath(Path(self.sources[0].name).parent / beside)
        if self._given is not None:
            if beside not in self._given:
                raise SpecError.of("NS151", f"there is no file `{name}`")
            return decode(name, self._given[beside].encode())
        found = open_source(path)
        return Source(name, found.text)
