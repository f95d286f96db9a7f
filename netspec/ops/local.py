"""Local connections: windows as in a convolution, and at every place a filter of its own."""

from math import prod
from typing import ClassVar

from pydantic import Field

from netspec.ir.dim import Dim
from netspec.ir.op import Inferred, Op, Parameter, Sample, bad, good
from netspec.ir.problem import Problem
from netspec.ir.record import Sizes
from netspec.ir.terms import Shapes
from netspec.ir.types import Axis, TensorType, tensor
from netspec.ir.view import EVERYTHING, Views
from netspec.ops.sliding import PaddingMode, slid_geometry, surrounded, surrounded_views
from netspec.ops.window import Padding, channels, window_axes


class LocallyConnected(Op):
    """Slide windows over the input as `conv` does, with filters that every place has for itself.

    `y[o, p] = bias[o, p] + sum over c, k of weight[o, p, c, k] * x[c, stride * p + dilation * k - padding]`: a unit
    sees what lies near it, and shares its weights with no other (Y. LeCun, Generalization and Network Design
    Strategies, 1989; the upper layers of DeepFace, Y. Taigman and others, 2014). It learns what stands where, and fits
    aligned pictures of one size alone. `padding` and `padding_mode` are those of `conv`. `weight` keeps one row
    `[channel, *kernel_size]` for each number of `[out_channels, *places]`, in this order.

    Eight maps of 24x24 from a picture of 1x28x28: `conv` with windows of 5x5 has 208 parameters, `locally_connected` of
    the same windows 119,808, and `linear` 3,617,280.
    """

    name: ClassVar[str] = "locally_connected"
    main: ClassVar[str | None] = "out_channels"

    out_channels: int = Field(ge=1)
    kernel_size: Sizes
    stride: Sizes = 1
    padding: Padding = 0
    padding_mode: PaddingMode = "zeros"
    dilation: Sizes = 1
    bias: bool = True
    """Whether a learned number is added to every output, to each its own."""

    def infer(self, x: TensorType) -> Inferred:
        """Sizes are those of `conv`, and must be fixed: each place keeps `channel * kernel_size` weights an output."""
        entering = channels(x, self.name)
        kernel, stride, padding, dilation = slid_geometry(self, x)
        axes, constraints = window_axes(x, kernel, stride, padding, dilation)
        constraints += surrounded(self.padding_mode, x, padding)
        places = tuple(_fixed(self.name, axis) for axis in axes)
        made = (self.out_channels, *places)
        weight = Parameter("weight", (prod(made), entering, *kernel))
        bias = (Parameter("bias", made),) if self.bias else ()
        out = TensorType((x.axes[0], Axis("channel", Dim.of(self.out_channels)), *axes))
        return Inferred((out,), (weight, *bias), constraints=constraints)

    def terms(self, at: Shapes) -> int:
        """A filter and its bias; the samples; the filters that lie on one place and its copies."""
        _, *window = at.parameters["weight"]
        _, _, padding, _ = slid_geometry(self, at.types[0])
        copies = prod(1 + low + high for low, high in padding) if self.padding_mode != "zeros" else 1
        return max(prod(window) + 1, at.inputs[0][0], self.out_channels * prod(window[1:]) * copies)

    def views(self, x: TensorType) -> tuple[Views]:
        """Windows along space, and all channels."""
        kernel, stride, padding, dilation = slid_geometry(self, x)
        space = surrounded_views(self.padding_mode, x, kernel, stride, padding, dilation)
        return ({x.names[1]: EVERYTHING, **space},)

    def macs(self, inputs: tuple[TensorType, ...], outputs: tuple[TensorType, ...]) -> Dim:
        """Every output number takes one product for each weight of its filter."""
        (x,), (y,) = inputs, outputs
        kernel, _, _, _ = slid_geometry(self, x)
        total = Dim.of(channels(x, self.name) * prod(kernel))
        for size in y.sizes[1:]:
            total = total * size
        return total

    @staticmethod
    def samples() -> list[Sample]:
        """Every rank, every way to pad, and every way to be wrong."""
        line = tensor(batch=2, channel=3, width=5)
        image = tensor(batch=2, channel=2, height=5, width=4)
        volume = tensor(batch=1, channel=1, depth=3, height=3, width=2)
        return [
            good(line, out_channels=2, kernel_size=3),
            good(image, out_channels=3, kernel_size=3, stride=2, padding=1),
            good(image, out_channels=2, kernel_size=(3, 2), stride=(1, 2), dilation=(2, 1), bias=False),
            good(image, out_channels=1, kernel_size=2, padding="same"),
            good(
                image, out_channels=1, kernel_size=3, padding=((2, 0), 1), padding_mode="replicate", stride=2
            ),
            good(line, out_channels=2, kernel_size=3, padding=1, padding_mode="circular"),
            good(volume, out_channels=2, kernel_size=(1, 3, 2), padding=(0, 1, 0)),
            bad("NS210", tensor(batch=2, feature=3), out_channels=4, kernel_size=3),
            bad("NS211", image, out_channels=4, kernel_size=40),
            bad("NS212", image, out_channels=4, kernel_size=(3, 3, 3)),
            bad("NS214", image, out_channels=6, kernel_size=3, stride=2, padding="same"),
            bad("NS215", tensor(batch=2, time=3, height=7, width=6), out_channels=4, kernel_size=2),
            bad("NS216", tensor(batch=2, channel=2, height="H", width=6), out_channels=4, kernel_size=2),
            bad("NS217", image, out_channels=6, kernel_size=3, padding=((1, -1), 0)),
            bad("NS241", image, out_channels=6, kernel_size=3, padding=5, padding_mode="reflect"),
        ]


def _fixed(op: str, axis: Axis) -> int:
    """How many places an axis of the result has; Problem NS216 where that is not known."""
    if axis.size.value is None:
        raise Problem(
            "NS216",
            f"`{op}` has weights of its own for every place, and `{axis.name}` has the free size {axis.size} here",
            at=0,
            help="write the size as a number in the input's `shape`, or use `conv`, whose weights fit any size",
        )
    return axis.size.value
