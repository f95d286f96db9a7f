"""The exact edits of messages, made: one is kept only if its message goes away and the spec is nowhere worse for it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from netspec.cli.files import MARK, is_marked, rewrite
from netspec.front import check_source, project_folder
from netspec.lang.constants import Constant
from netspec.lang.yaml import open_source, read
from netspec.text import Diagnostic, Edit, Severity, Source, SpecError
from netspec.text.edits import apart, applied
from netspec.text.shown import shown

MOST_CHECKS = 300
"""How often one spec is checked on the way: every edit that is made or refused is a check of the whole."""

DEEPEST = 3
"""Edits in a row that are tried as one, where each brings only such messages to light as the next one cures."""

_LONGEST = 60  # characters of a text that are told of an edit


@dataclass(frozen=True)
class Fix:
    """One edit that was made, and the message that it was the cure of."""

    diagnostic: Diagnostic
    edit: Edit

    def __str__(self) -> str:
        place = f"{shown(self.edit.span.source.name)}:{self.edit.span.line}"
        return (
            f"fixed {place}: {self.diagnostic.code} {_told(self.edit.span.text)} -> {_told(self.edit.text)}"
        )


def fix_files(paths: Iterable[Path], define: Mapping[str, Constant], *, aside: bool) -> None:
    """Fix each spec and print what was done; `aside` on standard error, where standard output is for a program."""
    for path in dict.fromkeys(paths):
        for one in fix_file(path, define):
            click.echo(str(one), err=aside)


def fix_file(path: Path, define: Mapping[str, Constant]) -> list[Fix]:
    """Make the exact edits of all messages of a spec, in its file and in those of its project that it names.

    Files are replaced in one piece, with their modes and byte order marks. Nothing is done to a file that cannot be
    read. Raises SpecError NS746 where one cannot be written.
    """
    try:
        repair = Repair(path, define)
    except SpecError:
        return []
    fixes = repair.run()
    for file, source in repair.changed():
        content = source.text.encode()
        rewrite(file, MARK + content if is_marked(file) else content)
    return fixes


@dataclass(frozen=True)
class _State:
    """The texts of a spec at one moment, and what is said of them."""

    texts: Mapping[Path, Source]
    told: tuple[Diagnostic, ...]
    readable: bool


class Repair:
    """Tries edits on texts in memory; `path` is the spec."""

    def __init__(self, path: Path, define: Mapping[str, Constant]) -> None:
        self.main = path.resolve()
        self.folder = path.parent
        self.project = project_folder(path)
        self.define = define
        self.checks = 0
        self.before = {self.main: open_source(path)}
        self.now = self._state(self.before)

    def changed(self) -> Iterator[tuple[Path, Source]]:
        """The files that are not as they were, with their new texts."""
        for path, source in self.now.texts.items():
            if path not in self.before or self.before[path].text != source.text:
                yield path, source

    def run(self) -> list[Fix]:
        """Make every edit that can be made: all at once if they go together, else as many as do.

        One that was refused is tried again when others were made since.
        """
        fixes: list[Fix] = []
        refused = set[tuple[str, ...]]()
        since = 0
        while self.checks < MOST_CHECKS:
            able = [one for one in self._able(self.now) if _key(one) not in refused]
            if not able and (not refused or len(fixes) == since):
                break
            if not able:
                refused, since = set(), len(fixes)
            elif made := self._first(able, refused):
                self.now, done = made
                fixes += done
        return fixes

    def _first(
        self, able: Sequence[Diagnostic], refused: set[tuple[str, ...]]
    ) -> tuple[_State, list[Fix]] | None:
        """What comes of the first group of edits that can be made: all, else a half, down to single ones."""
        if made := self._try(self.now, able):
            return made
        if len(able) == 1:
            refused.add(_key(able[0]))
            return None
        half = len(able) // 2
        return self._first(able[:half], refused) or self._first(able[half:], refused)

    def _try(self, start: _State, wanted: Sequence[Diagnostic]) -> tuple[_State, list[Fix]] | None:
        """The state after the edits of some messages, and of those they bring to light; None where that is worse."""
        state, fixes = start, list[Fix]()
        for _ in range(DEEPEST):
            if self.checks >= MOST_CHECKS:
                return None
            done = self._chosen(wanted)
            fixes += done
            state = self._state(self._texts(state, done))
            cured = [one.diagnostic for one in fixes if one.diagnostic in start.told]
            added = _added(start, state, cured)
            if not added:
                return state, fixes
            able = self._able(state)
            if any(one not in able for one in added):
                return None
            wanted = added
        return None

    def _chosen(self, wanted: Iterable[Diagnostic]) -> list[Fix]:
        """The edits of these messages that do not touch one another."""
        found: list[Fix] = []
        by_file: dict[Source, list[tuple[Edit, Diagnostic]]] = {}
        for one in wanted:
            if one.edit is not None:
                by_file.setdefault(one.edit.span.source, []).append((one.edit, one))
        for pairs in by_file.values():
            kept = apart(edit for edit, _ in pairs)
            found += [Fix(one, edit) for edit, one in pairs if any(edit is other for other in kept)]
        return found

    def _texts(self, state: _State, fixes: Iterable[Fix]) -> dict[Path, Source]:
        """The texts of a state after some edits."""
        edits: dict[Source, list[Edit]] = {}
        for one in fixes:
            edits.setdefault(one.edit.span.source, []).append(one.edit)
        return {**state.texts, **{_path(source): applied(source, some) for source, some in edits.items()}}

    def _able(self, state: _State) -> list[Diagnostic]:
        """The messages with an exact edit in a file of the project."""
        return [one for one in state.told if one.edit is not None and self._ours(one.edit.span.source)]

    def _ours(self, source: Source) -> bool:
        path = _path(source)
        return path == self.main or path.is_relative_to(self.project.resolve())

    def _state(self, texts: Mapping[Path, Source]) -> _State:
        """What is said of these texts."""
        self.checks += 1
        main = texts[self.main]
        files = _Files(self.folder, self.project, texts)
        _, told = check_source(main, self.project, self.define, beside=self.folder, files=files)
        return _State(texts, told, readable=read(main)[0] is not None)


class _Files(Mapping[str, str]):
    """The files beside a spec, by their path from its folder: as they are in memory, else as the project has them."""

    def __init__(self, folder: Path, project: Path, texts: Mapping[Path, Source]) -> None:
        self.folder = folder
        self.project = project.resolve()
        self.texts = texts

    def __getitem__(self, name: str) -> str:
        path = (self.folder / name).resolve()
        if path in self.texts:
            return self.texts[path].text
        if not path.is_relative_to(self.project):
            raise KeyError(name)
        try:
            return open_source(path).text
        except SpecError:
            raise KeyError(name) from None

    def __iter__(self) -> Iterator[str]:
        return iter(os.path.relpath(path, self.folder) for path in self.texts)

    def __len__(self) -> int:
        return len(self.texts)


def _added(before: _State, after: _State, cured: Iterable[Diagnostic]) -> list[Diagnostic]:
    """The messages that a change made, those included that it should have cured.

    What could not be seen before is no fault of the change: all that a text says which could not be read, and what is
    thought of a spec that was wrong.
    """
    allowed = Counter(map(_kind, before.told)) - Counter(map(_kind, cured))
    added = []
    for one in after.told:
        if allowed[_kind(one)] > 0:
            allowed[_kind(one)] -= 1
        elif not _was_hidden(one, before, after):
            added.append(one)
    return added


def _was_hidden(one: Diagnostic, before: _State, after: _State) -> bool:
    """Whether nobody had come far enough to say this."""
    if _kind(one) in set(map(_kind, before.told)):
        return False
    if not before.readable and after.readable:
        return not one.code.startswith("NS0")
    wrong = any(other.severity is Severity.ERROR for other in before.told)
    return wrong and not any(other.severity is Severity.ERROR for other in after.told)


def _kind(one: Diagnostic) -> tuple[str, str]:
    """What makes two messages the same although lines have moved."""
    return one.code, one.message


def _key(one: Diagnostic) -> tuple[str, ...]:
    """What makes an edit the same although lines have moved."""
    return (*_kind(one), one.edit.span.text, one.edit.text) if one.edit else _kind(one)


def _path(source: Source) -> Path:
    return Path(source.name).resolve()


def _told(text: str) -> str:
    """A text in backticks, on one line; of a long one the beginning."""
    if not text:
        return "nothing"
    first = text.strip("\n")
    short = first.split("\n")[0][:_LONGEST]
    return f"`{shown(short)}{'...' if short != first else ''}`"
