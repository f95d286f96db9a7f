"""Windows that do not come out even, and leave a border of the image unread."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field

from netspec.passes.flow import place, uses, written_name
from netspec.passes.lint.rule import Rule, Subject
from netspec.passes.windows import Window, windows
from netspec.text import Diagnostic


class DroppedBorder(Rule):
    """The last window ends before the input does, and more than `share` of the size along an axis is never read.

    Why: `(size + 2 * padding - kernel_size) % stride` numbers are left over at the end of the axis, always on the same
    side. Zeros of the padding are no loss: with `padding: 3` the 7x7 windows of ResNet read all 224 pixels and leave
    one zero. A pool of 2 on a 7x7 map loses a seventh of its rows and a seventh of its columns.

    Instead: change the input's size so that the windows come out even, add `padding`, or pool less. SqueezeNet 1.1
    loses 1 of 224 pixels, and a pool of 2 on 11 (9 %) stands in many first examples: the default lets both pass.
    """

    name: ClassVar[str] = "dropped_border"
    code: ClassVar[str] = "NS409"

    share: float = Field(default=0.1, ge=0, le=1)
    """The part of an axis that may be lost; 0 tells of every pixel."""

    def check(self, subject: Subject) -> Iterator[Diagnostic]:
        """Every such layer with the number of pixels along each axis; sizes that are free say nothing."""
        for flow in subject.flows:
            for nodes in flow.places:
                for node in nodes:
                    losing = [one for one in windows(flow.graph, node) if self._loses(one)]
                    if losing:
                        lost = ", ".join(f"{unread(one)} of {one.size} along `{one.axis}`" for one in losing)
                        yield self.doubt(
                            f"`{written_name(node)}` leaves the border unread: {lost}",
                            place(node),
                            labels=uses(node),
                            help=f"make {'the sizes' if len(losing) > 1 else 'the size'} before it "
                            f"{_even(losing[0])}, or add `padding`",
                        )
                        break

    def _loses(self, window: Window) -> bool:
        return unread(window) > self.share * (window.size.value or 0)


def unread(window: Window) -> int:
    """How many numbers at the end no window reads, apart from those that its stride skips everywhere."""
    return max(0, (window.unread or 0) - max(0, window.stride - window.extent))


def _even(window: Window) -> str:
    """The nearest sizes that are read whole."""
    size, places = window.size.value or 0, window.places.value or 0
    less = size - unread(window)
    more = places * window.stride + window.extent - window.before - window.after
    return f"{less} or {more}"
