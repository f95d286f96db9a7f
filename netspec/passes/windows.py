"""How the windows of a layer lie on its input: one record for every axis of space."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from netspec.ir.dim import Dim
from netspec.ir.graph import Graph, Node
from netspec.ops.window import explicit_padding, spatial

SLIDING = (
    "conv",
    "depthwise_conv",
    "separable_conv",
    "locally_connected",
    "max_pool",
    "avg_pool",
    "lp_pool",
)
"""Ops that read their input through windows and give one place for each."""


@dataclass(frozen=True)
class Window:
    """The windows along one axis: `places` of them, `stride` apart, the first beginning `before` ahead of the input."""

    axis: str
    size: Dim
    places: Dim
    kernel: int
    stride: int
    dilation: int
    before: int
    after: int

    @property
    def extent(self) -> int:
        """From the first to the last number of one window."""
        return self.dilation * (self.kernel - 1) + 1

    @property
    def unread(self) -> int | None:
        """How many numbers of the input lie behind the last window, padding aside; None where the size is free."""
        if self.size.value is None or self.places.value is None:
            return None
        return max(0, self.size.value + self.before - (self.places.value - 1) * self.stride - self.extent)


def windows(graph: Graph, node: Node) -> Iterator[Window]:
    """The windows of a layer along every axis of space; nothing where the op has none."""
    if node.op.name not in SLIDING:
        return
    entering, leaving = graph.type_of(node.inputs[0]), node.types[0]
    written = dict(node.op)
    kernel = spatial(written["kernel_size"], entering, "kernel_size", least=1)
    step = written["stride"]
    stride = kernel if step is None else spatial(step, entering, "stride", least=1)
    dilation = spatial(written.get("dilation", 1), entering, "dilation", least=1)
    padding = explicit_padding(written.get("padding", 0), entering, kernel, dilation)
    for i, axis in enumerate(entering.axes[2:]):
        yield Window(
            axis.name,
            axis.size,
            leaving.axes[2 + i].size,
            kernel[i],
            stride[i],
            dilation[i],
            *padding[i],
        )
