"""Features that see less than the object they are to tell."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field

from netspec.ir.graph import Node, Ref
from netspec.ir.types import SPATIAL
from netspec.passes.flow import Flow, place, uses, written_name
from netspec.passes.lint.rule import Rule, Subject
from netspec.passes.receptive_field import receptive_fields
from netspec.text import Diagnostic

_POOLS = ("global_avg_pool", "global_max_pool", "adaptive_avg_pool", "adaptive_max_pool")


class ReceptiveField(Rule):
    """What one place of an output, or of what a global pool takes together, sees of a picture is less than `object`.

    Why: no place ever sees an object whole. A segmentation then goes by texture and edges, and a classifier that pools
    such features knows which parts there are and not how they lie.

    Instead: more layers, a stride or a pool earlier, or `dilation`. `netspec show` prints the receptive field of every
    layer. How many pixels an object has only its author knows: the rule rests until
    `lint: {rules: {receptive_field: {object: 40}}}` says so.
    """

    name: ClassVar[str] = "receptive_field"
    code: ClassVar[str] = "NS410"
    main: ClassVar[str | None] = "object"

    object: int | None = Field(default=None, ge=1)
    """How many pixels the largest object measures along an axis."""

    def check(self, subject: Subject) -> Iterator[Diagnostic]:
        """Every such value, with what it sees."""
        if self.object is None:
            return
        flow = subject.flows[0]
        fields = receptive_fields(flow.graph)
        for ref, node, what in _deciding(flow):
            for name, kind in flow.graph.inputs.items():
                views = {
                    axis: view
                    for axis in kind.names
                    if axis in SPATIAL and (view := fields[ref].get((name, axis))) is not None
                }
                seen = {axis: view.size for axis, view in views.items() if view.is_window}
                short = {axis: size for axis, size in seen.items() if size < self.object}
                if short:
                    axes = " and ".join(f"{size} along `{axis}`" for axis, size in short.items())
                    yield self.doubt(
                        f"{what} see {axes} of `{name}`, and an object is {self.object}",
                        place(node),
                        labels=uses(node),
                        help="add layers or `dilation`, or pool earlier; `netspec show` prints the receptive field",
                    )
                    break


def _deciding(flow: Flow) -> Iterator[tuple[Ref, Node, str]]:
    """The values whose places decide each for itself: outputs, and what a global pool takes together."""
    for name, ref in flow.graph.entry("predict").items():
        node = flow.graph.node(ref.path)
        if node is not None:
            yield ref, node, f"the places of `{name}`"
    for node in flow.alive:
        if node.op.name in _POOLS and all(axis.size == 1 for axis in node.types[0].axes[2:]):
            yield node.inputs[0], node, f"the features that `{written_name(node)}` takes together"
