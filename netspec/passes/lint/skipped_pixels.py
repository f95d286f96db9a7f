"""A stride that steps over pixels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from netspec.passes.flow import place_of
from netspec.passes.lint.rule import Rule, Subject
from netspec.passes.windows import Window, windows
from netspec.text import Diagnostic


class SkippedPixels(Rule):
    """The windows of a layer step so far that some pixels lie in none of them.

    Why: what is skipped can hold the edge or the spot that matters, and no layer behind can bring it back. Whether it
    is seen hangs on where the object happens to lie.

    Instead: a `stride` of at most the `kernel_size`, and with `dilation` one that shares no factor with it. A window of
    1 that takes every second pixel, as in the shortcuts of ResNet, is meant so and passes.
    """

    name: ClassVar[str] = "skipped_pixels"
    code: ClassVar[str] = "NS408"

    def check(self, subject: Subject) -> Iterator[Diagnostic]:
        """Every such layer, at its stride."""
        for flow in subject.flows:
            for nodes in flow.places:
                node = nodes[0]
                skipping = [one for one in windows(flow.graph, node) if skipped(one)]
                if not skipping:
                    continue
                first = skipping[0]
                axes = " and ".join(f"`{one.axis}`" for one in skipping)
                gaps = f" and a dilation of {first.dilation}" if first.dilation > 1 else ""
                share = f"{skipped(first)} of every {first.stride}"
                yield self.doubt(
                    f"a window of {first.kernel}{gaps} steps by {first.stride} and never sees {share} pixels "
                    f"along {axes}",
                    place_of(node, "stride"),
                    help=f"use `stride: {_seeing(first)}` or less",
                )


def skipped(window: Window) -> int:
    """How many of `stride` neighbours no window sees; none where a window of 1 samples on purpose."""
    if window.kernel == 1 or window.places == 1:
        return 0
    seen = {window.dilation * i % window.stride for i in range(window.kernel)}
    return window.stride - len(seen)


def _seeing(window: Window) -> int:
    """The largest stride below the written one with which every pixel is seen."""
    for stride in range(window.stride - 1, 1, -1):
        if len({window.dilation * i % stride for i in range(window.kernel)}) == stride:
            return stride
    return 1
