"""Specs with a mistake in them, marked: `«rely»` says which characters a message must point at."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from netspec.front import check_source
from netspec.lang.constants import Constant
from netspec.text import Diagnostic, Severity, Source
from netspec.text.render import render_all

MARK = re.compile("«(.*?)»", re.DOTALL)

PARTS = {
    "netspec": "netspec: 1\n",
    "inputs": "inputs: {x: {shape: [4]}}\n",
    "layers": "layers:\n  - {linear: 3, name: y}\n",
}
"""What a spec must have, for those that are about something else."""


def completed(text: str) -> str:
    """The text with the sections that a spec must have and that it does not name, behind its own."""
    lines = text if text.endswith("\n") else text + "\n"
    return lines + "".join(
        part for name, part in PARTS.items() if not re.search(rf"^«?{name}\b", lines, re.MULTILINE)
    )


def check(text: str, define: Mapping[str, Constant] | None = None) -> tuple[Diagnostic, ...]:
    """Everything there is to say about a text without marks."""
    return check_source(Source("a.yaml", text), Path(__file__).parents[2], define)[1]


def assert_told(marked: str, code: str, *words: str) -> Diagnostic:
    """The only error has this code, points at the marked characters, and says these words."""
    whole = completed(marked)
    found = MARK.search(whole)
    assert found is not None, "nothing is marked"
    text = MARK.sub(r"\1", whole)
    errors = [one for one in check(text) if one.severity is Severity.ERROR]
    told = render_all(errors, color=False)
    assert [one.code for one in errors] == [code], told
    span = errors[0].span
    assert span is not None
    assert (span.start, span.end) == (found.start(), found.end() - 2), told
    assert [word for word in words if word not in told] == [], told
    edit = errors[0].edit
    if edit is not None:
        fixed = text[: edit.span.start] + edit.text + text[edit.span.end :]
        left = [one for one in check(fixed) if one.severity is Severity.ERROR]
        assert not left, render_all(left, color=False)
    return errors[0]


def assert_good(text: str, define: Mapping[str, Constant] | None = None) -> tuple[Diagnostic, ...]:
    """Nothing is an error; gives the warnings."""
    found = check(completed(text), define)
    assert all(one.severity is not Severity.ERROR for one in found), render_all(found, color=False)
    return found
