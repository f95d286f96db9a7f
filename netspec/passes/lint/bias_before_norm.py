"""A bias that the norm behind it takes away."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from netspec.ir.graph import Node
from netspec.passes.flow import Flow, place, written_name
from netspec.passes.lint.rule import Rule, Subject
from netspec.passes.norms import takes_away
from netspec.passes.written import with_argument
from netspec.text import Diagnostic, Label

_BY_CHANNEL = ("conv", "conv_transpose", "depthwise_conv", "separable_conv")
"""Layers that add one number to the whole of each channel."""


class BiasBeforeNorm(Rule):
    """A layer learns a bias, and all that reads it is a norm that takes every channel's mean away.

    Why: the norm subtracts the bias again. It gets no gradient but rounding and drifts under weight decay, and the norm
    has a `bias` of its own. So do `batch_norm`, `instance_norm`, a `group_norm` of single channels, and a `layer_norm`
    over space alone. A `layer_norm` over channels and a `group_norm` of several subtract the mean of different biases,
    which then count: nothing is said of those.

    Instead: write `bias: false` in the layer before the norm. Where weights from elsewhere or a published count of
    parameters ask for the bias, silence the rule and say so.
    """

    name: ClassVar[str] = "bias_before_norm"
    code: ClassVar[str] = "NS403"

    def check(self, subject: Subject) -> Iterator[Diagnostic]:
        """Every such layer; one that a block holds must be so in each of its copies."""
        for flow in subject.flows:
            shared = _uses(flow)
            for nodes in flow.places:
                copies = [one for node in nodes for one in shared.get(_bias(node) or "", ())]
                norms = [_norm(flow, node) for node in copies]
                if norms and norms[0] is not None and None not in norms:
                    yield self._told(nodes[0], norms[0])

    def _told(self, node: Node, norm: Node) -> Diagnostic:
        behind = place(norm)
        return self.doubt(
            f"`{written_name(node)}` learns a bias that `{norm.op.name}` takes away",
            place(node),
            labels=(Label(behind, "this subtracts the mean of each channel"),) if behind else (),
            help="write `bias: false`",
            edit=with_argument(node, "bias", "false"),
        )


def _bias(node: Node) -> str | None:
    """The key of the bias that a layer adds last; of one that is said with others it is that of a step."""
    owned = node.parameters
    return owned.get("bias") or owned.get("pointwise.bias") or owned.get("depthwise.bias")


def _uses(flow: Flow) -> dict[str, list[Node]]:
    """The nodes that use a bias, by its key: shared weights have several."""
    found: dict[str, list[Node]] = {}
    for node in flow.alive:
        key = _bias(node)
        if key is not None and "bias" in type(node.op).model_fields:
            found.setdefault(key, []).append(node)
    return found


def _norm(flow: Flow, node: Node) -> Node | None:
    """The norm that takes the bias of `node` away again; None where something else sees it."""
    readers = tuple(flow.reading(node))
    key = _bias(node)
    if key is None or not readers or flow.leaves(node) or not flow.graph.parameters[key].trainable:
        return None
    if node.op.name not in (*_BY_CHANNEL, "linear"):
        return None
    axis = 1 if node.op.name in _BY_CHANNEL else node.types[0].rank - 1
    return readers[0] if all(takes_away(one, axis) for one in readers) else None
