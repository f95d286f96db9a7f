"""Norms of single samples, over the axes that are named."""

from collections.abc import Iterable
from functools import reduce
from math import inf, prod, sqrt
from operator import mul
from typing import ClassVar

from pydantic import Field

from netspec.ir.dim import Dim
from netspec.ir.facts import Facts
from netspec.ir.op import Constraint, Inferred, Op, Parameter, Sample, bad, good
from netspec.ir.problem import Problem
from netspec.ir.terms import Shapes
from netspec.ir.types import BATCH, TensorType, tensor
from netspec.ir.view import EVERYTHING, Views, alike
from netspec.ops.axes import Axes, listed, positions
from netspec.ops.elementwise import floating


class AxisNorm(Op):
    """What `layer_norm` and `rms_norm` share: the axes they measure, and weights for every place along them."""

    main: ClassVar[str | None] = "axis"
    normalises: ClassVar[bool] = True

    axis: Axes = None
    """The axis or axes that are measured together; it may be left out where there is one besides the batch."""

    def over(self, x: TensorType) -> tuple[int, ...]:
        """The positions of the axes that are measured, in the order of the input's axes."""
        if not x.batched or x.rank < 2:
            raise Problem(
                "NS254",
                f"`{self.name}` measures a sample along its axes, and this has none: {x.named()}",
                at=0,
                help="give it a value with an axis besides the batch, such as the output of `linear`",
            )
        if self.axis is None and x.rank > 2:
            raise Problem(
                "NS276",
                f"`{self.name}` of {x.named()} does not say over which axes",
                help=f"`- {self.name}: {x.names[1]}` measures each place by itself, as ConvNeXt does; "
                f"`- {self.name}: [{', '.join(x.names[1:])}]` the whole sample",
            )
        if self.axis is None:
            return (1,)
        if BATCH in ((self.axis,) if isinstance(self.axis, str) else self.axis):
            raise Problem(
                "NS256",
                f"`{self.name}` over the batch would mix samples",
                at="axis",
                help=f"name some of {listed(x, 1)}; `batch_norm` measures batches",
            )
        if not self.axis:
            raise Problem(
                "NS276", f"`{self.name}` over no axis", at="axis", help=f"name some of {listed(x, 1)}"
            )
        return positions(x, self.axis, self.name)

    def weight_shape(self, x: TensorType) -> tuple[int, ...]:
        """The sizes of the axes that are measured; Problem where one is free."""
        sizes = []
        for i in self.over(x):
            size = x.sizes[i].value
            if size is None:
                raise Problem(
                    "NS216",
                    f"`{self.name}` learns a weight for each place along `{x.names[i]}`, and its size {x.sizes[i]} "
                    "is free",
                    at=0,
                    help="write `elementwise_affine: false`, name other axes, or write a number in the input's `shape`",
                )
            sizes.append(size)
        return tuple(sizes)

    def enough(self, x: TensorType) -> tuple[Constraint, ...]:
        """More than one number must be measured together; Problem where it is known that there is but one."""
        return more_than_one([x.sizes[i] for i in self.over(x)], self.name)

    def terms(self, at: Shapes) -> int:
        """What is measured together; the places that a weight meets."""
        together = prod(at.inputs[0][i] for i in self.over(at.types[0]))
        return max(together, at.read[0] // together if at.parameters else 1)

    def views(self, x: TensorType) -> tuple[Views]:
        """All along the axes that are measured, one place along the others."""
        return (alike(x.names) | {x.names[i]: EVERYTHING for i in self.over(x)},)


class LayerNorm(AxisNorm):
    """Give the numbers along the named axes of every sample mean 0 and variance 1 (Ba, Kiros, Hinton 2016).

    `y = (x - mean) / sqrt(var + eps) * weight + bias`, mean and var (which divides by the count) over all the named
    axes at once, for each place along the others by itself, in training and in evaluation alike. weight and bias hold
    one number for each place along the named axes, which they take in the order of the input's axes.

    `layer_norm: channel` of an image is the `LayerNorm2d` of ConvNeXt; `layer_norm: [channel, height, width]` is
    `nn.LayerNorm([C, H, W])`; of `[batch, feature]` a bare `layer_norm` is `nn.LayerNorm(F)`. Where the named axes are
    the last ones, their sizes are PyTorch's `normalized_shape`; other axes are brought there and back.
    """

    name: ClassVar[str] = "layer_norm"

    eps: float = Field(default=1e-5, gt=0, allow_inf_nan=False)
    elementwise_affine: bool = True
    """Whether a learned scale (`weight`) and shift (`bias`) follow."""
    bias: bool = True
    """Whether there is a shift beside the scale."""

    @property
    def shifts(self) -> bool:
        """Whether a bias is learned."""
        return self.elementwise_affine and self.bias

    def infer(self, x: TensorType) -> Inferred:
        """The axes stay, the unit goes. Without weights no number is beyond `sqrt(count - 1)`, and order stays."""
        floating(x, self.name, 0)
        over = self.over(x)
        parameters: tuple[Parameter, ...] = ()
        if self.elementwise_affine:
            parameters = (Parameter("weight", self.weight_shape(x)),)
            parameters += (Parameter("bias", self.weight_shape(x)),) if self.bias else ()
        facts = Facts() if self.elementwise_affine else standardised(x, over)
        return Inferred((TensorType(x.axes, facts=facts),), parameters, constraints=self.enough(x))

    @staticmethod
    def samples() -> list[Sample]:
        """Channels alone, whole samples, last axes, axes named in another order, without weights, and bad axes."""
        image = tensor(batch=2, channel=3, height=2, width=4)
        order = Facts(low=-1, high=3, nondecreasing="bin")
        return [
            good(tensor(batch=3, feature=5)),
            good(tensor(batch=3, feature=5, unit="ml"), bias=False),
            good(image, axis="channel", eps=1e-6),
            good(image, axis=("channel", "height", "width")),
            good(image, axis=("height", "width"), elementwise_affine=False),
            good(image, axis=("width", "channel")),
            good(image, axis=("height",), bias=False),
            good(tensor(batch=2, slice=3, feature=4), axis="feature"),
            good(tensor(batch=2, time=3, bin=4, facts=order), axis="bin", elementwise_affine=False),
            good(tensor(batch=2, time=3, bin=4, facts=order), axis="time", elementwise_affine=False),
            good(tensor(batch=1, channel=2, depth=2, height=2, width=3), axis="channel"),
            bad("NS216", tensor(batch=2, channel=3, height="H", width=4), axis=("channel", "height")),
            bad("NS253", image, axis="time"),
            bad("NS254", tensor(batch=4)),
            bad("NS254", tensor(feature=4)),
            bad("NS256", image, axis=("batch", "channel")),
            bad("NS258", image, axis=("height", "height")),
            bad("NS276", image),
            bad("NS276", image, axis=()),
            bad("NS277", tensor(batch=2, channel=1, height=2, width=4), axis="channel"),
            bad("NS310", tensor("int64", batch=4, feature=3)),
        ]


class RmsNorm(AxisNorm):
    """Divide the numbers along the named axes by the root of their mean square (Zhang and Sennrich 2019).

    `y = x / sqrt(mean(x ** 2) + eps) * weight`, the mean over all the named axes at once: a `layer_norm` that takes no
    mean away. weight holds one number for each place along the named axes, which it takes in the order of the input's
    axes; those at the end are the `normalized_shape` of `nn.RMSNorm`. Without `eps` PyTorch takes the gap above 1 of
    the numbers' floating type, so that a network is another one in another precision; here it is 2^-23 in all of them,
    what PyTorch takes in single precision.
    """

    name: ClassVar[str] = "rms_norm"
    normalises: ClassVar[bool] = True

    eps: float = Field(default=2.0**-23, gt=0, allow_inf_nan=False)
    elementwise_affine: bool = True
    """Whether a learned scale (`weight`) follows."""

    def infer(self, x: TensorType) -> Inferred:
        """The axes stay, the unit goes. Without a weight no number is beyond `sqrt(count)`; sign and order stay."""
        floating(x, self.name, 0)
        over = self.over(x)
        parameters = (Parameter("weight", self.weight_shape(x)),) if self.elementwise_affine else ()
        facts = Facts() if self.elementwise_affine else _scaled(x, over)
        return Inferred((TensorType(x.axes, facts=facts),), parameters, constraints=self.enough(x))

    @staticmethod
    def samples() -> list[Sample]:
        """Channels alone, whole samples, last axes, without a weight, signs and order, and bad axes."""
        image = tensor(batch=2, channel=3, height=2, width=4)
        return [
            good(tensor(batch=3, feature=5)),
            good(image, axis="channel", eps=1e-6),
            good(image, axis=("channel", "height", "width")),
            good(image, axis=("height", "width"), elementwise_affine=False),
            good(
                tensor(batch=2, bin=4, unit="ml", facts=Facts(low=0, high=3, nondecreasing="bin")),
                elementwise_affine=False,
            ),
            good(tensor(batch=2, time=3, bin=4, facts=Facts(high=-1)), axis="bin", elementwise_affine=False),
            bad("NS216", tensor(batch=2, channel=3, height="H", width=4), axis=("channel", "height")),
            bad("NS253", image, axis="time"),
            bad("NS254", tensor(batch=4)),
            bad("NS256", image, axis=("batch", "channel")),
            bad("NS276", image),
            bad("NS277", tensor(batch=2, feature=1)),
            bad("NS310", tensor("bool", batch=4, feature=3)),
        ]


def standardised(x: TensorType, over: tuple[int, ...]) -> Facts:
    """What is true of numbers with mean 0 and variance at most 1 over these axes.

    With mean 0, `z = -(sum of the n - 1 others)`, so z^2 <= (n - 1) * (sum of their squares) <= (n - 1) * (n - z^2) by
    Cauchy and Schwarz, and z^2 <= n - 1. One factor and one shift for all keep their order.
    """
    count = product([x.sizes[i] for i in over]).value
    most = inf if count is None else sqrt(max(count - 1, 0))
    return Facts(low=-most, high=most, nondecreasing=_order(x, over))


def _scaled(x: TensorType, over: tuple[int, ...]) -> Facts:
    """What is true of numbers whose squares have a mean of at most 1: none is larger than the sum of all squares."""
    count = product([x.sizes[i] for i in over]).value
    most = inf if count is None else sqrt(count)
    low, high = 0.0 if x.facts.low >= 0 else -most, 0.0 if x.facts.high <= 0 else most
    return Facts(low=low, high=high, nondecreasing=_order(x, over))


def _order(x: TensorType, over: tuple[int, ...]) -> str | None:
    """The axis along which numbers do not fall before and after one factor and one shift for all of `over`."""
    return x.facts.nondecreasing if x.facts.nondecreasing in {x.names[i] for i in over} else None


def product(sizes: Iterable[Dim]) -> Dim:
    """How many numbers axes of these sizes hold."""
    return reduce(mul, sizes, Dim.of(1))


def more_than_one(sizes: Iterable[Dim], op: str, *, training: bool = False) -> tuple[Constraint, ...]:
    """The constraint that a norm measures more than one number; Problem NS277 where it is known to be one."""
    count = product(sizes)
    if count.value is None:
        return (Constraint(count, ">", Dim.of(1), "a norm measures more than one number", training),)
    if count.value == 1:
        raise Problem(
            "NS277",
            f"`{op}` would measure one number by itself",
            help="its mean is that number, and nothing of it is left: measure over other axes, or leave the norm out",
        )
    return ()
