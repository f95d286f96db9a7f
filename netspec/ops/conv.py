"""Convolution in one, two and three dimensions, and its transpose."""

from math import prod
from typing import ClassVar

from pydantic import Field

from netspec.ir.dim import Dim
from netspec.ir.dim_decide import decide
from netspec.ir.op import Constraint, Inferred, Op, Parameter, Sample, bad, good
from netspec.ir.problem import Problem
from netspec.ir.record import Sizes
from netspec.ir.terms import Shapes
from netspec.ir.types import BATCH, CHANNEL, Axis, TensorType, tensor
from netspec.ir.view import EVERYTHING, View, Views, alike, scattered, transposed
from netspec.ops.sliding import PaddingMode, slid_geometry, surrounded, surrounded_views
from netspec.ops.window import Padding, channels, spatial, window_axes

STANDARDISED_EPS = 1e-6
"""What timm's `StdConv2d` adds to the variance."""


class Conv(Op):
    """Cross-correlate windows of the input with learned filters.

    Takes `[batch, channel, *space]` with one to three axes of space and gives `[batch, out_channels, *smaller]`:
    `y[o, p] = bias[o] + sum over c, k of weight[o, c, k] * x[c, stride * p + dilation * k - padding]`, the channels c
    being those of o's group. A number stands for every axis, a list names one for each. `padding` counts places on both
    sides of each axis, or before and after as a pair: `padding: [[2, 1], 0]`; `same` keeps the size (stride 1 only, an
    odd rest goes to the end), `valid` is 0. They hold zeros, or with `padding_mode` the mirror image without the edge
    (`reflect`), the edge's number (`replicate`), or what stands at the other end (`circular`).

    With `weight_standardisation` each filter w is `(w - mean) / sqrt(var + eps)` when it is used, mean and var being
    those of its own weights, so that what is learned is its form and not its size (S. Qiao and others, Micro-Batch
    Training with Batch-Channel Normalization and Weight Standardization, 2019). With `group_norm` behind
    it, small batches train as large ones do.
    """

    name: ClassVar[str] = "conv"
    main: ClassVar[str | None] = "out_channels"

    out_channels: int = Field(ge=1)
    kernel_size: Sizes
    stride: Sizes = 1
    padding: Padding = 0
    padding_mode: PaddingMode = "zeros"
    dilation: Sizes = 1
    groups: int = Field(default=1, ge=1)
    bias: bool = True
    weight_standardisation: bool = False
    eps: float = Field(default=STANDARDISED_EPS, gt=0, allow_inf_nan=False)
    """What is added to the variance of a filter that is standardised."""

    def infer(self, x: TensorType) -> Inferred:
        """The spatial sizes are `(size + 2 * padding - dilation * (kernel_size - 1) - 1) // stride + 1`."""
        entering = channels(x, self.name)
        kernel, stride, padding, dilation = slid_geometry(self, x)
        divided(entering, self.out_channels, self.groups)
        _standardisable(self, entering // self.groups * prod(kernel))
        axes, constraints = window_axes(x, kernel, stride, padding, dilation)
        constraints += surrounded(self.padding_mode, x, padding)
        weight = Parameter("weight", (self.out_channels, entering // self.groups, *kernel))
        bias = (Parameter("bias", (self.out_channels,)),) if self.bias else ()
        out = TensorType((x.axes[0], Axis("channel", Dim.of(self.out_channels)), *axes))
        return Inferred((out,), (weight, *bias), constraints=constraints)

    def terms(self, at: Shapes) -> int:
        """A filter and its bias; the places that a weight meets; the filters that lie on one place and its copies."""
        out, *window = at.parameters["weight"]
        laid = out // self.groups * prod(window[1:])
        if self.padding_mode != "zeros":
            _, _, padding, _ = slid_geometry(self, at.types[0])
            laid *= prod(1 + low + high for low, high in padding)
        spread = (
            prod(window) if self.weight_standardisation else 0
        )  # what the mean of a filter's weights is made of
        return max(prod(window) + 1 + spread, at.made[0] // out + spread, laid)

    def views(self, x: TensorType) -> tuple[Views]:
        """Windows along space, and all channels of the group."""
        kernel, stride, padding, dilation = slid_geometry(self, x)
        space = surrounded_views(self.padding_mode, x, kernel, stride, padding, dilation)
        return ({**channel_views(x, self.groups), **space},)

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
            good(image, out_channels=2, kernel_size=3, padding=((2, 1), 0), stride=2),
            good(line, out_channels=2, kernel_size=2, padding=((1, 0),)),
            good(image, out_channels=2, kernel_size=3, padding=1, padding_mode="reflect", groups=2),
            good(image, out_channels=2, kernel_size=4, padding="same", padding_mode="replicate"),
            good(
                image, out_channels=2, kernel_size=3, padding=((0, 3), 2), padding_mode="circular", dilation=2
            ),
            good(line, out_channels=2, kernel_size=2, padding=5, padding_mode="reflect", stride=3),
            good(volume, out_channels=3, kernel_size=(1, 3, 2), padding=(0, 1, 1)),
            good(volume, out_channels=1, kernel_size=2, padding=(0, (1, 0), 1), padding_mode="circular"),
            good(image, out_channels=3, kernel_size=3, weight_standardisation=True),
            good(
                line,
                out_channels=3,
                kernel_size=2,
                groups=3,
                weight_standardisation=True,
                eps=1e-3,
                bias=False,
            ),
            good(
                image,
                out_channels=2,
                kernel_size=3,
                padding=((1, 0), 1),
                padding_mode="reflect",
                stride=(2, 1),
                dilation=2,
                weight_standardisation=True,
            ),
            good(image, out_channels=2, kernel_size=2, padding="same", weight_standardisation=True),
            bad("NS211", image, out_channels=4, kernel_size=40),
            bad("NS210", tensor(batch=2, feature=3), out_channels=4, kernel_size=3),
            bad("NS212", image, out_channels=4, kernel_size=(3, 3, 3)),
            bad("NS213", image, out_channels=6, kernel_size=3, groups=4),
            bad("NS214", image, out_channels=6, kernel_size=3, stride=2, padding="same"),
            bad("NS217", image, out_channels=6, kernel_size=3, padding=((1, -1), 0)),
            bad("NS241", image, out_channels=6, kernel_size=3, padding=((0, 8), 0), padding_mode="reflect"),
            bad("NS241", image, out_channels=6, kernel_size=3, padding=8, padding_mode="circular"),
            bad("NS296", image, out_channels=4, kernel_size=3, eps=1e-5),
            bad("NS297", image, out_channels=4, kernel_size=1, groups=4, weight_standardisation=True),
        ]


class ConvTranspose(Op):
    """Lay a learned filter down for every number of the input, `stride` places apart, and add up where they overlap.

    The transpose of `conv`, which makes space larger: `y[o, stride * p + dilation * k - padding]` collects
    `weight[c, o, k] * x[c, p]` over all c of o's group, p and k, and then `bias[o]`. `padding` places are cut off both
    ends of each axis. A convolution of stride s gives several sizes the same smaller one; `output_padding`, less than
    the stride or the dilation, adds places at the end to choose among them.
    """

    name: ClassVar[str] = "conv_transpose"
    main: ClassVar[str | None] = "out_channels"

    out_channels: int = Field(ge=1)
    kernel_size: Sizes
    stride: Sizes = 1
    padding: Sizes = 0
    output_padding: Sizes = 0
    dilation: Sizes = 1
    groups: int = Field(default=1, ge=1)
    bias: bool = True

    def infer(self, x: TensorType) -> Inferred:
        """Space is `(size - 1) * stride - 2 * padding + dilation * (kernel_size - 1) + output_padding + 1`."""
        entering = channels(x, self.name)
        kernel, stride, padding, extra, dilation = transposed_geometry(self, x)
        divided(entering, self.out_channels, self.groups)
        axes, constraints = [], []
        for i, axis in enumerate(x.axes[2:]):
            extent = dilation[i] * (kernel[i] - 1) + 1
            size = (axis.size - 1) * stride[i] + (extent + extra[i] - 2 * padding[i])
            something = decide(size, ">=", 1)
            if something is False:
                raise Problem(
                    "NS237",
                    f"a padding of `{padding[i]}` leaves nothing: `{axis.name}` of `{axis.size}` would become `{size}`",
                    at="padding",
                    help="use a smaller `padding`: here it makes the result smaller, as it undoes that of a `conv`",
                )
            if something is None:
                why = f"something is left along `{axis.name}` after `padding` is cut off"
                constraints.append(Constraint(size, ">=", Dim.of(1), why, at="padding"))
            axes.append(Axis(axis.name, size))
        weight = Parameter("weight", (entering, self.out_channels // self.groups, *kernel))
        bias = (Parameter("bias", (self.out_channels,)),) if self.bias else ()
        out = TensorType((x.axes[0], Axis("channel", Dim.of(self.out_channels)), *axes))
        return Inferred((out,), (weight, *bias), constraints=tuple(constraints))

    def terms(self, at: Shapes) -> int:
        """The filters that lie on one place, and the bias; the places that a weight meets; a filter."""
        count, out, *window = at.parameters["weight"]
        laid = count // self.groups * prod(window) + 1
        return max(laid, at.read[0] // count, at.made[0] // (out * self.groups), out * prod(window))

    def views(self, x: TensorType) -> tuple[Views]:
        """Along space the places whose filters reach here, and all channels of the group."""
        kernel, stride, padding, _, dilation = transposed_geometry(self, x)
        space = {
            axis.name: transposed(
                axis.name, kernel[i], stride=stride[i], padding=padding[i], dilation=dilation[i]
            )
            for i, axis in enumerate(x.axes[2:])
        }
        return (alike((BATCH,)) | channel_views(x, self.groups) | space,)

    def macs(self, inputs: tuple[TensorType, ...], outputs: tuple[TensorType, ...]) -> Dim:
        """Every input number takes one product for each weight of the filters that it meets."""
        del outputs
        (x,) = inputs
        total = Dim.of(self.out_channels // self.groups)
        for size in spatial(self.kernel_size, x, "kernel_size", least=1):
            total = total * size
        for places in x.sizes[1:]:
            total = total * places
        return total

    @staticmethod
    def samples() -> list[Sample]:
        """Every rank, overlaps and gaps, and every way to be wrong."""
        line = tensor(batch=2, channel=3, width=4)
        image = tensor(batch=2, channel=4, height=3, width=4)
        volume = tensor(batch=1, channel=2, depth=2, height=3, width=2)
        return [
            good(line, out_channels=4, kernel_size=3),
            good(image, out_channels=3, kernel_size=2, stride=2),
            good(image, out_channels=6, kernel_size=3, stride=2, padding=1, output_padding=1, groups=2),
            good(image, out_channels=2, kernel_size=(3, 2), stride=(1, 3), dilation=(2, 1), bias=False),
            good(image, out_channels=2, kernel_size=1, stride=1, dilation=2, output_padding=1),
            good(volume, out_channels=2, kernel_size=(1, 3, 2), stride=(1, 2, 2), padding=(0, 1, 0)),
            bad("NS210", tensor(batch=2, feature=3), out_channels=4, kernel_size=3),
            bad("NS212", image, out_channels=4, kernel_size=(3, 3, 3)),
            bad("NS213", image, out_channels=6, kernel_size=3, groups=4),
            bad("NS215", tensor(batch=2, time=3, height=7, width=6), out_channels=4, kernel_size=2),
            bad("NS217", image, out_channels=4, kernel_size=3, stride=0),
            bad("NS237", image, out_channels=4, kernel_size=3, padding=4),
            bad("NS238", image, out_channels=4, kernel_size=3, stride=2, output_padding=2),
        ]


def divided(entering: int, leaving: int, groups: int) -> None:
    """Problem NS213 unless the groups divide the channels that enter and those that leave."""
    if entering % groups or leaving % groups:
        raise Problem(
            "NS213",
            f"{groups} groups do not divide {entering} channels in and {leaving} out",
            at="groups" if entering % groups else "out_channels",
            help="choose `groups` so that it divides both numbers of channels",
        )


def _standardisable(op: Conv, count: int) -> None:
    """Problem NS296 for an `eps` that nothing uses, NS297 for filters of one weight, of which nothing is left."""
    if not op.weight_standardisation and op.eps != STANDARDISED_EPS:
        raise Problem(
            "NS296",
            f"`eps: {op.eps:g}` without `weight_standardisation`, which alone would use it",
            at="eps",
            help="write `weight_standardisation: true`, or leave `eps` out",
        )
    if op.weight_standardisation and count == 1:
        raise Problem(
            "NS297",
            "each filter has `1` weight, which is its own mean: standardised it is 0",
            at="weight_standardisation",
            help="leave `weight_standardisation` out here, or use a larger `kernel_size` or fewer `groups`",
        )


def transposed_geometry(op: ConvTranspose, x: TensorType) -> tuple[tuple[int, ...], ...]:
    """Kernel, stride, padding, output padding and dilation, one number for each axis of space.

    Problem NS238 for an output padding that reaches both the stride and the dilation: nothing would ever be written
    there, and PyTorch refuses it.
    """
    kernel = spatial(op.kernel_size, x, "kernel_size", least=1)
    stride = spatial(op.stride, x, "stride", least=1)
    padding = spatial(op.padding, x, "padding", least=0)
    extra = spatial(op.output_padding, x, "output_padding", least=0)
    dilation = spatial(op.dilation, x, "dilation", least=1)
    for one, step, gap in zip(extra, stride, dilation, strict=True):
        if one >= max(step, gap):
            raise Problem(
                "NS238",
                f"an `output_padding` of `{one}` is not less than the stride `{step}` or the dilation `{gap}`",
                at="output_padding",
                help=f"use `output_padding: {max(step, gap) - 1}` or less, or `pad` after this layer",
            )
    return kernel, stride, padding, extra, dilation


def channel_views(x: TensorType, groups: int) -> dict[str, View]:
    """What a channel of a convolution sees of those that come in."""
    return {x.names[1]: EVERYTHING if groups == 1 else scattered(CHANNEL)}
