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
_LONGEST = 600  # characters of a message: it quotes the user's words, and a hostile key can fill the screen
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
        properties = {"title": one.code} if not one.file else {"file": shown(one.file), "title": one.code}
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
    yield title + paint(_BOLD, f": {_short(diagnostic.message)}")
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
            yield f"{' ' * gutter} {paint(_BLUE, '=')} {paint(_BOLD, kind + ':')} {_short(first)}"
            yield from (f"{' ' * gutter}   {' ' * len(kind)}  {_short(line)}" for line in rest)


def _short(text: str) -> str:
    """A text on one line and safe to show; of an endless one its beginning."""
    return shown(text if len(text) <= _LONGEST else text[:_LONGEST] + "...")


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
            yield _source_line(row - 1, _view(source.line(row - 1), 0).text, gutter, paint)
        elif previous and row > previous + 2:
            yield paint(_BLUE, "...")
        here = sorted(
            (mark for mark in marks if mark.row == row), key=lambda mark: (mark.start, not mark.primary)
        )
        line = source.line(row)
        for group in _groups(line, here):
            view = _view(line, group[0].start)
            yield _source_line(row, view.text, gutter, paint)
            for mark in group:
                yield f"{' ' * gutter} {paint(_BLUE, '|')} {_underline(line, mark, view, color, paint)}"
        previous = row


def _source_line(row: int, text: str, gutter: int, paint: _Paint) -> str:
    return f"{paint(_BLUE, f'{row:>{gutter}} |')} {text}".rstrip()


def _groups(line: str, marks: list[_Mark]) -> Iterator[list[_Mark]]:
    """Marks of one line, in groups that can be shown together."""
    group: list[_Mark] = []
    for mark in marks:
        if group and len(line) > WIDEST and mark.start - group[0].start > WIDEST // 2:
            yield group
            group = []
        group.append(mark)
    yield group


@dataclass(frozen=True)
class _View:
    """What is shown of a line: the characters `[first, last)`, with `...` where some are left out."""

    text: str
    first: int
    last: int


def _view(line: str, start: int) -> _View:
    """The whole line, or of a long one the part around `start`. Looks at no more of a line than it shows."""
    if len(line) <= WIDEST and width(shown(line)) <= WIDEST:
        return _View(shown(line), 0, len(line))
    first, columns = min(start, len(line)), 0
    while first > 0 and columns < _BEFORE and start - first < WIDEST:
        first -= 1
        columns += width(cell(line[first]))
    last, columns = first, 0
    while last < len(line) and columns < WIDEST - 6 and last - first < 2 * WIDEST:
        columns += width(cell(line[last]))
        last += 1
    text = ("..." if first else "") + shown(line[first:last]) + ("..." if last < len(line) else "")
    return _View(text, first, last)


def _underline(line: str, mark: _Mark, view: _View, color: str, paint: _Paint) -> str:
    """The carets under one mark, as far as it is in view, and its words."""
    margin = width(shown(line[view.first : mark.start])) + (3 if view.first else 0)
    length = width(shown(line[mark.start : min(mark.end, view.last)])) or 1
    code, sign = (color, "^") if mark.primary else (_BLUE, "-")
    words = f" {_short(mark.text)}" if mark.text else ""
    return " " * margin + paint(code, sign * length + words)
