"""Dropout whose noise a batch norm measures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field

from netspec.ir.graph import Node
from netspec.passes.flow import Flow, place
from netspec.passes.lint.rule import Rule, Subject
from netspec.passes.norms import remembers
from netspec.text import Diagnostic, Label


class DropoutBeforeNorm(Rule):
    """Dropout stands before a `batch_norm`, or an `instance_norm` that keeps running statistics, with `layers`
    convolutions or linear layers between them at the most.

    Why: dropout widens the variance of what it touches while training, by 1 / (1 - p) for numbers around 0, and does
    nothing in evaluation. The norm keeps the variance it saw in training, so in evaluation it divides by too much
    (Li et al. 2019 call it variance shift). Norms that measure what they have in evaluation too do not mind, and
    `alpha_dropout` keeps the variance as it is.

    Instead: move the dropout behind the last `batch_norm`, before the last `linear`, or leave it out: the norm's own
    noise already regularises.
    """

    name: ClassVar[str] = "dropout_before_norm"
    code: ClassVar[str] = "NS404"

    layers: int = Field(default=1, ge=0, le=100)
    """How many convolutions or linear layers may lie between the two; with more, the dropout is far enough."""

    def check(self, subject: Subject) -> Iterator[Diagnostic]:
        """Every dropout from which such a norm is near."""
        for flow in subject.flows:
            for nodes in flow.places:
                node = nodes[0]
                if not node.op.name.startswith("dropout") or getattr(node.op, "p", None) == 0:
                    continue
                norm = self._norm(flow, node)
                if norm is not None:
                    yield self._told(node, norm)

    def _told(self, node: Node, norm: Node) -> Diagnostic:
        behind = place(norm)
        return self.doubt(
            f"`{node.op.name}` changes the variance that `{norm.op.name}` measures, in training alone",
            place(node),
            labels=(Label(behind, "in evaluation this still divides by the variance of training"),)
            if behind
            else (),
            help=f"move it behind the last `{norm.op.name}`, or leave it out",
        )

    def _norm(self, flow: Flow, start: Node) -> Node | None:
        """The first norm with running statistics that is reached with no more than `layers` that weigh on the way."""
        ahead, least = [(start, 0)], {start.path: 0}
        while ahead:
            node, between = ahead.pop(0)
            for reader in flow.reading(node):
                if remembers(reader):
                    return reader
                if reader.op.normalises:
                    continue  # it measures what comes, in training and in evaluation, or nothing at all
                count = between + flow.weighs(reader)
                if count <= self.layers and count < least.get(reader.path, count + 1):
                    least[reader.path] = count
                    ahead.append((reader, count))
        return None
