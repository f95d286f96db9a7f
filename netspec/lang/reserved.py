"""Syntax errors of values that begin with a character YAML takes for itself, and of quotes."""

from __future__ import annotations

import re

from netspec.lang.quote import flow_value, line_value, quoted
from netspec.lang.trouble import KEYED, Trouble
from netspec.text.diagnostic import Diagnostic, Edit

_MEANINGS = {
    "|": "`|` begins a block of text in YAML; the absolute value is `abs(a)`",
    ">": "`>` begins a block of text in YAML; the language has no version operators",
    "*": "`*` begins an alias in YAML, which a spec does not have; the language has no globs either",
    "&": "`&` begins an anchor in YAML, which a spec does not have; in a formula write `and`",
    "!": "`!` begins a tag in YAML, which a spec does not have; in a formula write `not`",
    "@": "YAML keeps `@` for itself",
    "`": "YAML keeps the backtick for itself",
    "%": "YAML keeps `%` at the beginning for itself",
    "'": "a value that begins with a quote ends with the next one",
    '"': "a value that begins with a quote ends with the next one",
    "[": "a value that begins with `[` is a list, and ends with its `]`",
    "{": "a value that begins with `{` is a mapping, and ends with its `}`",
    ",": "a comma separates the items of `[...]` and `{...}`",
    "]": "a `]` closes a list, and none is open",
    "}": "a `}` closes a mapping, and none is open",
}
_LIST_ITEM = re.compile(r" *(?:- +)+")
_REVERSIBLE = re.compile(r"(?P<word>'[^']*'|\"[^\"]*\") *(?P<sign>==|!=) *(?P<other>[\w.]+)")
_AT_ITS_START = (
    "cannot start any token",
    "block scalar",
    "an alias",
    "an anchor",
    "a tag",
    "handle",
    "a block node",
)


def own_character(case: Trouble) -> Diagnostic | None:
    """`|a|`, `@x`, `*.bias`, and `'a' == b`, where YAML says that the value has ended before its line has."""
    start = case.begun
    if not any(word in case.problem + case.context for word in _AT_ITS_START):
        start = _value_start(case)
    character = case.text[start : start + 1]
    if start < 0 or character not in _MEANINGS:
        return None
    in_flow = case.opening() >= 0
    value = (flow_value if in_flow and character not in "{[" else line_value)(case.source, start)
    span = case.span(start, start + max(len(value), 1))
    inside = value[1:-1]
    if character in "'\"" and len(value) > 2 and value.endswith(character):
        cure, help = quoted(inside), f"write `{quoted(inside)}`"
        message = f"a {character} stands inside a text in {character}"
        return case.error("NS020", message, span, help=help, edit=Edit(span, cure))
    help = f"quote a formula or text that begins so: `{quoted(value)}`"
    if turned := _REVERSIBLE.fullmatch(value):
        help = f"write `{turned['other']} {turned['sign']} {turned['word']}`, or quote it: `{quoted(value)}`"
    return case.error("NS020", _MEANINGS[character], span, help=help, edit=Edit(span, quoted(value)))


def indicator(case: Trouble) -> Diagnostic | None:
    """`loss: - x` and `loss: ? a`: a dash or a question mark that YAML wants at the beginning of a line."""
    dash = "sequence entries" in case.problem
    if not dash and "mapping keys are not allowed" not in case.problem:
        return None
    value, span = line_value(case.source, case.at), case.span(case.at, case.at + 2)
    if dash:
        help = f"write `-{value[2:].lstrip()}` for a negative value; begin a list on the next line"
        return case.error("NS020", "`- ` begins a list item, and none can stand here", span, help=help)
    return case.error("NS020", "`? ` begins a long key in YAML", span, help=f"quote it: `{quoted(value)}`")


def quote(case: Trouble) -> Diagnostic | None:
    """A quote that is never closed, and escapes that do not exist."""
    if "quoted scalar" not in case.context and "double-quoted" not in case.context:
        return None
    if "end of stream" in case.problem or "document" in case.problem:
        mark = case.text[case.begun]
        span = case.span(case.begun, case.begun + 1)
        return case.error(
            "NS019", f"this {mark} is not closed", span, help=f"put a {mark} where the text ends"
        )
    at = case.text.rfind("\\", case.begun, case.at + 1)
    if at < 0:
        return None
    span = case.span(at, at + 2)
    help = f"write `\\{span.text}` for a backslash, or use single quotes"
    return case.error(
        "NS025", f"`{span.text}` is no escape", span, edit=Edit(span, "\\" + span.text), help=help
    )


def _value_start(case: Trouble) -> int:
    """Where the value begins that the parser thought finished before `at`, on the same line; -1 if there is none."""
    if not any(word in case.problem for word in ("expected key", "<block end>", "'-'", "expected ','")):
        return -1
    if case.in_flow:
        last = case.last
        quoted_before = last is not None and last.span.text[:1] in ("'", '"') and last.span.end <= case.at
        return last.span.start if last is not None and quoted_before else -1
    start = case.line_start(case.at)
    keyed = KEYED.match(case.text, start) or _LIST_ITEM.match(case.text, start)
    return keyed.end() if keyed and keyed.end() < case.at else -1
