"""Gates over features: which channels, and which places, are let through, as the features themselves say."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from netspec.ir.compound import Compound, Step
from netspec.ir.facts import Facts
from netspec.ir.op import Op, Sample, bad, good
from netspec.ir.problem import Problem
from netspec.ir.types import TensorType, tensor
from netspec.ops.activation import Relu, Sigmoid
from netspec.ops.adaptive import AdaptiveAvgPool, AdaptiveMaxPool
from netspec.ops.arithmetic import Add, Mul
from netspec.ops.conv import Conv
from netspec.ops.elementwise import floating
from netspec.ops.join import Concat
from netspec.ops.rectifier import Hardsigmoid, Hardswish
from netspec.ops.reduce import Amax, Mean
from netspec.ops.shape import Unsqueeze
from netspec.ops.slicing import Narrow
from netspec.ops.smooth import Gelu, Silu
from netspec.ops.window import channels

Activation = Literal["relu", "silu", "hardswish", "gelu"]
Scale = Literal["sigmoid", "hardsigmoid"]

ACTIVATIONS: dict[Activation | Scale, Op] = {
    "relu": Relu(),
    "silu": Silu(),
    "hardswish": Hardswish(),
    "gelu": Gelu(),
    "sigmoid": Sigmoid(),
    "hardsigmoid": Hardsigmoid(),
}
"""The functions by the words that name them."""


class SqueezeExcite(Compound):
    """Weigh every channel by what all channels hold in the mean (Hu and others 2018): `squeeze_excite: 16`.

    `y = x * scale(fc2(activation(fc1(m))))` with m the mean of each channel over space, and fc1, fc2 convolutions of
    one place: from C channels to the squeezed ones, and back. There are `squeeze_channels` of those, or
    C / `reduction` rounded down. The parameters are called as in torchvision's SqueezeExcitation.
    """

    name: ClassVar[str] = "squeeze_excite"
    main: ClassVar[str | None] = "reduction"

    reduction: int | None = Field(default=None, ge=1)
    """The channels over those they are squeezed into, 16 where neither this nor `squeeze_channels` is given."""
    squeeze_channels: int | None = Field(default=None, ge=1)
    """How many channels they are squeezed into."""
    activation: Activation = "relu"
    """The function between the two convolutions."""
    scale_activation: Scale = "sigmoid"
    """What makes a factor of a number."""
    bias: bool = True
    """Whether both convolutions have one."""

    def expand(self, x: TensorType) -> tuple[Step, ...]:
        """A pool, two convolutions with their functions, and the product with the input."""
        floating(x, self.name, 0)
        return (
            Step("avgpool", AdaptiveAvgPool(output_size=1)),
            Step("fc1", _point(squeezed(self, x), bias=self.bias), ("avgpool",)),
            Step("activation", ACTIVATIONS[self.activation], ("fc1",)),
            Step("fc2", _point(channels(x, self.name), bias=self.bias), ("activation",)),
            Step("scale", ACTIVATIONS[self.scale_activation], ("fc2",)),
            Step("product", Mul(broadcast=True), (0, "scale")),
        )

    @staticmethod
    def samples() -> list[Sample]:
        """Every rank and function, both ways to say how many, and channels that cannot be squeezed."""
        image = tensor(batch=2, channel=4, height=3, width=2)
        return [
            good(image, reduction=2),
            good(image, squeeze_channels=3, activation="silu"),
            good(image, squeeze_channels=1, scale_activation="hardsigmoid", bias=False),
            good(tensor(batch=2, channel=3, width=4), reduction=3, activation="hardswish"),
            good(
                tensor(batch=1, channel=2, depth=2, height=1, width=2, facts=Facts(low=0, high=5), unit="ml"),
                reduction=1,
                activation="gelu",
            ),
            bad("NS124", image, reduction=2, squeeze_channels=2),
            bad("NS210", tensor(batch=2, feature=32)),
            bad("NS215", tensor(batch=2, time=32, height=2, width=2)),
            bad("NS287", image),
            bad("NS310", tensor("bool", batch=2, channel=4, width=3), reduction=2),
        ]


class Cbam(Compound):
    """Weigh every channel, then every place (Woo and others 2018): the convolutional block attention module.

    First `y = x * sigmoid(f(m) + f(a))` with m the mean and a the largest number of each channel over space, and f two
    convolutions of one place with a ReLU between, fc1 to C / `reduction` channels and fc2 back. Then
    `z = y * sigmoid(conv([m, a]))` with m the mean and a the largest number of each place over the channels.
    """

    name: ClassVar[str] = "cbam"
    main: ClassVar[str | None] = "reduction"

    reduction: int = Field(default=16, ge=1)
    """The channels over those they are squeezed into, rounded down."""
    kernel_size: int = Field(default=7, ge=1)
    """The window of the convolution over places, odd; zeros stand around the border."""
    bias: bool = False
    """Whether the three convolutions have one; the paper's formulas have none."""

    def expand(self, x: TensorType) -> tuple[Step, ...]:
        """Two pools side by side, so that one pair of convolutions sees both; then the same over the channels."""
        floating(x, self.name, 0)
        if self.kernel_size % 2 == 0:
            raise Problem(
                "NS288",
                f"a window of {self.kernel_size} places has no middle, so the gates would be moved by half a place",
                at="kernel_size",
                help=f"use {self.kernel_size - 1} or {self.kernel_size + 1}",
            )
        count, inner = channels(x, self.name), squeezed(self, x)
        channel, last = x.names[1], x.names[-1]
        return (
            Step("mean", AdaptiveAvgPool(output_size=1)),
            Step("largest", AdaptiveMaxPool(output_size=1)),
            Step("both", Concat(axis=last), ("mean", "largest")),
            Step("fc1", _point(inner, bias=self.bias), ("both",)),
            Step("activation", Relu(), ("fc1",)),
            Step("fc2", _point(count, bias=self.bias), ("activation",)),
            Step("of_mean", Narrow(axis=last, start=0, stop=1), ("fc2",)),
            Step("of_largest", Narrow(axis=last, start=1, stop=2), ("fc2",)),
            Step("sum", Add(), ("of_mean", "of_largest")),
            Step("channel_gate", Sigmoid(), ("sum",)),
            Step("gated", Mul(broadcast=True), (0, "channel_gate")),
            Step("place_mean", Mean(axis=channel), ("gated",)),
            Step("place_mean_map", Unsqueeze(axis=channel), ("place_mean",)),
            Step("place_largest", Amax(axis=channel), ("gated",)),
            Step("place_largest_map", Unsqueeze(axis=channel), ("place_largest",)),
            Step("maps", Concat(axis=channel), ("place_mean_map", "place_largest_map")),
            Step("conv", _around(self), ("maps",)),
            Step("place_gate", Sigmoid(), ("conv",)),
            Step("product", Mul(broadcast=True), ("gated", "place_gate")),
        )

    @staticmethod
    def samples() -> list[Sample]:
        """Every rank, small and large windows, and what has no middle or no channels."""
        image = tensor(batch=2, channel=4, height=3, width=2)
        return [
            good(image, reduction=2, kernel_size=3),
            good(image, reduction=4, bias=True),
            good(tensor(batch=2, channel=3, width=4), reduction=1, kernel_size=1),
            good(tensor(batch=1, channel=2, depth=2, height=1, width=2), reduction=1, kernel_size=3),
            bad("NS210", tensor(batch=2, feature=32)),
            bad("NS287", image),
            bad("NS288", image, reduction=2, kernel_size=4),
            bad("NS310", tensor("bool", batch=2, channel=4, width=3), reduction=2),
        ]


def squeezed(op: SqueezeExcite | Cbam, x: TensorType) -> int:
    """How many channels those of `x` are squeezed into; Problem NS287 for none, NS124 where that is said twice."""
    count = channels(x, op.name)
    if isinstance(op, SqueezeExcite) and op.squeeze_channels is not None:
        if op.reduction is not None:
            raise Problem(
                "NS124",
                "`squeeze_excite` is given `reduction` and `squeeze_channels`, which say the same",
                at="reduction",
                help="leave one of them out",
            )
        return op.squeeze_channels
    reduction = 16 if op.reduction is None else op.reduction
    if count < reduction:
        raise Problem(
            "NS287",
            f"`{op.name}` squeezes {count} channels into {count} / {reduction}, which is none",
            at="reduction" if op.reduction is not None and "reduction" in op.model_fields_set else None,
            help=f"use `reduction: {max(1, count // 4)}` or another number up to {count}",
        )
    return count // reduction


def _point(out_channels: int, *, bias: bool) -> Conv:
    """A convolution of one place."""
    return Conv(out_channels=out_channels, kernel_size=1, bias=bias)


def _around(op: Cbam) -> Conv:
    """The convolution that makes one gate for every place of the two maps."""
    return Conv(out_channels=1, kernel_size=op.kernel_size, padding=op.kernel_size // 2, bias=op.bias)
