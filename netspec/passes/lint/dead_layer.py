"""Layers whose result nobody reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from netspec.passes.flow import others, place, written_name
from netspec.passes.lint.rule import Rule, Subject
from netspec.text import Diagnostic


class DeadLayer(Rule):
    """A layer that no output, loss or metric needs.

    Why: it is computed by nobody and learns nothing, so it was forgotten, or the layer that should read it reads
    something else.

    Instead: let a layer take it with `from`, list it in `outputs`, or remove it.
    """

    name: ClassVar[str] = "dead_layer"
    code: ClassVar[str] = "NS405"

    def check(self, subject: Subject) -> Iterator[Diagnostic]:
        """The last layer of every dead stretch; a layer of a block must be dead in each of its copies."""
        for flow in subject.flows:
            alive = {node.path for node in flow.alive}
            if not flow.given:
                continue
            used = {(span.start, span.end) for node in flow.alive if (span := place(node)) is not None}
            for node, before in flow.last(one for one in flow.graph.nodes if one.path not in alive):
                span = place(node)
                if span is None or (span.start, span.end) in used:
                    continue
                yield self.doubt(
                    f"nothing reads `{written_name(node)}`: it does nothing",
                    span,
                    notes=(f"{others(before, 'is')} there for it alone",) if before else (),
                    help=f"let a layer take it (`from`), list it in `outputs`, or remove {'them' if before else 'it'}",
                )
