"""What a rule is: what it looks at, what it takes for a mistake, and the page that explains it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from netspec.ir.record import Record
from netspec.recipe.spec import Spec
from netspec.text import Diagnostic, Edit, Label, Severity, Span


class Rule(Record):
    """The base of every rule. A subclass says in its docstring what it finds, why that is doubtful, what to do instead.

    Its fields are what a spec can set of it, under `lint: {rules: {<name>: {<field>: …}}}`; its defaults are what most
    specs want. A rule looks at a spec that has no errors, and never changes it.
    """

    code: ClassVar[str] = ""

    def check(self, spec: Spec) -> Iterator[Diagnostic]:
        """Every place of the spec that the rule doubts."""
        raise NotImplementedError

    def doubt(
        self,
        message: str,
        span: Span | None,
        *,
        help: str,
        label: str = "",
        labels: tuple[Label, ...] = (),
        notes: tuple[str, ...] = (),
        edit: Edit | None = None,
    ) -> Diagnostic:
        """One warning of this rule."""
        return Diagnostic(self.code, Severity.WARNING, message, span, label, labels, notes, help, edit)
