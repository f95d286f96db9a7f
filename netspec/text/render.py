"""Diagnostics as people and machines read them: the terminal with carets, JSON, GitHub's workflow commands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from netspec.text.diagnostic import Diagnostic, Severity
from netspec.text.shown import cell, shown, width
from netspec.text.source import Source, Span

WIDEST = 110
"""Columns of a source line that are shown; of a longer one, the part around the carets."""

_BEFORE = 30  # columns kept before the first caret of a line that is cut
_COLORS = {Severity.ERROR: "1;31", Severity.WARNING: "1;33", Severity.INFO: "1;36"}
_COUNTED = {
    Severity.ERROR: ("error", "errors"),
    Severity.WARNING: ("warning", "warnings"),
    Severity.INFO: ("remark", "remarks"),
}
_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}
_BLUE, _BOLD = "1;34", "1"


def render(diagnostic: Diagnostic, *, color: bool) -> str:
    """One diagnostic for a terminal, without a line break at the end: its title, the lines it is about, notes, help."""
    return "\n".join(_lines(diagnostic, _Paint(color)))


def render_all(diagnostics: Iterable[Diagnostic], color: bool) -> str:  # noqa: FBT001 (the signature of its callers)
    """All diagnostics in their order, and how many there are of each severity; empty where there are none."""
    told = list(diagnostics)
    if not told:
        return ""
    texts = [render(one, color=color) for one in told]
    return "\n\n".join([*texts, _Paint(color)(_BOLD, count(told))]) + "\n"


def count(diagnostics: Sequence[Diagnostic]) -> str:
    """`2 errors, 1 warning`."""
    numbers = {kind: sum(one.severity is kind for one in diagnostics) for kind in _COUNTED}
    return ", ".join(f"{n} {_COUNTED[kind][n != 1]}" for kind, n in numbers.items() if n)


def to_json(diagnostics: Iterable[Diagnostic]) -> list[dict[str, object]]:
    """All diagnostics as plain data, one dictionary each, with their other places and the exact edit."""
    return [
        {
            **one.as_json(),
            "label": one.label,
            "labels": [{**_place(label.span), "text": label.text} for label in one.labels],
            "edit": {**_place(one.edit.span), "text": one.edit.text} if one.edit else None,
        }
        for one in diagnostics
    ]


def to_github(diagnostics: Iterable[Diagnostic]) -> str:
    """Workflow commands, one line each, that GitHub shows at the lines of a pull request.

    The escapes are those of actions/toolkit: `%`, line breaks, and in properties also `:` and `,`.
    """
    lines = []
    for one in diagnostics:
        properties = {"title": one.code}
        if span := one.span:
            properties = {"file": shown(span.source.name), "line": str(span.line), "col": str(span.column)}
            properties |= {
                "endLine": str(span.end_line),
                "endColumn": str(span.end_column),
                "title": one.code,
            }
        listed = ",".join(f"{key}={_escaped(value, ':,')}" for key, value in properties.items())
        message = "\n".join(
            shown(line) for text in (one.message, *one.notes, one.help) for line in text.split("\n") if text
        )
        lines.append(f"::{_COMMANDS[one.severity]} {listed}::{_escaped(message)}\n")
    return "".join(lines)


def _place(span: Span) -> dict[str, object]:
    return {
        "file": span.source.name,
        "line": span.line,
        "column": span.column,
        "end_line": span.end_line,
        "end_column": span.end_column,
    }


def _escaped(text: str, more: str = "") -> str:
    for character in "%\r\n" + more:
        text = text.replace(character, f"%{ord(character):02X}")
    return text


@dataclass(frozen=True)
class _Paint:
    """Puts ANSI colours around a text, or leaves it alone."""

    color: bool

    def __call__(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.color and text else text


@dataclass(frozen=True)
class _Mark:
    """A stretch of one line to underline: columns counted from 0 in characters, at least one of them."""

    row: int
    start: int
    end: int
    text: str
    primary: bool


def _lines(diagnostic: Diagnostic, paint: _Paint) -> Iterator[str]:
    color = _COLORS[diagnostic.severity]
    title = paint(color, f"{diagnostic.severity.value}[{diagnostic.code}]")
    yield title + paint(_BOLD, f": {shown(diagnostic.message)}")
    spans = [one for one in (diagnostic.span, *(label.span for label in diagnostic.labels)) if one]
    gutter = len(str(max((span.line for span in spans), default=0)))
    for source in dict.fromkeys(span.source for span in spans):
        marks = [_mark(label.span, label.text) for label in diagnostic.labels if label.span.source == source]
        place = next(span for span in spans if span.source == source)
        if diagnostic.span and diagnostic.span.source == source:
            marks.insert(0, _mark(diagnostic.span, diagnostic.label, primary=True))
        arrow = "-->" if place is diagnostic.span else ":::"
        yield f"{' ' * gutter}{paint(_BLUE, arrow)} {shown(source.name)}:{place.line}:{place.column}"
        yield f"{' ' * gutter} {paint(_BLUE, '|')}"
        yield from _snippet(source, marks, gutter, color, paint)
    for kind, text in (*(("note", note) for note in diagnostic.notes), ("help", diagnostic.help)):
        first, *rest = text.split("\n")
        if text:
            yield f"{' ' * gutter} {paint(_BLUE, '=')} {paint(_BOLD, kind + ':')} {shown(first)}"
            yield from (f"{' ' * gutter}   {' ' * len(kind)}  {shown(line)}" for line in rest)


def _mark(span: Span, text: str, *, primary: bool = False) -> _Mark:
    """Where the first line of a span is underlined."""
    row, column = span.line, span.column
    stop = span.end_column - 1 if span.end_line == row else len(span.source.line(row))
    return _Mark(row, column - 1, max(stop, column), text, primary)


def _snippet(source: Source, marks: list[_Mark], gutter: int, color: str, paint: _Paint) -> Iterator[str]:
    """The marked lines in order, each with its carets; a line between two of them is shown, more are left out."""
    previous = 0
    for row in sorted({mark.row for mark in marks}):
        if previous and row == previous + 2:
            yield _source_line(row - 1, _cut(_cells(source.line(row - 1)), 0)[0], gutter, paint)
        elif previous and row > previous + 2:
            yield paint(_BLUE, "...")
        here = sorted(
            (mark for mark in marks if mark.row == row), key=lambda mark: (mark.start, not mark.primary)
        )
        cells = _cells(source.line(row))
        for group in _windows(cells, here):
            text, dropped = _cut(cells, group[0].start)
            yield _source_line(row, text, gutter, paint)
            for mark in group:
                yield f"{' ' * gutter} {paint(_BLUE, '|')} {_underline(cells, mark, dropped, color, paint)}"
        previous = row


def _source_line(row: int, text: str, gutter: int, paint: _Paint) -> str:
    return f"{paint(_BLUE, f'{row:>{gutter}} |')} {text}".rstrip()


def _cells(line: str) -> list[str]:
    return [cell(character) for character in line]


def _windows(cells: list[str], marks: list[_Mark]) -> Iterator[list[_Mark]]:
    """Marks of one line, in groups that can be shown together."""
    group: list[_Mark] = []
    for mark in marks:
        if group and width("".join(cells[group[0].start : mark.end])) > WIDEST - _BEFORE and _long(cells):
            yield group
            group = []
        group.append(mark)
    yield group


def _long(cells: list[str]) -> bool:
    return len(cells) > WIDEST or width("".join(cells)) > WIDEST


def _cut(cells: list[str], start: int) -> tuple[str, int]:
    """The line, or of a long one the part around `start`; and how many characters were dropped before it.

    A dropped beginning shows as `...`, which the carets are moved by.
    """
    if not _long(cells):
        return "".join(cells), 0
    first, columns = min(start, len(cells)), 0
    while first > 0 and columns < _BEFORE:
        first -= 1
        columns += width(cells[first])
    last, columns = first, 0
    while last < len(cells) and columns < WIDEST - 6:
        columns += width(cells[last])
        last += 1
    return ("..." if first else "") + "".join(cells[first:last]) + ("..." if last < len(cells) else ""), first


def _underline(cells: list[str], mark: _Mark, dropped: int, color: str, paint: _Paint) -> str:
    margin = width("".join(cells[dropped : mark.start])) + (3 if dropped else 0)
    length = width("".join(cells[mark.start : mark.end])) or 1
    if _long(cells):
        length = max(1, min(length, WIDEST - 3 - margin))
    code, sign = (color, "^") if mark.primary else (_BLUE, "-")
    words = f" {shown(mark.text)}" if mark.text else ""
    return " " * margin + paint(code, sign * length + words)
