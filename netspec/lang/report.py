"""What the reader has to say so far. Everything wrong in a file is collected here, so that one run shows all of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from netspec.text import Diagnostic, Edit, Label, Severity, Span


class Report:
    """Diagnostics in the order they were found.

    One mistake gives one message: what the YAML reader has said of a place (`told`) is not said again, and a name
    that could not be given where it was written is forgiven where it is used.
    """

    def __init__(self, told: Iterable[Diagnostic] = ()) -> None:
        self.diagnostics: list[Diagnostic] = list(told)
        self._told = {one.span for one in self.diagnostics if one.severity is Severity.ERROR}
        self._lost = 0
        self._forgiven: set[str] = set()

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
        if span is not None and self.told(span):
            return
        if once and span is not None:
            for i, earlier in enumerate(self.diagnostics):
                if (earlier.code, earlier.message) == (code, message):
                    here = Label(span, "and here")
                    self.diagnostics[i] = replace(earlier, labels=(*earlier.labels, here))
                    return
        self.diagnostics.append(
            Diagnostic(code, Severity.ERROR, message, span, label, labels, notes, help, edit),
        )

    def told(self, span: Span) -> bool:
        """Whether the YAML reader has refused what stands exactly here."""
        return span in self._told

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
        self.diagnostics.append(
            Diagnostic(code, Severity.WARNING, message, span, label, (), notes, help, edit),
        )
