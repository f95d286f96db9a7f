"""Two layers of weights with nothing between them that bends."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from netspec.ir.graph import Node
from netspec.ops.conv import Conv
from netspec.ops.linear import Linear
from netspec.passes.flow import Flow, place, uses, written_name
from netspec.passes.lint.rule import Rule, Subject
from netspec.text import Diagnostic, Label

_STRAIGHT = frozenset({"identity", "dropout", "flatten", "rename"})
"""Ops that leave sums sums, in evaluation at least."""


class LinearPair(Rule):
    """A convolution feeds a convolution, or `linear` a `linear`, with no activation between them.

    Why: two linear maps in a row are one linear map. The second layer costs its weights and its multiplications, and
    the pair can say no more than one layer can.

    Instead: put an activation such as `relu` between them, or drop one. A narrow layer between wide ones, grouped and
    depthwise convolutions, and a window taken apart into a row and a column are meant, and are not told.
    """

    name: ClassVar[str] = "linear_pair"
    code: ClassVar[str] = "NS424"

    def check(self, subject: Subject) -> Iterator[Diagnostic]:
        """Every second layer of such a pair, in a block only where it is so in all its copies."""
        for flow in subject.flows:
            for nodes in flow.places:
                pairs = [_next(flow, node) for node in nodes]
                if pairs and all(pair is not None for pair in pairs) and pairs[0] is not None:
                    yield self._told(nodes[0], pairs[0])

    def _told(self, first: Node, second: Node) -> Diagnostic:
        span = place(first)
        return self.doubt(
            f"`{written_name(second)}` weighs what `{written_name(first)}` weighed, and nothing between them bends",
            place(second),
            labels=(*((Label(span, "the first of the two"),) if span else ()), *uses(second)),
            help="put an activation between them, such as `relu`, or drop one of the two",
        )


def _next(flow: Flow, node: Node) -> Node | None:
    """The layer that makes a pair with `node`; None where there is none, or where both are needed."""
    if not isinstance(node.op, (Conv, Linear)):
        return None
    at = node
    while True:
        readers = tuple(flow.reading(at))
        if len(readers) != 1 or flow.leaves(at):
            return None
        (at,) = readers
        if type(at.op) is type(node.op):
            return at if _surplus(flow, node, at) else None
        if at.op.name not in _STRAIGHT:
            return None


def _surplus(flow: Flow, first: Node, second: Node) -> bool:
    """Whether one layer could do what both do with no more weights: no waist between them, nothing taken apart."""
    keys = [node.parameters.get("weight") for node in (first, second)]
    if None in keys:
        return False
    (middle, before, *one), (after, _, *two) = (flow.graph.parameters[str(key)].shape for key in keys)
    if middle < min(before, after):
        return False
    if any(getattr(node.op, "groups", 1) != 1 for node in (first, second)):
        return False
    if all(size == 1 for size in one) or all(size == 1 for size in two):
        return True
    return [size > 1 for size in one] == [size > 1 for size in two]
