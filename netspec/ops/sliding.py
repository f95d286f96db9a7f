"""Windows that slide over an input and what lies around it: how they lie, what fills the border, what they see."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, Protocol

from netspec.ir.dim import Dim
from netspec.ir.op import Constraint
from netspec.ir.problem import Problem
from netspec.ir.types import TensorType
from netspec.ir.view import Views, scattered
from netspec.ops.padding import reached
from netspec.ops.window import explicit_padding, spatial, window_views

PaddingMode = Literal["zeros", "reflect", "replicate", "circular"]
"""What the places around the input hold, in PyTorch's words."""


class Sliding(Protocol):
    """An op whose windows slide over the input and what lies around it."""

    @property
    def kernel_size(self) -> int | tuple[int, ...]:
        """The size of the window."""

    @property
    def stride(self) -> int | tuple[int, ...]:
        """How far it moves."""

    @property
    def padding(self) -> int | tuple[int | tuple[int, int], ...] | Literal["same", "valid"]:
        """How many places lie around the input."""

    @property
    def dilation(self) -> int | tuple[int, ...]:
        """How far apart the places are that it looks at."""


def slid_geometry(
    op: Sliding, x: TensorType
) -> tuple[tuple[int, ...], tuple[int, ...], tuple[tuple[int, int], ...], tuple[int, ...]]:
    """Kernel, stride, padding and dilation, one entry for each axis of space.

    Problem NS214 where the size is to be kept and the windows take strides.
    """
    kernel = spatial(op.kernel_size, x, "kernel_size", least=1)
    stride = spatial(op.stride, x, "stride", least=1)
    dilation = spatial(op.dilation, x, "dilation", least=1)
    if op.padding == "same" and any(step != 1 for step in stride):
        raise Problem(
            "NS214",
            f"`padding: same` with a stride of {op.stride}: no padding keeps the size then",
            at="padding",
            help="give `padding` as a number, or use `stride: 1`",
        )
    return kernel, stride, explicit_padding(op.padding, x, kernel, dilation), dilation


def surrounded(
    mode: PaddingMode, x: TensorType, padding: tuple[tuple[int, int], ...], at: str = "padding"
) -> tuple[Constraint, ...]:
    """That the input has as many places as `mode` takes from it; Problem NS241 where it has not."""
    needed: list[Constraint] = []
    for axis, (low, high) in zip(x.axes[2:], padding, strict=True):
        amounts = (Dim.of(low), Dim.of(high))
        needed += reached(mode, axis, amounts, at, word="padding_mode", zeros="zeros")
    return tuple(needed)


def surrounded_views(
    mode: PaddingMode,
    x: TensorType,
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    padding: tuple[tuple[int, int], ...],
    dilation: tuple[int, ...],
) -> Views:
    """Windows along space: numbers that stand in the padding a second time may lie outside of them.

    The edge never does while a window is wider than the padding, nor does a mirror image no wider than half a window.
    """
    views = dict(window_views(x, kernel, stride, padding, dilation))
    for i, axis in enumerate(x.axes[2:]):
        most, span = max(padding[i]), dilation[i] * (kernel[i] - 1)
        if mode == "zeros" or not most:
            continue
        inside = most <= span if mode == "replicate" else mode == "reflect" and 2 * most <= span
        views[axis.name] = replace(views[axis.name], gap=1) if inside else scattered(axis.name)
    return views
