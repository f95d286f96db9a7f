"""Untrusted text made fit to be shown: what cannot be seen is spelt out, and how wide the rest is on a terminal."""

from __future__ import annotations

import unicodedata

TAB = 4
"""Columns a tab is shown as, wherever it stands, so that carets under it need no arithmetic of tab stops."""

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"})


def cell(character: str) -> str:
    """One character as it is shown: tabs as spaces; controls, odd spaces and unassigned ones by number.

    An escape sequence in a spec would otherwise repaint the terminal, and a right-to-left override reorder the line.
    """
    if character == "\t":
        return " " * TAB
    if character.isascii() and character.isprintable():
        return character
    return f"\\u{{{ord(character):x}}}" if unicodedata.category(character) in _HIDDEN else character


def shown(text: str) -> str:
    """A text on one line, with nothing hidden in it."""
    return "".join(map(cell, text)) if not (text.isascii() and text.isprintable()) else text


def width(text: str) -> int:
    """Terminal columns of a text that went through `shown`: two for wide characters, none for combining marks."""
    if text.isascii():
        return len(text)
    columns = 0
    for character in text:
        if not unicodedata.combining(character):
            columns += 2 if unicodedata.east_asian_width(character) in "WF" else 1
    return columns
