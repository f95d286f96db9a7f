"""Convolutions taken apart: each channel by itself, and then all channels at each place."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from netspec.ir.compound import Compound, Step
from netspec.ir.op import Sample, bad, good
from netspec.ir.record import Sizes
from netspec.ir.types import TensorType, tensor
from netspec.ops.conv import Conv
from netspec.ops.sliding import PaddingMode
from netspec.ops.window import Padding, channels


class DepthwiseConv(Compound):
    """Convolve every channel by itself: `depthwise_conv: {kernel_size: 3, padding: 1}`.

    `y[c * m + i, p] = bias[c * m + i] + sum over k of weight[c * m + i, k] * x[c, stride * p + dilation * k - padding]`
    with m the `multiplier`: a `conv` with one group a channel. `padding` and `padding_mode` are those of `conv`.
    """

    name: ClassVar[str] = "depthwise_conv"
    main: ClassVar[str | None] = "kernel_size"

    kernel_size: Sizes
    stride: Sizes = 1
    padding: Padding = 0
    padding_mode: PaddingMode = "zeros"
    dilation: Sizes = 1
    multiplier: int = Field(default=1, ge=1)
    """How many filters each channel has, which the result has for each channel of the input."""
    bias: bool = True

    def expand(self, x: TensorType) -> tuple[Step, ...]:
        """One convolution with a group for each channel."""
        return (Step("depthwise", _depthwise(self, x, bias=self.bias)),)

    @staticmethod
    def samples() -> list[Sample]:
        """Every rank, several filters a channel, every way to pad, and every way to be wrong."""
        image = tensor(batch=2, channel=3, height=5, width=4)
        return [
            good(tensor(batch=2, channel=3, width=6), kernel_size=3),
            good(image, kernel_size=3, padding=1, stride=2),
            good(image, kernel_size=(3, 2), padding="same", multiplier=2, bias=False),
            good(image, kernel_size=3, padding=((2, 0), 1), padding_mode="replicate", dilation=(2, 1)),
            good(tensor(batch=1, channel=2, depth=3, height=2, width=3), kernel_size=2),
            bad("NS210", tensor(batch=2, feature=3), kernel_size=3),
            bad("NS211", image, kernel_size=9),
            bad("NS212", image, kernel_size=(3, 3, 3)),
            bad("NS214", image, kernel_size=3, stride=2, padding="same"),
            bad("NS215", tensor(batch=2, time=3, height=7, width=6), kernel_size=2),
            bad("NS216", tensor(batch=2, channel="C", height=7, width=6), kernel_size=2),
            bad("NS217", image, kernel_size=0),
            bad("NS241", image, kernel_size=3, padding=5, padding_mode="circular"),
        ]


class SeparableConv(Compound):
    """Convolve every channel by itself, then mix the channels at every place: `separable_conv: {...}` as `conv`.

    `y[o, p] = bias[o] + sum over c, i of pointwise[o, c * m + i] * sum over k of depthwise[c * m + i, k] * x[c, q]`
    with q = stride * p + dilation * k - padding and m the `multiplier` (L. Sifre, Rigid-Motion Scattering for Image
    Classification, 2014; F. Chollet, Xception, 2017; A. Howard and others, MobileNets, 2017). `padding` and
    `padding_mode` are those of `conv`. A bias between the two would do nothing that the last does not. From 64 to 128
    channels with windows of 3x3, `conv` has 73,728 weights, and this 8,768.
    """

    name: ClassVar[str] = "separable_conv"
    main: ClassVar[str | None] = "out_channels"

    out_channels: int = Field(ge=1)
    kernel_size: Sizes
    stride: Sizes = 1
    padding: Padding = 0
    padding_mode: PaddingMode = "zeros"
    dilation: Sizes = 1
    multiplier: int = Field(default=1, ge=1)
    """How many filters each channel has before channels are mixed."""
    bias: bool = True

    def expand(self, x: TensorType) -> tuple[Step, ...]:
        """One convolution with a group for each channel, and one of one place."""
        mix = Conv(out_channels=self.out_channels, kernel_size=1, bias=self.bias)
        return Step("depthwise", _depthwise(self, x, bias=False)), Step("pointwise", mix, ("depthwise",))

    @staticmethod
    def samples() -> list[Sample]:
        """Every rank, several filters a channel, every way to pad, and every way to be wrong."""
        image = tensor(batch=2, channel=3, height=5, width=4)
        return [
            good(tensor(batch=2, channel=3, width=6), out_channels=4, kernel_size=3),
            good(image, out_channels=2, kernel_size=3, padding=1, stride=2),
            good(image, out_channels=4, kernel_size=(3, 2), padding="same", multiplier=2, bias=False),
            good(image, out_channels=2, kernel_size=3, padding=((2, 0), 1), padding_mode="reflect"),
            good(image, out_channels=1, kernel_size=2, dilation=3),
            good(tensor(batch=1, channel=2, depth=3, height=2, width=3), out_channels=3, kernel_size=2),
            bad("NS210", tensor(batch=2, feature=3), out_channels=4, kernel_size=3),
            bad("NS211", image, out_channels=4, kernel_size=9),
            bad("NS212", image, out_channels=4, kernel_size=(3, 3, 3)),
            bad("NS214", image, out_channels=4, kernel_size=3, stride=2, padding="same"),
            bad("NS215", tensor(batch=2, time=3, height=7, width=6), out_channels=4, kernel_size=2),
            bad("NS216", tensor(batch=2, channel="C", height=7, width=6), out_channels=4, kernel_size=2),
            bad("NS217", image, out_channels=4, kernel_size=3, stride=0),
            bad("NS241", image, out_channels=4, kernel_size=3, padding=5, padding_mode="reflect"),
        ]


def _depthwise(op: DepthwiseConv | SeparableConv, x: TensorType, *, bias: bool) -> Conv:
    """The convolution of each channel by itself."""
    entering = channels(x, op.name)
    return Conv(
        out_channels=entering * op.multiplier,
        kernel_size=op.kernel_size,
        stride=op.stride,
        padding=op.padding,
        padding_mode=op.padding_mode,
        dilation=op.dilation,
        groups=entering,
        bias=bias,
    )
