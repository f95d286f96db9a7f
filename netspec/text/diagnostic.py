"""A diagnostic is data: what is wrong, how bad it is, where, why, and how to cure it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from netspec.text.source import Span


class Severity(StrEnum):
    """How much a diagnostic matters: an error stops the compiler, a warning does not, an info only tells."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True)
class Label:
    """A second place that helps to understand the first, with a few words on what stands there."""

    span: Span
    text: str


@dataclass(frozen=True)
class Edit:
    """Replace the characters of `span` by `text`; applying it is the cure that `help` describes."""

    span: Span
    text: str


@dataclass(frozen=True)
class Diagnostic:
    """One message.

    `code` names its kind and page (`NS211`), `message` says both numbers and quotes the user's words in backticks,
    `span` is the primary place (None only where there is no text to point into), `file` the name of the file where that
    is all there is, `label` a few words shown under the carets, `labels` other places, `notes` the chain that explains
    why, `help` the cure, `edit` the exact cure.
    """

    code: str
    severity: Severity
    message: str
    span: Span | None = None
    label: str = ""
    labels: tuple[Label, ...] = ()
    notes: tuple[str, ...] = ()
    help: str = ""
    edit: Edit | None = None
    file: str = ""

    def as_json(self) -> dict[str, object]:
        """The diagnostic as plain data: places are null where there is none."""
        span = self.span
        return {
            "code": self.code,
            "severity": self.severity.value,
            "message": self.message,
            "file": span.source.name if span else self.file or None,
            "line": span.line if span else None,
            "column": span.column if span else None,
            "end_line": span.end_line if span else None,
            "end_column": span.end_column if span else None,
            "help": self.help,
            "notes": list(self.notes),
        }


class SpecError(Exception):
    """A spec, or the data it names, is wrong; `diagnostics` holds everything there is to say about it."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics: tuple[Diagnostic, ...] = tuple(diagnostics)
        super().__init__(self._summary())

    def _summary(self) -> str:
        lines = []
        for one in self.diagnostics:
            place = f"{one.span}: " if one.span else ""
            lines.append(f"{place}{one.severity.value}[{one.code}]: {one.message}")
        return "\n".join(lines) or "the spec is wrong"

    @classmethod
    def of(
        cls, code: str, message: str, *, help: str = "", span: Span | None = None, file: str = ""
    ) -> SpecError:
        """One error with one message: how a room that knows no YAML refuses bad input."""
        return cls([Diagnostic(code, Severity.ERROR, message, span, help=help, file=file)])

    def __iter__(self) -> Iterator[Diagnostic]:
        return iter(self.diagnostics)
