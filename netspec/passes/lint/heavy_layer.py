"""One layer that holds nearly all parameters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field

from netspec.passes.flow import place, uses, written_name
from netspec.passes.lint.rule import Rule, Subject
from netspec.text import Diagnostic


class HeavyLayer(Rule):
    """One layer holds at least `share` of all parameters, and at least `parameters` of them.

    Why: such a layer is nearly always the `linear` behind a `flatten` of a large map. It learns a weight for every
    place of every channel, fits the training images by heart, and the convolutions before it hardly count. In VGG-16
    the largest layer holds 74 %.

    Instead: pool before it. `global_avg_pool` in place of `flatten` leaves one number for each channel.
    """

    name: ClassVar[str] = "heavy_layer"
    code: ClassVar[str] = "NS411"

    share: float = Field(default=0.9, gt=0, le=1)
    """The part of all parameters from which on a layer is doubted."""
    parameters: int = Field(default=1_000_000, ge=1)
    """With fewer parameters than these in the layer nothing is said."""

    def check(self, subject: Subject) -> Iterator[Diagnostic]:
        """The one such layer, unless it is all there is to the model."""
        graph = subject.spec.graph
        first = {key: node for node in reversed(graph.nodes) for key in node.parameters.values()}
        counts: Counter[str] = Counter()
        for key, node in first.items():
            counts[node.path] += graph.parameters[key].count
        whole = counts.total()
        if len(counts) < 2 or whole < self.parameters:
            return
        ((path, largest),) = counts.most_common(1)
        heavy = graph.node(path)
        if heavy is None or largest < max(self.share * whole, self.parameters):
            return
        before = graph.node(heavy.inputs[0].path) if heavy.inputs else None
        flat = before is not None and before.op.name in ("flatten", "dropout")
        yield self.doubt(
            f"`{written_name(heavy)}` holds {largest:,} of {whole:,} parameters",
            place(heavy),
            labels=uses(heavy),
            help="pool more before it, or use `global_avg_pool` in place of `flatten`"
            if flat
            else "pool more before it, or give it fewer outputs",
        )
