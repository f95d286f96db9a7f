"""Raw grey values that a layer learns from."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite
from typing import ClassVar

from pydantic import Field

from netspec.ir.graph import Node, Ref
from netspec.ir.types import SPATIAL, TensorType
from netspec.passes.flow import Flow, place, uses, written_name
from netspec.passes.lint.rule import Rule, Subject
from netspec.passes.written import with_layer_before
from netspec.text import Diagnostic, Label


class UnnormalisedInput(Rule):
    """A picture goes into a layer with weights, and its range lies far from 1: beyond `largest` or below `smallest`.

    Why: initialisers and learning rates are made for numbers around 1. With grey values up to 255 the first outputs
    and their gradients are some hundred times too large, and training diverges or creeps; with values below 0.05 the
    first layer sees next to nothing.

    Instead: begin with `rescale` or a norm, or let `normalize` in `data` bring the pictures to [0, 1] and declare
    that `range`. The rule goes by the declared range; a picture that declares none passes.
    """

    name: ClassVar[str] = "unnormalised_input"
    code: ClassVar[str] = "NS412"

    largest: float = Field(default=20, gt=0)
    """The largest magnitude that may enter a layer with weights."""
    smallest: float = Field(default=0.05, ge=0)
    """What the largest magnitude may not fall below."""

    def check(self, subject: Subject) -> Iterator[Diagnostic]:
        """The first layer that learns from each such input."""
        flow = subject.flows[0]
        graph = flow.graph
        source = {
            Ref(name): name
            for name, kind in graph.inputs.items()
            if kind.dtype == "float32" and any(axis in SPATIAL for axis in kind.names)
        }
        told: set[str] = set()
        for node in flow.alive:
            raw = next((ref for ref in node.inputs if ref in source), None)
            if raw is None:
                continue
            kind, name = graph.type_of(raw), source[raw]
            if node.op.normalises:
                continue
            if not node.parameters and not node.state:
                source.update(dict.fromkeys(node.refs, name))
            elif flow.weighs(node) and flow.learns(node) and self._far(kind) and name not in told:
                told.add(name)
                yield self._told(subject, flow, node, kind, name)

    def _far(self, kind: TensorType) -> bool:
        low, high = kind.facts.low, kind.facts.high
        if not (isfinite(low) and isfinite(high)):
            return False
        return not self.smallest <= max(abs(low), abs(high)) <= self.largest

    def _told(self, subject: Subject, flow: Flow, node: Node, kind: TensorType, name: str) -> Diagnostic:
        low, high = kind.facts.low, kind.facts.high
        declared = subject.place(f"inputs.{name}.range")
        layer = f"rescale: {{to: [{-1 if low < 0 else 0}, 1]}}"
        simple = len(flow.graph.inputs) == 1 and flow.alive[0] is node
        return self.doubt(
            f"`{written_name(node)}` learns from numbers in [{low:g}, {high:g}]",
            place(node),
            labels=(*((Label(declared, "the range of the picture"),) if declared else ()), *uses(node)),
            help=f"write `- {layer}` before it, or let `normalize` in `data` bring the picture to [0, 1]",
            edit=with_layer_before(node, layer) if simple else None,
        )
