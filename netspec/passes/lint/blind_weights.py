"""Weights that lie on nothing but padding."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import ClassVar

from netspec.passes.flow import place_of, uses, written_name
from netspec.passes.lint.rule import Rule, Subject
from netspec.passes.windows import Window, windows
from netspec.text import Diagnostic


class BlindWeights(Rule):
    """Some weights of a convolution's window lie on padding wherever the window stands.

    Why: they are multiplied by 0 and get no gradient. The image has become smaller than what the layer sees of it, as
    when a network for 224x224 is given 32x32 and its last 3x3 windows slide over a map of 1x1, or when a dilation
    reaches past the map: a 3x3 window is then a 1x1 window at nine times the price (Chen et al. 2017, on DeepLab).

    Instead: pool or stride less before the layer, use larger images, a smaller `kernel_size`, or a smaller `dilation`.
    """

    name: ClassVar[str] = "blind_weights"
    code: ClassVar[str] = "NS423"

    def check(self, subject: Subject) -> Iterator[Diagnostic]:
        """Every such convolution that pads with zeros, unless some copy of it sees more; free sizes say nothing."""
        for flow in subject.flows:
            for nodes in flow.places:
                if nodes[0].op.name != "conv" or getattr(nodes[0].op, "padding_mode", "zeros") != "zeros":
                    continue
                copies = [list(windows(flow.graph, node)) for node in nodes]
                if not all(any(seeing(one) < one.kernel for one in copy) for copy in copies):
                    continue
                found = copies[0]
                whole = prod(one.kernel for one in found)
                blind = whole - prod(map(seeing, found))
                sizes = "x".join(str(one.size) for one in found)
                gaps = any(one.dilation > 1 for one in found)
                yield self.doubt(
                    f"{blind} of {whole} weights of each filter of `{written_name(nodes[0])}` see padding alone",
                    place_of(nodes[0], "dilation" if gaps else "kernel_size"),
                    label=f"input is {sizes}",
                    labels=uses(nodes[0]),
                    help=f"use {'a smaller `dilation`' if gaps else 'a smaller `kernel_size`'}, "
                    "or pool less before this layer",
                )


def seeing(window: Window) -> int:
    """How many places of a window lie inside the input for at least one position; all where a size is free."""
    size, places = window.size.value, window.places.value
    if size is None or places is None:
        return window.kernel
    count = 0
    for k in range(window.kernel):
        offset = window.dilation * k - window.before
        first = max(0, -(offset // window.stride))
        count += first < places and offset + window.stride * first < size
    return count
