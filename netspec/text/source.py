"""A source text and a place in it: what every message, edit and origin points at."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from functools import cached_property


@dataclass(frozen=True)
class Source:
    """One file as it was read. `name` is how the user called it, `text` its decoded content without a byte order mark.

    Offsets count characters of `text` from 0; lines and columns count from 1, as editors show them.
    """

    name: str
    text: str = field(repr=False)

    @cached_property
    def _starts(self) -> list[int]:
        """The offset at which each line begins."""
        starts = [0]
        starts.extend(i + 1 for i, character in enumerate(self.text) if character == "\n")
        return starts

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column, both from 1, of a character offset."""
        row = bisect_right(self._starts, offset) - 1
        return row + 1, offset - self._starts[row] + 1

    def line(self, number: int) -> str:
        """The text of line `number` (from 1) without its line break; empty past the end."""
        if not 1 <= number <= len(self._starts):
            return ""
        start = self._starts[number - 1]
        end = self._starts[number] - 1 if number < len(self._starts) else len(self.text)
        return self.text[start:end].rstrip("\r")

    def span(self, start: int, end: int) -> Span:
        """The half-open stretch of characters from `start` to `end`."""
        return Span(self, start, end)


@dataclass(frozen=True)
class Span:
    """A half-open stretch `[start, end)` of characters of one source."""

    source: Source
    start: int
    end: int

    @property
    def line(self) -> int:
        """The line (from 1) on which the span begins."""
        return self.source.position(self.start)[0]

    @property
    def column(self) -> int:
        """The column (from 1) at which the span begins."""
        return self.source.position(self.start)[1]

    @property
    def end_line(self) -> int:
        """The line (from 1) on which the span ends."""
        return self.source.position(self.end)[0]

    @property
    def end_column(self) -> int:
        """The column (from 1) just after the span's last character."""
        return self.source.position(self.end)[1]

    @property
    def text(self) -> str:
        """The characters covered."""
        return self.source.text[self.start : self.end]

    def part(self, start: int, end: int) -> Span:
        """A stretch inside this one, by offsets from its beginning; kept within it and never empty if this is not."""
        low = min(self.start + max(start, 0), max(self.end - 1, self.start))
        high = max(low + 1, min(self.start + end, self.end))
        return Span(self.source, low, min(high, max(self.end, low)))

    def __str__(self) -> str:
        return f"{self.source.name}:{self.line}:{self.column}"
