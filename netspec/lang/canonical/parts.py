"""The located tree once more, with every comment and blank line at the piece it stands at.

A part is an entry of a mapping or an item of a list. What stands on lines of its own `above` a part belongs to it, what
stands `beside` it on its line too, and what follows the last part of a list or mapping stands `below` in that.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from netspec.lang.tree import Comment, Mapping, Node, Scalar, Sequence, Style
from netspec.text.render import WIDEST
from netspec.text.source import Source

_SPACE = re.compile(r"(?:\s|#[^\n]*)*")
_BEFORE = re.compile(r"\s*(?:---|\.\.\.)?\s*")


@dataclass(frozen=True)
class Remark:
    """A comment on a line of its own; `blank` tells whether an empty line comes before it."""

    text: str
    blank: bool


@dataclass(eq=False)
class Part:
    """One entry or item; `column` (from 0) is where its key or dash stands, `side` where the comment beside does."""

    key: Scalar | None
    value: Scalar | Branch
    start: int
    column: int
    parent: Branch
    blank: bool = False
    above: list[Remark] = field(default_factory=list)
    beside: list[str] = field(default_factory=list)  # one comment, which may go on below in its column
    side: int = 0
    more: list[str] = field(default_factory=list)  # further ones beside its other lines

    @property
    def end(self) -> int:
        """Just behind the last character of the value."""
        return self.value.span.end if isinstance(self.value, Scalar) else self.value.node.span.end

    @property
    def name(self) -> str:
        """The key as a string; empty for an item."""
        return self.key.text if self.key else ""

    @property
    def empty(self) -> bool:
        """Whether nothing is written as the value."""
        return isinstance(self.value, Scalar) and not self.value.span.text


@dataclass(eq=False)
class Branch:
    """A mapping or list with its parts; `holder` is the part it is the value of, None at the top."""

    node: Mapping | Sequence
    holder: Part | None
    parts: list[Part] = field(default_factory=list)
    below: list[Remark] = field(default_factory=list)

    @property
    def mapping(self) -> bool:
        """Whether it maps names, and is no list."""
        return isinstance(self.node, Mapping)

    @property
    def flow(self) -> bool:
        """Whether it was written with brackets, or as a pair inside some."""
        return self.node.flow

    @property
    def bracketed(self) -> bool:
        """Whether it has brackets of its own."""
        return self.flow and self.node.span.text.startswith(("{", "["))

    @property
    def remarked(self) -> bool:
        """Whether a comment stands anywhere inside."""
        return bool(self.below) or any(
            part.above or part.beside or (isinstance(part.value, Branch) and part.value.remarked)
            for part in self.parts
        )

    def walk(self) -> Iterator[Branch]:
        """Itself, and every list and mapping inside."""
        yield self
        for part in self.parts:
            if isinstance(part.value, Branch):
                yield from part.value.walk()


def _owner(before: Part, start: int) -> Part | None:
    """The part that a comment stands beside: the last one, or the outermost in brackets that has ended by then."""
    owner: Part | None = before
    part: Part | None = before
    while part is not None and part.parent.flow:
        if part.parent.bracketed and part.parent.node.span.end <= start:
            owner = part.parent.holder
        part = part.parent.holder
    return owner


def grow(root: Mapping, comments: Iterable[Comment]) -> Branch:
    """The whole tree of a text with its comments; `root` is what `read` gave with them."""
    return _Grower(root.span.source).grow(root, comments)


class _Grower:
    def __init__(self, source: Source) -> None:
        self.text = source.text
        self.parts: list[Part] = []  # in the order of the text

    def grow(self, root: Mapping, comments: Iterable[Comment]) -> Branch:
        branch = self._branch(root, None)
        starts = [part.start for part in self.parts]
        for before, part in zip([None, *self.parts], self.parts, strict=False):
            part.blank = self._first_on_line(part.start) and self._blank(part.start, before)
        last: tuple[Part, Comment] | None = None  # whose remark beside may go on below
        for comment in comments:
            at = bisect_right(starts, comment.span.start)
            before = self.parts[at - 1] if at else None
            after = self.parts[at] if at < len(self.parts) else None
            last = self._attach(branch, comment, before, after, last)
        return branch

    def _branch(self, node: Mapping | Sequence, holder: Part | None) -> Branch:
        branch = Branch(node, holder)
        if isinstance(node, Mapping):
            for entry in node.entries:
                self._part(branch, entry.key, entry.value, entry.key.span.start)
            return branch
        at = node.span.start
        for item in node.items:
            start = item.span.start
            if not node.flow:
                space = _SPACE.match(self.text, at)
                start = space.end() if space else at
            self._part(branch, None, item, start)
            at = max(item.span.end, start + 1)
        return branch

    def _part(self, branch: Branch, key: Scalar | None, value: Node, start: int) -> None:
        column = start - self._line_start(start)
        part = Part(key, value if isinstance(value, Scalar) else Branch(value, None), start, column, branch)
        self.parts.append(part)
        if not isinstance(value, Scalar):
            part.value = self._branch(value, part)
        branch.parts.append(part)

    def _attach(
        self,
        root: Branch,
        comment: Comment,
        before: Part | None,
        after: Part | None,
        last: tuple[Part, Comment] | None,
    ) -> tuple[Part, Comment] | None:
        """Give a comment to its part; returns that part if the comment stands beside it."""
        start, text = comment.span.start, comment.span.text
        column = start - self._line_start(start)
        if before is not None and not self._first_on_line(start):
            owner = _owner(before, start)
            if owner is None:
                root.below.append(Remark(text, blank=False))
                return None
            if owner.beside:
                owner.more.append(text)
                return None
            owner.beside, owner.side = [text], column if column <= WIDEST else 0
            return owner, comment
        remark = Remark(text, self._blank(start, before))
        if last and not remark.blank and (after is None or column > after.column):
            owner, above = last
            goes_on = above.span.column - 1 == column and above.span.line + 1 == comment.span.line
            if goes_on and column == owner.side:
                owner.beside.append(text)
                return owner, comment
        self._above_or_below(root, remark, start, before, after)
        return None

    def _above_or_below(
        self, root: Branch, remark: Remark, start: int, before: Part | None, after: Part | None
    ) -> None:
        """A remark on its own line: above what follows, or below what came before where its column says so."""
        inside = before is not None and start < before.end
        if before is None or (inside and after is not None and after.start < before.end):
            (after.above if after else root.below).append(remark)
            return
        if inside:
            before.above.append(remark)  # between a key and its value
            return
        branch: Branch | None = before.parent
        while branch is not None:
            if branch.bracketed and start < branch.node.span.end:
                within = after is not None and after.start < branch.node.span.end
                (after.above if after and within else branch.below).append(remark)
                return
            if after is not None and (branch is after.parent or after.above):
                after.above.append(remark)
                return
            if not branch.flow and start - self._line_start(start) >= branch.parts[0].column:
                branch.below.append(remark)
                return
            branch = branch.holder.parent if branch.holder else None
        (after.above if after else root.below).append(remark)

    def _line_start(self, offset: int) -> int:
        return self.text.rfind("\n", 0, offset) + 1

    def _first_on_line(self, offset: int) -> bool:
        return _BEFORE.fullmatch(self.text, self._line_start(offset), offset) is not None

    def _blank(self, offset: int, before: Part | None) -> bool:
        """Whether an empty line stands above the line of a character, other than one that a value ends with."""
        end = self._line_start(offset) - 1
        if end < 0 or self.text[self._line_start(end) : end].strip():
            return False
        value = before.value if before else None
        if isinstance(value, Scalar) and value.style is Style.BLOCK and value.text.endswith("\n\n"):
            return bool(self.text[value.span.end : offset].strip())
        return True
