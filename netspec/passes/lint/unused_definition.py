"""Names that are defined and never used."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from netspec.passes.lint.rule import Rule, Subject
from netspec.text import Diagnostic


class UnusedDefinition(Rule):
    """A constant, an input, a target or an initialiser of this file that nothing uses.

    Why: a constant that nothing reads changes nothing when it is set, which is a poor surprise after an experiment; an
    input or target that nothing reads is still read from disk for every sample.

    Instead: use it, or remove it. What an included or extended file defines is that file's own affair.
    """

    name: ClassVar[str] = "unused_definition"
    code: ClassVar[str] = "NS406"

    def check(self, subject: Subject) -> Iterator[Diagnostic]:
        """Every such name, in the order of the sections."""
        yield from self._constants(subject)
        yield from self._fields(subject)
        yield from self._initialisers(subject)

    def _constants(self, subject: Subject) -> Iterator[Diagnostic]:
        for name in subject.spec.define:
            if name not in subject.spec.words:
                yield from self._unused(
                    subject,
                    f"define.{name}",
                    f"nothing uses the constant `{name}`",
                    f"remove it, or write `${name}` where it is meant",
                )

    def _fields(self, subject: Subject) -> Iterator[Diagnostic]:
        """Inputs that no layer reads, and targets that neither loss nor metric reads."""
        spec = subject.spec
        graphs = [flow.graph for flow in subject.flows] + ([spec.group.graph] if spec.group else [])
        read = {ref.path for graph in graphs for node in graph.nodes for ref in node.inputs}
        read |= {ref.path for graph in graphs for entry in graph.entries.values() for ref in entry.values()}
        for name in spec.graph.inputs:
            if name not in read and name not in spec.words:
                yield from self._unused(
                    subject,
                    f"inputs.{name}",
                    f"no layer reads the input `{name}`",
                    f"remove it, or let a layer take it: `from: {name}`",
                )
        if not (spec.graph.entry("loss") or spec.graph.entry("metrics")):
            return  # what targets are for is not written yet
        for name in spec.graph.targets:
            if name not in read and name not in spec.words:
                yield from self._unused(
                    subject,
                    f"targets.{name}",
                    f"neither `loss` nor `metrics` reads the target `{name}`",
                    "remove it, or compare an output with it",
                )

    def _initialisers(self, subject: Subject) -> Iterator[Diagnostic]:
        ops = {node.op.name for flow in subject.flows for node in flow.graph.nodes}
        for path in subject.spec.places:
            section, _, op = path.partition(".")
            if section == "init" and op and "." not in op and not op.endswith(":") and op not in ops:
                yield from self._unused(
                    subject,
                    path,
                    f"there is no layer `{op}` to start this way",
                    "remove it, or name an op of this spec",
                )

    def _unused(self, subject: Subject, path: str, message: str, help: str) -> Iterator[Diagnostic]:
        span = subject.spec.places.get(f"{path}:")
        if subject.is_own(span):
            yield self.doubt(message, span, help=help)
