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

    def _repr_html_(self) -> str:
        """As a notebook shows it."""
        from netspec.text.html import messages  # noqa: PLC0415 - only a notebook asks

        return messages([self])


class SpecError(Exception):
    """A spec, or the data it names, is wrong; `diagnostics` holds everything there is to say about it.

    Its text, which Python prints below a traceback, is what `netspec validate` prints; a notebook shows that alone.
    """

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics: tuple[Diagnostic, ...] = tuple(diagnostics)
        super().__init__(self.diagnostics)  # what a copy in another process is made from

    def __str__(self) -> str:
        from netspec.text.render import render_all  # noqa: PLC0415 - needed where one is printed, which is rare

        return render_all(self.diagnostics, color=False).rstrip() or "the spec is wrong"

    def _repr_html_(self) -> str:
        """As a notebook shows one that was caught."""
        from netspec.text.html import messages  # noqa: PLC0415 - only a notebook asks

        return messages(self.diagnostics)

    def _render_traceback_(self) -> list[str]:
        """What IPython prints where nobody caught it: the mistake is in the spec, not in the frames that found it."""
        return str(self).split("\n")

    @classmethod
    def of(
        cls, code: str, message: str, *, help: str = "", span: Span | None = None, file: str = ""
    ) -> SpecError:
        """One error with one message: how a room that knows no YAML refuses bad input."""
        return cls([Diagnostic(code, Severity.ERROR, message, span, help=help, file=file)])

    def __iter__(self) -> Iterator[Diagnostic]:
        return iter(self.diagnostics)


SpecError.__module__ = "netspec"  # where people import it from, and what stands in a traceback
