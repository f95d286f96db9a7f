"""Pooling that blurs before it leaves out places."""

from dataclasses import replace
from math import prod
from typing import ClassVar

from netspec.ir.dim import Dim
from netspec.ir.facts import Facts
from netspec.ir.op import Inferred, Op, Sample, bad, good
from netspec.ir.problem import Problem
from netspec.ir.record import Sizes
from netspec.ir.terms import Shapes
from netspec.ir.types import TensorType, tensor
from netspec.ir.view import Views, alike
from netspec.ops.elementwise import floating
from netspec.ops.pool import mean_of_channels
from netspec.ops.sliding import PaddingMode, surrounded, surrounded_views
from netspec.ops.window import layout, spatial, window_axes

WIDEST = 63
"""The middle of a wider filter is so much heavier than its ends that single precision does not see them."""


class BlurPool(Op):
    """Blur every channel with a binomial filter, and take every `stride`-th place of it.

    The filter is `[1, 1]`, `[1, 2, 1]`, `[1, 3, 3, 1]`, `[1, 4, 6, 4, 1]` and so on by `kernel_size`, divided by its
    sum, along each axis of space. A network whose strides blur first answers nearly alike wherever an object stands
    (R. Zhang, Making Convolutional Networks Shift-Invariant Again, ICML 2019): in place of `max_pool: 2` write
    `max_pool: {kernel_size: 2, stride: 1}` and this, in place of `conv` with a stride the same without, and this.
    Places around are added so that each size becomes `ceil(size / stride)`: `(kernel_size - 1) // 2` before and
    `kernel_size // 2` after, filled as `padding_mode` says, in the paper with the mirror image. Nothing is learned.
    """

    name: ClassVar[str] = "blur_pool"
    main: ClassVar[str | None] = "kernel_size"

    kernel_size: Sizes = 3
    stride: Sizes = 2
    padding_mode: PaddingMode = "reflect"
    """What the places around hold: the mirror image without the edge, zeros, the edge's number, or the other end."""

    def infer(self, x: TensorType) -> Inferred:
        """Each size becomes `(size - 1) // stride + 1`. A mean keeps bounds, units, and what is said of channels."""
        floating(x, self.name, 0)
        layout(x, self.name)
        kernel, stride, padding = blur_geometry(self, x)
        axes, constraints = window_axes(x, kernel, stride, padding, (1,) * len(kernel))
        constraints += surrounded(self.padding_mode, x, padding, at="kernel_size")
        facts = mean_of_channels(x)
        if self.padding_mode == "zeros" and any(map(any, padding)):
            facts = replace(facts, low=min(facts.low, 0.0), high=max(facts.high, 0.0), sums_to_one=None)
        return Inferred((replace(x, axes=(*x.axes[:2], *axes), facts=facts),), constraints=constraints)

    def macs(self, inputs: tuple[TensorType, ...], outputs: tuple[TensorType, ...]) -> Dim:
        """It is a convolution of each channel: every output number takes one product for each weight of the filter."""
        (x,), (y,) = inputs, outputs
        total = Dim.of(prod(blur_geometry(self, x)[0]))
        for size in y.sizes[1:]:
            total = total * size
        return total

    def terms(self, at: Shapes) -> int:
        """A window, or the places that are made of one and its copies."""
        kernel, _, padding = blur_geometry(self, at.types[0])
        return prod(kernel) * prod(1 + low + high for low, high in padding)

    def views(self, x: TensorType) -> tuple[Views]:
        """Windows along space, of one channel each."""
        kernel, stride, padding = blur_geometry(self, x)
        space = surrounded_views(self.padding_mode, x, kernel, stride, padding, (1,) * len(kernel))
        return ({**alike(x.names[:2]), **space},)

    @staticmethod
    def samples() -> list[Sample]:
        """Every rank, odd and even filters, every way to fill, what a mean keeps, and every way to be wrong."""
        image = tensor(batch=2, channel=3, height=5, width=4)
        share = tensor(batch=2, channel=3, width=6, facts=Facts(low=0, high=1, sums_to_one="channel"))
        return [
            good(image),
            good(image, kernel_size=4),
            good(image, kernel_size=(2, 5), stride=(1, 3)),
            good(image, kernel_size=3, padding_mode="zeros"),
            good(image, kernel_size=5, padding_mode="replicate", stride=1),
            good(image, kernel_size=6, padding_mode="circular"),
            good(share, kernel_size=4),
            good(share, kernel_size=2, padding_mode="zeros"),
            good(
                tensor(batch=1, channel=2, depth=2, height=3, width=4),
                kernel_size=(1, 3, 3),
                stride=(1, 2, 2),
            ),
            bad("NS210", tensor(batch=2, feature=3)),
            bad("NS212", image, kernel_size=(3, 3, 3)),
            bad("NS215", tensor(batch=2, time=3, height=7, width=6)),
            bad("NS217", image, stride=0),
            bad("NS241", image, kernel_size=9),
            bad("NS293", tensor(batch=1, channel=1, width=100), kernel_size=64),
            bad("NS310", tensor("int64", batch=2, channel=3, width=6)),
        ]


def blur_geometry(
    op: BlurPool, x: TensorType
) -> tuple[tuple[int, ...], tuple[int, ...], tuple[tuple[int, int], ...]]:
    """Kernel, stride and padding, one entry for each axis of space. Problem NS293 for a filter that is too wide."""
    kernel = spatial(op.kernel_size, x, "kernel_size", least=1)
    for size in kernel:
        if size > WIDEST:
            raise Problem(
                "NS293",
                f"a blur of `{size}` places is more than `{WIDEST}`: the outer ones would not count",
                at="kernel_size",
                help="use `kernel_size: 3` or `5`, and a second `blur_pool` with `stride: 1` for more",
            )
    padding = tuple(((size - 1) // 2, size // 2) for size in kernel)
    return kernel, spatial(op.stride, x, "stride", least=1), padding
