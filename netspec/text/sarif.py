"""Diagnostics as SARIF 2.1.0, the form in which code scanning and editors take the findings of any checker.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/sarif-v2.1.0-os.html; the numbers below are those of its sections.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

from netspec.text.codes import CODES
from netspec.text.diagnostic import Diagnostic, Edit, Severity
from netspec.text.page import page
from netspec.text.shown import shown
from netspec.text.source import Span

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
"""Where the schema of the form stands."""

ROOT = "ROOT"
"""What relative addresses are relative to: the folder in which the command ran."""

_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_LINK = re.compile(r"\[(?=[^\[\]]*\]\()")


def to_sarif(diagnostics: Iterable[Diagnostic], *, version: str, folder: Path) -> dict[str, object]:
    """One run of netspec `version` in `folder`, as plain data: its rules are the codes that were raised.

    Addresses of files inside the folder are relative to it, those of others whole. Columns count code points.
    """
    told = list(diagnostics)
    codes = sorted({one.code for one in told})
    index = {code: at for at, code in enumerate(codes)}
    driver: dict[str, object] = {
        "name": "netspec",
        "version": version,
        "rules": [_rule(code) for code in codes],
    }
    run: dict[str, object] = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {ROOT: {"uri": folder.resolve().as_uri().rstrip("/") + "/"}},
        "results": [_Result(one, index[one.code], folder).data() for one in told],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(code: str) -> dict[str, object]:
    """What a code means, with its page (3.49)."""
    text = page(code).text
    return {
        "id": code,
        "shortDescription": {"text": CODES[code]},
        "help": {"text": text, "markdown": text},
    }


class _Result:
    """One finding (3.27)."""

    def __init__(self, one: Diagnostic, rule: int, folder: Path) -> None:
        self.one = one
        self.rule = rule
        self.folder = folder.resolve()

    def data(self) -> dict[str, object]:
        """The finding as plain data; it has no place where no file can be pointed into."""
        one = self.one
        result: dict[str, object] = {
            "ruleId": one.code,
            "ruleIndex": self.rule,
            "level": _LEVELS[one.severity],
            "message": {"text": _message(one)},
        }
        if one.span is not None:
            result["locations"] = [self._location(one.span, one.label)]
        elif one.file:
            result["locations"] = [{"physicalLocation": {"artifactLocation": self._file(one.file)}}]
        if one.labels:
            result["relatedLocations"] = [
                {"id": at, **self._location(label.span, label.text)} for at, label in enumerate(one.labels, 1)
            ]
        if one.edit is not None:
            result["fixes"] = [self._fix(one.edit, one.help)]
        return result

    def _location(self, span: Span, text: str) -> dict[str, object]:
        """A place, with a few words (3.28)."""
        physical = {"artifactLocation": self._file(span.source.name), "region": _region(span)}
        message: dict[str, object] = {"message": {"text": _plain(text)}} if text else {}
        return {"physicalLocation": physical, **message}

    def _file(self, name: str) -> dict[str, object]:
        """A file by its address (3.4)."""
        path = Path(os.path.normpath(self.folder / name))
        if not path.is_relative_to(self.folder):
            return {"uri": path.as_uri()}
        return {"uri": quote(path.relative_to(self.folder).as_posix()), "uriBaseId": ROOT}

    def _fix(self, edit: Edit, help: str) -> dict[str, object]:
        """The exact edit (3.55)."""
        replacement = {"deletedRegion": _region(edit.span), "insertedContent": {"text": edit.text}}
        change = {"artifactLocation": self._file(edit.span.source.name), "replacements": [replacement]}
        words: dict[str, object] = {"description": {"text": _plain(help)}} if help else {}
        return {**words, "artifactChanges": [change]}


def _region(span: Span) -> dict[str, int]:
    """Lines and columns from 1, the end column just behind the last character (3.30)."""
    return {
        "startLine": span.line,
        "startColumn": span.column,
        "endLine": span.end_line,
        "endColumn": span.end_column,
    }


def _message(one: Diagnostic) -> str:
    """The message, with the chain of its notes and the cure below it."""
    lines = [one.message, *one.notes, *([f"help: {one.help}"] if one.help else [])]
    return "\n".join(_plain(line) for text in lines for line in text.split("\n"))


def _plain(text: str) -> str:
    """A text in which nothing is hidden and no link can be made (3.11.6): it quotes words of an untrusted file."""
    return _LINK.sub(r"\\[", shown(text))
