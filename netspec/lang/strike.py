"""Striking out: the edit that takes one entry out of a text, with the comma or the line that was its own."""

from __future__ import annotations

import re

from netspec.text import Edit, Span

_COMMA_AFTER = re.compile(r"[ \t]*,[ \t]*")
_COMMA_BEFORE = re.compile(r"[ \t]*,[ \t]*\Z")
_REST_OF_LINE = re.compile(r"[ \t]*(?:#[^\n]*)?(?:\n|\Z)")


def struck(key: Span, value: Span) -> Edit | None:
    """The edit without the entry of `key` and `value`; None where that would take more than the entry with it."""
    source, start, end = key.source, key.start, max(key.end, value.end)
    text = source.text
    if "\n" in text[start:end]:
        return None
    if after := _COMMA_AFTER.match(text, end):
        return Edit(source.span(start, after.end()), "")
    if before := _COMMA_BEFORE.search(text, 0, start):
        return Edit(source.span(before.start(), end), "")
    line = text.rfind("\n", 0, start) + 1
    rest = _REST_OF_LINE.match(text, end)
    if text[line:start].strip() or rest is None:
        return None
    return Edit(source.span(line, rest.end()), "")
