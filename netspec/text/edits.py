"""Edits put into texts: which of several fit together, and the text after them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from netspec.text.diagnostic import Edit
from netspec.text.source import Source

_UNIX = re.compile(r"(?<!\r)\n")


def apart(edits: Iterable[Edit]) -> list[Edit]:
    """Edits of one source that do not touch the same characters, in the order of the text; of two that do, the first.

    Two that insert at one place, or begin at one character, are taken to do so: which comes first is nobody's to say.
    """
    kept: list[Edit] = []
    for edit in sorted(edits, key=lambda one: (one.span.start, one.span.end)):
        last = kept[-1].span if kept else None
        if last is None or (edit.span.start >= last.end and edit.span.start > last.start):
            kept.append(edit)
    return kept


def applied(source: Source, edits: Iterable[Edit]) -> Source:
    r"""The source with all edits made, from the last to the first, so that none moves another.

    Each is about `source` itself, and no two touch the same characters (see `apart`); ValueError where that is not so.
    A text that has `\r\n` gets it in what is put in as well.
    """
    text = source.text
    ahead = len(text) + 1
    windows = "\r\n" in text
    for edit in sorted(edits, key=lambda one: (one.span.start, one.span.end), reverse=True):
        span = edit.span
        if span.source != source:
            raise ValueError(f"an edit of `{span.source.name}` does not fit `{source.name}`")
        if not 0 <= span.start <= span.end <= len(text) or span.end > ahead or span.start == ahead:
            raise ValueError("two edits touch the same characters, or one lies outside of the text")
        put = _UNIX.sub("\r\n", edit.text) if windows else edit.text
        text = text[: span.start] + put + text[span.end :]
        ahead = span.start
    return Source(source.name, text)
