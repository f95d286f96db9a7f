"""Bringing numbers to another scale: grey values to a range, quantities to another unit, channels as is learned."""

from dataclasses import replace
from math import isfinite, prod
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BeforeValidator, Field

from netspec.ir import units
from netspec.ir.facts import Facts
from netspec.ir.op import Inferred, Op, Parameter, Sample, bad, good
from netspec.ir.problem import Problem
from netspec.ir.record import Numbers
from netspec.ir.terms import Shapes
from netspec.ir.types import TensorType, tensor
from netspec.ops.axes import along
from netspec.ops.elementwise import floating

LAYER_SCALE = 1e-6
"""Where the factors of `layer_scale` start: nearly nothing of a branch is there at first."""


def _unit(text: str) -> str:
    """A unit in its normal form; ValueError with the words there are."""
    found = units.read(text)
    if found is None or units.told(found) is None:
        words = ", ".join(units.WORDS)
        raise ValueError(f"{text!r} is no unit? A unit is one of {words}, or a product of them such as ml/s")
    return str(found)


def _no_number(axis: Any) -> Any:
    """An axis; a number is what other libraries start the factors from, and has its place beside the op."""
    if isinstance(axis, (int, float)):
        message = (
            f"{axis!r} is no axis? Say how factors start beside it: `init: {{weight: {{constant: {axis}}}}}`"
        )
        raise ValueError(message)  # noqa: TRY004 - pydantic makes a message of a ValueError alone
    return axis


class Rescale(Op):
    """Shift and stretch by fixed numbers: `y = (x - mean) / std`, on any axes.

    With `to: [low, high]` the two numbers are those that bring the input's declared range to that one. Nothing is
    learned or measured here; the unit is gone.
    """

    name: ClassVar[str] = "rescale"
    pointwise: ClassVar[bool] = True

    mean: float = Field(default=0.0, allow_inf_nan=False)
    """What is taken away."""
    std: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    """What is divided by then."""
    to: Numbers | None = None

    def infer(self, x: TensorType) -> Inferred:
        """The same axes; bounds are carried over, and what does not fall still does not."""
        floating(x, self.name, 0)
        mean, std = self.numbers(x)
        low, high = (x.facts.low - mean) / std, (x.facts.high - mean) / std
        facts = Facts(low=low, high=high, nondecreasing=x.facts.nondecreasing)
        return Inferred((TensorType(x.axes, "float32", facts),))

    def numbers(self, x: TensorType) -> tuple[float, float]:
        """The mean and std that are applied to `x`; Problem where `to` cannot be worked out."""
        if self.to is None:
            return self.mean, self.std
        if self.model_fields_set & {"mean", "std"}:
            raise Problem(
                "NS255", "`to` beside `mean` or `std`", at="to", help="give `to` alone, or `mean` and `std`"
            )
        if len(self.to) != 2 or not self.to[0] < self.to[1]:
            raise Problem(
                "NS255",
                f"`to` is {list(self.to)}, no range",
                at="to",
                help="write `to: [0, 1]`, the lower end first",
            )
        low, high = x.facts.low, x.facts.high
        if not (isfinite(low) and isfinite(high) and low < high):
            raise Problem(
                "NS255",
                "`to` needs the range of the input, which is not known here",
                at="to",
                help="declare `range: [0, 255]` at the input, or give `mean` and `std`",
            )
        std = (high - low) / (self.to[1] - self.to[0])
        return low - self.to[0] * std, std

    @staticmethod
    def samples() -> list[Sample]:
        """By numbers, to a range, a curve, and ranges that are none."""
        image = tensor(batch=2, channel=3, height=2, width=2, facts=Facts(low=0, high=255))
        free = tensor(batch=2, channel=3)
        return [
            good(image, mean=128.0, std=128.0),
            good(free, mean=-0.5),
            good(free, std=2.5),
            good(image, to=(-1.0, 1.0)),
            good(tensor(batch=2, bin=4, facts=Facts(low=0, high=1, nondecreasing="bin")), mean=0.5, std=0.5),
            bad("NS255", free, to=(0.0, 1.0)),
            bad("NS255", image, to=(1.0, 0.0)),
            bad("NS255", image, to=(0.0, 1.0), mean=3.0),
            bad("NS310", tensor("int64", batch=2, facts=Facts(low=0, high=4, classes=5)), mean=1.0),
        ]


class Convert(Op):
    """Say the same in another unit: `convert: ml` of a value in mm3 multiplies by 0.001.

    The unit of the input must be known and measure the same; a year has 365.25 days of 86,400 s. A unit is a word of
    the language or a product of such: `mm2`, `ml/s`, `1/s`.
    """

    name: ClassVar[str] = "convert"
    pointwise: ClassVar[bool] = True
    main: ClassVar[str | None] = "to"
    words: ClassVar[tuple[str, ...]] = ("to",)

    to: Annotated[str, AfterValidator(_unit)]
    """The unit of the result: a word of the language, or a product of such."""

    def infer(self, x: TensorType) -> Inferred:
        """The same axes in the other unit; bounds are carried over, and what does not fall still does not."""
        floating(x, self.name, 0)
        by = self.factor(x)
        facts = Facts(low=x.facts.low * by, high=x.facts.high * by, nondecreasing=x.facts.nondecreasing)
        return Inferred((TensorType(x.axes, "float32", facts, self.to),))

    def factor(self, x: TensorType) -> float:
        """By what numbers of `x` are multiplied; NS334 without a unit, NS335 for one that measures otherwise."""
        if x.unit is None:
            raise Problem(
                "NS334",
                f"`convert` to `{self.to}` of a value whose unit is not known",
                at=0,
                help="say beside the layer that makes it what its unit is: `as: {unit: mm3}`",
            )
        by = units.factor(x.unit, self.to)
        if by is None:
            can = ", ".join(f"`{one}`" for one in units.alike(x.unit)) or "nothing else"
            raise Problem(
                "NS335",
                f"`convert` to `{self.to}` of a value in `{x.unit}`: they do not measure the same",
                at="to",
                help=f"`{x.unit}` can become {can}; a wrong unit comes from a factor too many or too few before this",
            )
        return by

    @staticmethod
    def samples() -> list[Sample]:
        """Volumes, lengths, times, a rate, a curve, and what cannot be."""
        return [
            good(tensor(batch=3, unit="mm3", facts=Facts(low=0, high=6e5)), to="ml"),
            good(tensor(batch=2, slice=3, unit="cm"), to="mm"),
            good(tensor(batch=2, unit="s"), to="ms"),
            good(tensor(batch=2, unit="ml/s"), to="ml/ms"),
            good(
                tensor(batch=2, bin=4, unit="ml", facts=Facts(low=0, high=1, nondecreasing="bin")), to="mm3"
            ),
            bad("NS334", tensor(batch=3), to="ml"),
            bad("NS335", tensor(batch=3, unit="mm2"), to="ml"),
            bad("NS310", tensor("int64", batch=2, unit="mm", facts=Facts(low=0, high=4, classes=5)), to="cm"),
        ]


class LayerScale(Op):
    """Multiply every channel by a factor of its own that is learned: `y = x * weight` (Touvron and others 2021).

    It stands at the end of a residual branch, before it is added to what went around. weight starts at 1e-6, as in
    ConvNeXt, so that a deep network is nearly the identity at first. There is one factor for each place along `axis`,
    the first axis after the batch unless it is named. weight has an axis of 1 for each that follows: `[C, 1, 1]` for
    images, as torchvision's `layer_scale` has it, and `[F]` for a last axis, as timm's `gamma` has it.
    """

    name: ClassVar[str] = "layer_scale"
    main: ClassVar[str | None] = "axis"
    pointwise: ClassVar[bool] = True

    axis: Annotated[str | None, BeforeValidator(_no_number)] = None
    """The axis each place of which has a factor."""

    def infer(self, x: TensorType) -> Inferred:
        """The axes and unit stay; nothing is known of numbers times what is learned."""
        floating(x, self.name, 0)
        at = along(x, self.axis, self.name)
        size = x.sizes[at].value
        if size is None:
            raise Problem(
                "NS216",
                f"`layer_scale` learns a factor for each place along `{x.names[at]}`, and its size {x.sizes[at]} "
                "is free",
                at=0,
                help="name another `axis`, or write a number in the input's `shape`",
            )
        weight = Parameter("weight", (size, *[1] * (x.rank - at - 1)))
        return Inferred((replace(x, facts=Facts()),), (weight,))

    def terms(self, at: Shapes) -> int:
        """The numbers that one factor meets."""
        return at.read[0] // prod(at.parameters["weight"])

    @staticmethod
    def samples() -> list[Sample]:
        """Channels of images and rows, a last axis, a unit, and axes that are not there, free, or the batch."""
        image = tensor(batch=2, channel=3, height=2, width=4)
        return [
            good(image),
            good(tensor(batch=3, feature=5, unit="ml", facts=Facts(low=0, high=1, sums_to_one="feature"))),
            good(tensor(batch=2, slice=3, feature=4), axis="feature"),
            good(image, axis="height"),
            bad("NS216", tensor(batch=2, channel="C", width=4)),
            bad("NS253", image, axis="time"),
            bad("NS254", tensor(batch=3)),
            bad("NS256", image, axis="batch"),
            bad("NS310", tensor("int64", batch=4, feature=3)),
        ]
