"""A loss that is zero whatever the network does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from netspec.ir.graph import Graph
from netspec.passes.lint.rule import Rule, Subject
from netspec.text import Diagnostic

_KEEP_ZERO = ("identity", "neg", "mean", "sum", "abs", "sqrt", "amax", "amin", "rename")


class WeightlessLoss(Rule):
    """Every term of the loss is multiplied by 0.

    Why: the gradient is 0 everywhere, so training runs to its end and moves nothing but what weight decay shrinks.

    Instead: give one term a weight above 0. A single term may have the weight 0: that is how a term is switched off.
    """

    name: ClassVar[str] = "weightless_loss"
    code: ClassVar[str] = "NS418"

    def check(self, subject: Subject) -> Iterator[Diagnostic]:
        """The loss, if all of it is 0."""
        graph = subject.spec.graph
        terms = graph.entry("loss")
        zero = _zeros(graph)
        if terms and all(ref.path in zero for ref in terms.values()):
            what = "the loss is" if len(terms) == 1 else f"all {len(terms)} terms of the loss are"
            yield self.doubt(
                f"{what} multiplied by 0: nothing learns",
                subject.place("loss"),
                help="give a term a weight above 0",
            )


def _zeros(graph: Graph) -> set[str]:
    """The nodes of the loss that are 0 by their structure."""
    zero: set[str] = set()
    for node in graph.walk("loss"):
        name, given = node.op.name, [ref.path in zero for ref in node.inputs]
        if (
            (name == "constant" and getattr(node.op, "value", None) == 0)
            or (name == "mul" and any(given))
            or (name in ("add", "sub") and all(given))
            or (name in (*_KEEP_ZERO, "div") and given[0])
        ):
            zero.add(node.path)
    return zero
