"""Convolution in one, two and three dimensions."""

from typing import ClassVar, Literal

from pydantic import Field

from netspec.ir.dim import Dim
from netspec.ir.op import Inferred, Op, Parameter, Sample, bad, good
from netspec.ir.problem import Problem
from netspec.ir.record import Sizes
from netspec.ir.types import Axis, TensorType, tensor
from netspec.ops.window import channels, explicit_padding, spatial, window_axes


class Conv(Op):
    """Cross-correlate windows of the input with learned filters.

    Takes `[batch, channel, *space]` with one to three axes of space and gives `[batch, out_channels, *smaller]`:
    `y[o, p] = bias[o] + sum over c, k of weight[o, c, k] * x[c, stride * p + dilation * k - padding]`, the channels c
    being those of o's group. `padding` counts zeros on both sides of each axis; `same` keeps the size (stride 1 only,
    an odd rest goes to the end), `valid` is 0. A number stands for every axis, a list names one for each.
    """

    name: ClassVar[str] = "conv"
    main: ClassVar[str | None] = "out_channels"

    out_channels: int = Field(ge=1)
    kernel_size: Sizes
    stride: Sizes = 1
    padding: Sizes | Literal["same", "valid"] = 0
    dilation: Sizes = 1
    groups: int = Field(default=1, ge=1)
    bias: bool = True

    def infer(self, x: TensorType) -> Inferred:
        """The spatial sizes are `(size + 2 * padding - dilation * (kernel_size - 1) - 1) // stride + 1`."""
        entering = channels(x, self.name)
        kernel = spatial(self.kernel_size, x, "kernel_size", least=1)
        stride = spatial(self.stride, x, "stride", least=1)
        dilation = spatial(self.dilation, x, "dilation", least=1)
        if self.padding == "same" and any(step != 1 for step in stride):
            raise Problem(
                "NS214",
                f"`padding: same` with a stride of {self.stride}: no padding keeps the size then",
                at="padding",
                help="give `padding` as a number, or use `stride: 1`",
            )
        padding = explicit_padding(self.padding, x, kernel, dilation)
        if entering % self.groups or self.out_channels % self.groups:
            at = "groups" if entering % self.groups else "out_channels"
            raise Problem(
                "NS213",
                f"{self.groups} groups do not divide {entering} channels in and {self.out_channels} out",
                at=at,
                help="choose `groups` so that it divides both numbers of channels",
            )
        axes, constraints = window_axes(x, kernel, stride, padding, dilation)
        weight = Parameter("weight", (self.out_channels, entering // self.groups, *kernel))
        bias = (Parameter("bias", (self.out_channels,)),) if self.bias else ()
        out = TensorType((x.axes[0], Axis("channel", Dim.of(self.out_channels)), *axes))
        return Inferred((out,), (weight, *bias), constraints=constraints)

    def macs(self, inputs: tuple[TensorType, ...], outputs: tuple[TensorType, ...]) -> Dim:
        """Every output number takes one product for each weight of its filter."""
        (x,), (y,) = inputs, outputs
        total = Dim.of(channels(x, self.name) // self.groups)
        for size in spatial(self.kernel_size, x, "kernel_size", least=1):
            total = total * size
        for places in y.sizes[1:]:
            total = total * places
        return total

    @staticmethod
    def samples() -> list[Sample]:
        """Every rank, every way to pad, and every way to be wrong."""
        line = tensor(batch=2, channel=3, width=9)
        image = tensor(batch=2, channel=4, height=8, width=7)
        volume = tensor(batch=1, channel=2, depth=5, height=6, width=4)
        return [
            good(line, out_channels=4, kernel_size=3),
            good(image, out_channels=6, kernel_size=3, stride=2, padding=1),
            good(
                image,
                out_channels=4,
                kernel_size=(3, 2),
                stride=(1, 2),
                dilation=(2, 1),
                groups=2,
                bias=False,
            ),
            good(image, out_channels=3, kernel_size=4, padding="same"),
            good(image, out_channels=3, kernel_size=2, padding="valid"),
            good(volume, out_channels=3, kernel_size=(1, 3, 2), padding=(0, 1, 1)),
            bad("NS211", image, out_channels=4, kernel_size=40),
            bad("NS210", tensor(batch=2, feature=3), out_channels=4, kernel_size=3),
            bad("NS212", image, out_channels=4, kernel_size=(3, 3, 3)),
            bad("NS213", image, out_channels=6, kernel_size=3, groups=4),
            bad("NS214", image, out_channels=6, kernel_size=3, stride=2, padding="same"),
        ]
