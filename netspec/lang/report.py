"""What the reader has to say so far. Everything wrong in a file is collected here, so that one run shows all of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from netspec.text import Diagnostic, Edit, Label, Severity, Span

MOST_USES = 3
"""Uses that are shown with what is wrong in a block."""

_PARTED = re.compile(r"[ \n{}\[\],]")
"""What a place that is more than one word has in it."""


class Report:
    """Diagnostics in the order they were found.

    One mistake gives one message: what the YAML reader has said of a place (`told`) is not said again, a name that
    could not be given where it was written is forgiven where it is used, and what is wrong in a block is told once,
    with the first of its uses.
    """

    def __init__(self, told: Iterable[Diagnostic] = ()) -> None:
        self.diagnostics: list[Diagnostic] = list(told)
        self._told = {one.span for one in self.diagnostics if one.span and one.severity is Severity.ERROR}
        self._lost = 0
        self._forgiven: set[str] = set()
        self._uses: list[Label | None] = []
        self._use = 0
        self._uses_so_far = 0
        self._said: dict[tuple[str, Span], int] = {}

    @contextmanager
    def within(self, use: Label | None) -> Iterator[None]:
        """One use of layers that stand elsewhere, a block's or a copy's: `use` is shown with what is wrong in them."""
        outer = self._use
        self._uses_so_far += 1
        self._use = self._uses_so_far
        self._uses.append(use)
        try:
            yield
        finally:
            self._uses.pop()
            self._use = outer

    def _again(self, code: str, span: Span | None) -> bool:
        """Whether another use of the same layers has told this already."""
        if not self._uses or span is None:
            return False
        return self._said.setdefault((code, span), self._use) != self._use

    def _shown_uses(self) -> tuple[Label, ...]:
        """The uses that led here, the nearest first; of many the nearest and the outermost."""
        uses = [one for one in reversed(self._uses) if one is not None]
        return tuple(uses if len(uses) <= MOST_USES else [*uses[: MOST_USES - 1], uses[-1]])

    @property
    def failed(self) -> bool:
        """Whether at least one error was reported."""
        return any(one.severity is Severity.ERROR for one in self.diagnostics)

    def error(
        self,
        code: str,
        message: str,
        span: Span | None,
        *,
        label: str = "",
        labels: tuple[Label, ...] = (),
        notes: tuple[str, ...] = (),
        help: str = "",
        edit: Edit | None = None,
        once: bool = False,
    ) -> None:
        """Report what stops the compiler. `once` adds the place to an equal message instead of repeating that."""
        if (span is not None and self.told(span)) or self._again(code, span):
            return
        labels = (*labels, *self._shown_uses())
        if once and span is not None:
            for i, earlier in enumerate(self.diagnostics):
                if (earlier.code, earlier.message) == (code, message):
                    here = Label(span, "and here")
                    self.diagnostics[i] = replace(earlier, labels=(*earlier.labels, here))
                    return
        self.diagnostics.append(
            Diagnostic(code, Severity.ERROR, message, span, label, labels, notes, help, edit),
        )

    def add(self, told: Iterable[Diagnostic]) -> None:
        """What the YAML reader has said of one more file."""
        found = list(told)
        self.diagnostics.extend(found)
        self._told |= {one.span for one in found if one.span and one.severity is Severity.ERROR}

    def told(self, span: Span) -> bool:
        """Whether the YAML reader has refused this place: exactly it, what it is a part of, or a part of this word."""
        if not self._told or span in self._told:
            return bool(self._told)
        word = not _PARTED.search(span.text)
        return any(
            (one.start <= span.start and span.end <= one.end)
            or (word and span.start <= one.start and one.end <= span.end)
            for one in self._told
            if one.source == span.source and one.end > one.start
        )

    def lose(self, count: int = 1) -> None:
        """Remember that `count` names could not be given: as many unknown names are nobody's second mistake."""
        self._lost += count

    def forgives(self, name: str) -> bool:
        """Whether an unknown name is probably one that could not be given, of which enough has been said."""
        if name not in self._forgiven and self._lost > 0:
            self._lost -= 1
            self._forgiven.add(name)
        return name in self._forgiven

    def warning(
        self,
        code: str,
        message: str,
        span: Span | None,
        *,
        label: str = "",
        notes: tuple[str, ...] = (),
        help: str = "",
        edit: Edit | None = None,
    ) -> None:
        """Report what is legal and worth telling."""
        if not self._again(code, span):
            labels = self._shown_uses()
            self.diagnostics.append(
                Diagnostic(code, Severity.WARNING, message, span, label, labels, notes, help, edit),
            )

    def info(self, code: str, message: str, span: Span | None, *, help: str = "") -> None:
        """Report what is neither wrong nor doubtful, and good to know."""
        self.diagnostics.append(Diagnostic(code, Severity.INFO, message, span, help=help))
