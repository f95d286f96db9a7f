"""What a document is made of, whatever it is written as."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Cell:
    """One field of a table: its words, and the share of a tolerance that it tells of, where it does.

    `wrong` says that more was used than there is.
    """

    words: str
    used: float | None = None
    wrong: bool = False


@dataclass(frozen=True)
class Table:
    """Rows under a header; `numbers` are the columns that hold figures, `long` says that it may be folded away."""

    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    numbers: frozenset[int] = frozenset()
    long: bool = False


@dataclass(frozen=True)
class Section:
    """A part of the document: a title, paragraphs, perhaps a table, perhaps lines that keep their form."""

    title: str
    paragraphs: tuple[str, ...] = ()
    table: Table | None = None
    lines: tuple[str, ...] = ()


@dataclass(frozen=True)
class Certificate:
    """The whole document. `facts` tell what was proved and with what; `verdict` is one sentence."""

    title: str
    ok: bool
    verdict: str
    facts: tuple[tuple[str, str], ...]
    sections: tuple[Section, ...]
