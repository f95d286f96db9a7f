"""What is known of a text that the YAML parser has given up on: the place, its surroundings, what was read before."""

from __future__ import annotations

import re
from collections.abc import Sequence as Items
from dataclasses import dataclass

import yaml

from netspec.lang.tree import Scalar
from netspec.text.diagnostic import Diagnostic, Edit, Label, Severity
from netspec.text.source import Source, Span

KEYED = re.compile(r"[ ]*(?:- +)*(?P<key>[^\s#'\"{\[][^\n#'\"{\[]*?):[ ]+(?=\S)")
"""The beginning of a line that has a key with a value behind it, dashes included."""

CLOSING = {"{": "}", "[": "]"}
"""The bracket that closes each bracket of YAML."""


@dataclass(frozen=True)
class Trouble:
    """Where the parser gave up (`at`), where what it read then began (`begun`), its words, the last scalar read."""

    source: Source
    at: int
    begun: int
    problem: str
    context: str
    last: Scalar | None

    @classmethod
    def of(cls, source: Source, error: yaml.MarkedYAMLError, scalars: Items[Scalar]) -> Trouble:
        """What an error of PyYAML says, in offsets; both of its parsers are understood."""
        mark = error.problem_mark or error.context_mark
        at = min(mark.index if mark else 0, len(source.text))
        begun = min(error.context_mark.index if error.context_mark else at, at)
        last = scalars[-1] if scalars else None
        return cls(source, at, begun, error.problem or "", error.context or "", last)

    @property
    def text(self) -> str:
        """The whole text."""
        return self.source.text

    @property
    def here(self) -> str:
        """The character at which the parser gave up; empty at the end."""
        return self.text[self.at : self.at + 1]

    @property
    def in_flow(self) -> bool:
        """Whether the parser was inside `{...}` or `[...]`."""
        return "flow" in self.context

    def line_start(self, offset: int) -> int:
        """Where the line of a character begins."""
        return self.text.rfind("\n", 0, offset) + 1

    def span(self, start: int, end: int) -> Span:
        """A stretch of the text, kept within it."""
        return Span(self.source, min(start, len(self.text)), min(end, len(self.text)))

    def line_above(self, offset: int) -> Span | None:
        """What the nearest line above says, white space and comment lines left out; None on the first line."""
        end = self.line_start(offset)
        while end > 0:
            start = self.line_start(end - 1)
            line = self.text[start : end - 1]
            content = line.strip()
            if content and not content.startswith("#"):
                begin = start + len(line) - len(line.lstrip())
                return Span(self.source, begin, begin + len(content))
            end = start
        return None

    def opening(self) -> int:
        """The bracket that is open at the place of the trouble; -1 if none is. Quotes are not looked into."""
        depth = 0
        for offset in range(self.at - 1, -1, -1):
            depth += (self.text[offset] in "]}") - (self.text[offset] in "[{")
            if depth < 0:
                return offset
        return -1

    def error(
        self,
        code: str,
        message: str,
        span: Span,
        *,
        help: str,
        label: str = "",
        labels: tuple[Label, ...] = (),
        edit: Edit | None = None,
    ) -> Diagnostic:
        """One error."""
        return Diagnostic(code, Severity.ERROR, message, span, label, labels, help=help, edit=edit)
