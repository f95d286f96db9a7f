"""One layer that holds nearly all parameters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field

from netspec.passes.cost import cost
from netspec.passes.flow import place, written_name
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
    parameters: int = Field(default=1_000_000, ge=1)

    def check(self, subject: Subject) -> Iterator[Diagnostic]:
        """The one such layer, unless it is all there is to the model."""
        whole = cost(subject.spec.graph)
        learning = [row for row in whole.rows if row.parameters]
        if len(learning) < 2 or whole.parameters < self.parameters:
            return
        row = max(learning, key=lambda one: one.parameters)
        if row.parameters < max(self.share * whole.parameters, self.parameters):
            return
        before = subject.spec.graph.node(row.node.inputs[0].path) if row.node.inputs else None
        flat = before is not None and before.op.name in ("flatten", "dropout")
        yield self.doubt(
            f"`{written_name(row.node)}` holds {row.parameters:,} of {whole.parameters:,} parameters",
            place(row.node),
            help="pool more before it, or use `global_avg_pool` in place of `flatten`"
            if flat
            else "pool more before it, or give it fewer outputs",
        )
