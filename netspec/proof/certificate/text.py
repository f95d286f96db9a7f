"""A certificate as plain text."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from netspec.proof.certificate.document import Certificate, Section, Table
from netspec.text.shown import shown, width

COLUMNS = 100
"""How wide paragraphs are set; a table is as wide as it is."""


def text(certificate: Certificate) -> str:
    """The whole document, with a line break at its end."""
    lines = [_title(certificate.title, "="), *_wrapped(certificate.verdict), ""]
    labels = max((width(label) for label, _ in certificate.facts), default=0)
    lines += [f"{label.ljust(labels)}  {shown(value)}" for label, value in certificate.facts]
    for section in certificate.sections:
        lines += ["", "", *_section(section)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _section(section: Section) -> Iterator[str]:
    """One part."""
    yield _title(section.title, "-")
    for paragraph in section.paragraphs:
        yield from _wrapped(paragraph)
    if section.table is not None:
        yield ""
        yield from _table(section.table)
    if section.lines:
        yield ""
        yield from (f"    {shown(line)}" for line in section.lines)


def _title(words: str, under: str) -> str:
    """Words with a line under them."""
    said = shown(words)
    return f"{said}\n{under * width(said)}"


def _wrapped(paragraph: str) -> list[str]:
    """A paragraph in lines."""
    return textwrap.wrap(shown(paragraph), COLUMNS, break_long_words=False, break_on_hyphens=False)


def _table(table: Table) -> Iterator[str]:
    """Columns under one another; figures end at the same place."""
    rows = [table.header, *(tuple(cell.words for cell in row) for row in table.rows)]
    fields = [[shown(words) for words in row] for row in rows]
    widths = [max(width(row[i]) for row in fields) for i in range(len(table.header))]
    yield _line(fields[0], widths, table)
    yield "-" * (sum(widths) + 2 * (len(widths) - 1))
    yield from (_line(row, widths, table) for row in fields[1:])


def _line(row: Sequence[str], widths: Sequence[int], table: Table) -> str:
    """One row."""
    parts = []
    for i, (words, room) in enumerate(zip(row, widths, strict=True)):
        gap = " " * (room - width(words))
        parts.append(gap + words if i in table.numbers else words + gap)
    return "  ".join(parts)
