"""An even kernel that cannot stand in the middle."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from netspec.passes.flow import place_of
from netspec.passes.lint.rule import Rule, Subject
from netspec.passes.windows import windows
from netspec.text import Diagnostic


class EvenKernel(Rule):
    """A convolution with `padding: same` has an even `kernel_size`.

    Why: an even window has no middle. One zero more is added at the end than at the beginning, and everything moves by
    half a pixel; after eight such layers by four pixels, which masks and positions feel.

    Instead: use an odd `kernel_size`, or give `padding` as a number and let the size change by one.
    """

    name: ClassVar[str] = "even_kernel"
    code: ClassVar[str] = "NS407"

    def check(self, subject: Subject) -> Iterator[Diagnostic]:
        """Every such convolution, with the axes along which it is so."""
        for flow in subject.flows:
            for nodes in flow.places:
                node = nodes[0]
                if getattr(node.op, "padding", None) != "same":
                    continue
                uneven = [one for one in windows(flow.graph, node) if one.before != one.after]
                if not uneven:
                    continue
                axes = " and ".join(f"`{one.axis}`" for one in uneven)
                odd = uneven[0].kernel + 1
                yield self.doubt(
                    f"a window of {uneven[0].kernel} has no middle: along {axes} everything moves by half a pixel",
                    place_of(node, "kernel_size"),
                    help=f"use an odd `kernel_size`: {odd - 2} or {odd}"
                    if odd > 3
                    else "use `kernel_size: 3`",
                )
