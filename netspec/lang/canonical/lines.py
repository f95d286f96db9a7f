"""Lines on their way to the file, each with the comment beside it, and what stands above a part."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from netspec.lang.canonical.parts import Part, Remark

Above: TypeAlias = "list[str | None]"
"""Comments above a part, without their indentation; None is an empty line."""


@dataclass
class Line:
    """One line, and the comment beside it; a comment of several lines goes on below, in the same column."""

    text: str
    beside: list[str] = field(default_factory=list)
    side: int = 0
    exact: bool = False  # of a value spread over lines: its trailing spaces count
    most: int = 100  # lines that a comment beside it may have: none within a value, one where a block begins

    def written(self) -> Iterator[str]:
        """The line as text, its comment in the column where the writer had it if there is room."""
        text = self.text if self.exact else self.text.rstrip()
        if not self.beside:
            yield text
            return
        column = max(len(text) + 2, self.side)
        yield f"{text:<{column}}{self.beside[0]}"
        yield from (" " * column + more for more in self.beside[1:])


@dataclass
class Written:
    """A part as lines, and what stands above it."""

    above: Above
    lines: list[Line]


def finished(part: Part, lines: list[Line], carrier: int = 0, inner: Above | None = None) -> Written:
    """The lines of a part with its comments.

    Line `carrier` takes the comment beside the part; where it has one already, or can have none, that comment goes
    above. `inner` stood above what the part begins with.
    """
    above: Above = []
    for remark in part.above:
        above += [None, remark.text] if remark.blank else [remark.text]
    if part.blank:
        above.append(None)
    if inner and any(inner):
        above += inner
    above += part.more
    line = lines[carrier]
    if line.beside or len(part.beside) > line.most:
        above += part.beside
    elif part.beside:
        line.beside, line.side = part.beside, part.side
    return Written(above, lines)


def raised(above: Iterable[str | None], indent: int, *, first: bool) -> Iterator[Line]:
    """The lines above a part: at most one empty line at a time, and none to begin with if so told by `first`."""
    blank = first
    for text in above:
        if text is not None or not blank:
            yield Line(" " * indent + text if text else "")
        blank = text is None


def lowered(below: Iterable[Remark], indent: int, *, first: bool) -> Iterator[Line]:
    """The lines at the end of a list or mapping; no empty one comes `first` if so told."""
    for remark in below:
        if remark.blank and not first:
            yield Line("")
        yield Line(" " * indent + remark.text)
        first = False


def ends_blank(lines: Sequence[Line]) -> bool:
    """Whether empty lines at the end belong to a `|+`, so that one more would be one of the text."""
    return lines[-1].exact and not lines[-1].text


def move_header(written: Sequence[Part], ordered: Sequence[Part]) -> None:
    """Keep the comment at the top of a file there when another section comes first.

    Of several paragraphs, the last belongs to the section it touches.
    """
    old, new = written[0], ordered[0]
    if old is new:
        return
    cut = len(old.above) if old.blank else max((i for i, one in enumerate(old.above) if one.blank), default=0)
    apart = cut > 0
    cut = cut or len(old.above)
    header, old.above = old.above[:cut], old.above[cut:]
    if not header:
        return
    if new.above:
        new.above[0] = Remark(new.above[0].text, blank=True)
    else:
        new.blank = apart
    new.above = [*header, *new.above]
    new.above[0] = Remark(new.above[0].text, blank=False)


def separate(written: Sequence[Part], ordered: Sequence[Part], done: Sequence[Written]) -> None:
    """Put an empty line where two sections meet that did not before, unless both are of one line."""
    before = dict(zip(map(id, written[1:]), written, strict=False))
    for at in range(1, len(ordered)):
        moved = before.get(id(ordered[at])) is not ordered[at - 1]
        if moved and (len(done[at].lines) > 1 or len(done[at - 1].lines) > 1):
            done[at].above.insert(0, None)
