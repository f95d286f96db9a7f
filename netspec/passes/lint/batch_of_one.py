"""Batch statistics of next to nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field

from netspec.ir.dim import Dim
from netspec.passes.flow import place
from netspec.passes.lint.rule import Rule, Subject
from netspec.text import Diagnostic, Label

_BATCH = Dim.of("N")


class BatchOfOne(Rule):
    """`batch_size` is less than `least`, and a `batch_norm` measures the batch.

    Why: mean and variance of one sample are that sample's own. In training every image is normalised by itself, in
    evaluation by an average over all, so the network is measured on numbers that it has never seen. `accumulate`
    does not help: every part is normalised alone.

    Instead: a `batch_size` of 8 or more, a `group_norm`, which measures each sample by itself, or `freeze: statistics`
    beside the `batch_norm` of a network that was trained before.
    """

    name: ClassVar[str] = "batch_of_one"
    code: ClassVar[str] = "NS416"

    least: int = Field(default=2, ge=1, le=1_000_000)
    """The smallest `batch_size` that passes."""

    def check(self, subject: Subject) -> Iterator[Diagnostic]:
        """The batch size, with the first norm that suffers from it."""
        training = subject.spec.training
        if training is None or training.batch_size >= self.least:
            return
        size = training.batch_size
        for node in subject.flows[0].alive:
            if node.op.name != "batch_norm" or "statistics" in node.frozen:
                continue
            if node.types[0].axes[0].size != _BATCH:
                continue  # in a map, every place along its axis is one more sample
            norm = place(node)
            samples = "1 sample" if size == 1 else f"{size} samples"
            yield self.doubt(
                f"`batch_norm` measures batches of {samples}",
                subject.place("training.batch_size"),
                labels=(Label(norm, "in training this sees no more than that"),) if norm else (),
                help=f"use `batch_size: {max(8, self.least)}` or more, or `group_norm`",
            )
            return
