"""The located tree: what a YAML text says, each piece with its place, before anybody asks what it means."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from netspec.text.source import Span

Plain: TypeAlias = bool | int | float | str | None
Data: TypeAlias = "Plain | list[Data] | dict[str, Data]"
Node: TypeAlias = "Scalar | Mapping | Sequence"


class Style(StrEnum):
    """How a scalar was written: bare, in quotes, or as an indented block (`|` and `>`)."""

    PLAIN = "plain"
    QUOTED = "quoted"
    BLOCK = "block"


@dataclass(frozen=True)
class Scalar:
    """One value without parts.

    `value` is what YAML 1.2 makes of it; `text` the same as a string (`1e-4` where `value` is 0.0001), line folding
    and escapes undone; `span` covers it as written, quotes and `|` included. A value that was left empty has an empty
    span. `refused` marks a guess: the reader has already reported an error about this scalar.
    """

    value: Plain
    span: Span
    style: Style = Style.PLAIN
    text: str = ""
    refused: bool = False

    def part(self, start: int, end: int) -> Span:
        """Where the characters `[start, end)` of `text` stand in the file; the whole span where that is uncertain.

        Folding a line changes only white space, so the rest is matched character by character; an escape in double
        quotes ends the certainty.
        """
        raw = self.span.text
        places: list[int] = []
        at = 1 if self.style is Style.QUOTED else raw.find("\n") + 1 if self.style is Style.BLOCK else 0
        quote = raw[:1] if self.style is Style.QUOTED else ""
        for character in self.text[:end]:
            if character.isspace():
                places.append(at)
                at += at < len(raw) and raw[at].isspace()
                continue
            while at < len(raw) and raw[at].isspace():
                at += 1
            if at >= len(raw) or raw[at] != character or (quote == '"' and character == "\\"):
                return self.span
            places.append(at)
            at += 2 if quote == character == "'" else 1
        if not 0 <= start < end <= len(places):
            return self.span
        return self.span.source.span(self.span.start + places[start], self.span.start + places[end - 1] + 1)


@dataclass(frozen=True)
class Entry:
    """One `key: value` of a mapping."""

    key: Scalar
    value: Node

    @property
    def name(self) -> str:
        """The key as a string."""
        return self.key.text

    @property
    def span(self) -> Span:
        """From the first character of the key to the last of the value."""
        return Span(self.key.span.source, self.key.span.start, max(self.key.span.end, self.value.span.end))


@dataclass(frozen=True)
class Mapping:
    """Keys and values in the order written; no key stands twice. `flow` tells `{a: b}` from the indented form."""

    entries: tuple[Entry, ...]
    span: Span
    flow: bool = False

    def get(self, name: str) -> Entry | None:
        """The entry called `name`, or None."""
        return next((entry for entry in self.entries if entry.name == name), None)

    def keys(self) -> tuple[str, ...]:
        """All keys in the order written."""
        return tuple(entry.name for entry in self.entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)


@dataclass(frozen=True)
class Sequence:
    """Items in the order written. `flow` tells `[a, b]` from the form with dashes."""

    items: tuple[Node, ...]
    span: Span
    flow: bool = False

    def __iter__(self) -> Iterator[Node]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)


@dataclass(frozen=True)
class Comment:
    """A comment, from its `#` to the end of its line."""

    span: Span

    @property
    def text(self) -> str:
        """What it says, without the `#` and the white space around it."""
        return self.span.text.lstrip("#").strip()


def plain(node: Node) -> Data:
    """The same as ordinary Python data: dict, list and scalars, with the places left out."""
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    return {entry.name: plain(entry.value) for entry in node.entries}
