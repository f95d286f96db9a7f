"""Syntax errors inside `{...}` and `[...]`."""

from __future__ import annotations

import re

from netspec.lang.quote import flow_value, line_value, quoted, surplus
from netspec.lang.tree import Style
from netspec.lang.trouble import CLOSING, Trouble
from netspec.text.diagnostic import Diagnostic, Edit, Label


def unclosed(case: Trouble) -> Diagnostic | None:
    """`[1, 2` whose next line begins a new key, `{a: 1]`, and brackets open at the end."""
    if not case.in_flow:
        return None
    begun = (
        case.begun
        if case.text[case.begun : case.begun + 1] in CLOSING and case.begun < case.at
        else case.opening()
    )
    if begun < 0:
        return None
    opening = case.text[begun]
    closing, span = CLOSING[opening], case.span(begun, begun + 1)
    here = case.span(case.at, case.at + 1)
    if case.here and case.here in "]}" and case.here != closing:
        return case.error(
            "NS019",
            f"`{opening}` is closed by `{case.here}`",
            here,
            labels=(Label(span, "opened here"),),
            help=f"write `{closing}`",
            edit=Edit(here, closing),
        )
    key_begins = case.here == ":" and case.line_start(case.at) > begun
    if not key_begins and not _left_behind(case, begun) and case.text[case.at :].strip():
        return None
    value = line_value(case.source, begun)
    end = case.span(begun + len(value), begun + len(value))
    exact = surplus(value) == 1 and value[-1] not in ",:[{("
    return case.error(
        "NS019",
        f"this `{opening}` is not closed",
        span,
        help=f"put a `{closing}` where it ends",
        edit=Edit(end, closing) if exact else None,
    )


def _left_behind(case: Trouble, begun: int) -> bool:
    """Whether the trouble begins a later line that stands no deeper than the bracket's: so nobody is inside it now."""
    start, above = case.line_start(case.at), case.line_start(begun)
    before, line = case.text[start : case.at], case.text[above:begun]
    if start <= begun or before.strip(" -"):
        return False
    return len(before) - len(before.lstrip()) <= len(line) - len(line.lstrip())


def bare_bracket(case: Trouble) -> Diagnostic | None:
    """`{x: $depths[0]}` and `{x: ${4 * c}}`: a bracket in a word without quotes."""
    last = case.last
    if not case.in_flow or last is None or last.style is not Style.PLAIN or last.span.end != case.at:
        return None
    if not case.here or case.here not in "{[":
        return None
    start = _whole(case, last.span.start)
    value = flow_value(case.source, start)
    span = case.span(start, start + len(value))
    if value.startswith("${") and value.endswith("}"):
        cure = "$" + value[2:-1].strip()
        cure = quoted(cure) if re.search(r"[][{},]|: | #", cure) else cure
        message = "`${...}` is not how a spec computes"
        return case.error("NS019", message, span, help=f"write `{cure}`", edit=Edit(span, cure))
    outer = case.text[max(case.opening(), 0)]
    return case.error(
        "NS019",
        f"inside `{outer}...{CLOSING.get(outer, '')}`, the `{case.here}` ends the word before it",
        span,
        help=f"quote it: `{quoted(value)}`",
        edit=Edit(span, quoted(value)),
    )


def _whole(case: Trouble, start: int) -> int:
    """Where the value begins that the word at `start` belongs to: a comma inside a call has cut it in two."""
    line = case.text[case.line_start(start) : start]
    begun = start - len(line) + line.rfind(": ") + 2
    before = case.text[begun:start]
    return begun if ": " in line and before.count("(") > before.count(")") else start


def comma(case: Trouble) -> Diagnostic | None:
    """A comma missing, or one too many."""
    if not case.in_flow:
        return None
    here = case.span(case.at, case.at + 1)
    if case.here == ",":
        return case.error(
            "NS024", "nothing stands before this comma", here, help="delete it", edit=Edit(here, "")
        )
    if "expected ','" not in case.problem:
        return None
    help = "put a comma between two items; quote a value that has brackets or quotes inside"
    return case.error("NS024", "a comma is missing before this", here, help=help)
