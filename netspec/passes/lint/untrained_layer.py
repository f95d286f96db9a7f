"""Layers with weights that the loss never moves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from netspec.passes.flow import others, place, written_name
from netspec.passes.lint.rule import Rule, Subject
from netspec.text import Diagnostic


class UntrainedLayer(Rule):
    """A layer with weights is part of the outputs or metrics, and no term of the loss depends on it.

    Why: its weights get no gradient, so it gives what its random start gives, however long the training is.

    Instead: add a term for it to `loss`, or write `freeze: true` beside the layer if it is meant to stay as it is.
    """

    name: ClassVar[str] = "untrained_layer"
    code: ClassVar[str] = "NS422"

    def check(self, subject: Subject) -> Iterator[Diagnostic]:
        """The last layer of every stretch without a gradient."""
        flow = subject.flows[0]
        graph = flow.graph
        if not graph.entry("loss"):
            return
        moved = {key for node in graph.walk("loss") for key in node.parameters.values()}
        still = [
            node for node in flow.alive if flow.learns(node) and moved.isdisjoint(node.parameters.values())
        ]
        used = {(span.start, span.end) for node in graph.walk("loss") if (span := place(node)) is not None}
        for node, before in flow.last(still):
            span = place(node)
            if span is None or (span.start, span.end) in used:
                continue
            yield self.doubt(
                f"no loss depends on `{written_name(node)}`: its weights never move",
                span,
                notes=(f"{others(before, 'does')} not learn either",) if before else (),
                help="add a term for it to `loss`, or write `freeze: true` beside it",
            )
