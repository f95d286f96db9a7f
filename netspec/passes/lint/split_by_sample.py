"""A split that puts one patient on both sides."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from netspec.passes.lint.rule import Rule, Subject
from netspec.text import Diagnostic, Edit


class SplitBySample(Rule):
    """The source knows which patient each sample is of, and the split divides samples.

    Why: slices of one patient are nearly the same picture with the same label. With some of them in training and some
    in validation the network is asked about patients it knows by heart, and the metric says nothing about new ones.

    Instead: write `by: patient`, which is the default of such a source.
    """

    name: ClassVar[str] = "split_by_sample"
    code: ClassVar[str] = "NS414"

    def check(self, subject: Subject) -> Iterator[Diagnostic]:
        """The `by` of such a split."""
        data = subject.spec.data
        if data is None or data.split.by != "sample":
            return
        if not (data.source.grouped or getattr(data.source, "group", None) is not None):
            return
        span = subject.place("data.split.by")
        exact = span is not None and span.text == "sample"
        yield self.doubt(
            f"`{data.source.name}` knows patients, and this split puts samples of one patient on both sides",
            span,
            help="write `by: patient`",
            edit=Edit(span, "patient") if span is not None and exact else None,
        )
