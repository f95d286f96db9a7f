"""What the reader has to say so far. Everything wrong in a file is collected here, so that one run shows all of it."""

from __future__ import annotations

from netspec.text import Diagnostic, Edit, Label, Severity, Span


class Report:
    """Diagnostics in the order they were found."""

    def __init__(self) -> None:
        self.diagnostics: list[Diagnostic] = []

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
    ) -> None:
        """Report what stops the compiler."""
        self.diagnostics.append(
            Diagnostic(code, Severity.ERROR, message, span, label, labels, notes, help, edit),
        )

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
        self.diagnostics.append(
            Diagnostic(code, Severity.WARNING, message, span, label, (), notes, help, edit),
        )
