"""What a rule is: what it looks at, what it takes for a mistake, and the page that explains it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import ClassVar

from pydantic import ConfigDict

from netspec.ir.graph import Graph
from netspec.ir.record import Record
from netspec.passes.flow import Flow
from netspec.recipe.spec import Spec
from netspec.text import Diagnostic, Edit, Label, Severity, Span


class Subject:
    """What the rules look at: a spec without errors, and what is worked out about it once for all of them."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec

    @cached_property
    def flows(self) -> tuple[Flow, ...]:
        """The graph of the samples, and the graphs that its nodes hold."""
        return tuple(map(Flow, _graphs(self.spec.graph)))

    def place(self, path: str) -> Span | None:
        """Where the thing of a dotted path stands, or the innermost thing around it that is written."""
        while path and path not in self.spec.places:
            path = path.rpartition(".")[0]
        return self.spec.places.get(path)

    def is_own(self, span: Span | None) -> bool:
        """Whether a place lies in the file that is checked, and not in one that it includes or extends."""
        return span is not None and bool(self.spec.sources) and span.source is self.spec.sources[0]


def _graphs(graph: Graph) -> Iterator[Graph]:
    yield graph
    for node in graph.nodes:
        for inner in node.regions:
            yield from _graphs(inner)


class Rule(Record):
    """The base of every rule.

    A subclass says in its docstring what it finds, after `Why:` why that is doubtful, and after `Instead:` what to do.
    Its fields are what a spec can set of it, under `lint: {rules: {<name>: {<field>: ...}}}`; its defaults let the
    networks of the literature pass. A rule looks at a spec that has no errors, and never changes it.
    """

    model_config = ConfigDict(allow_inf_nan=False)

    code: ClassVar[str] = ""

    def check(self, subject: Subject) -> Iterator[Diagnostic]:
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
