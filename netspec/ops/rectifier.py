"""Activations made of pieces: straight lines and exponentials that meet, most of them with a corner."""

import math
from dataclasses import replace
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from netspec.ir.facts import Facts
from netspec.ir.op import Inferred, Noise, Op, Parameter, Sample, bad, good
from netspec.ir.problem import Problem
from netspec.ir.terms import Shapes
from netspec.ir.types import TensorType, tensor
from netspec.ops import interval
from netspec.ops.curve import dipped, risen
from netspec.ops.elementwise import floating
from netspec.ops.norm import normalised_channels

SELU_ALPHA = 1.6732632423543772848170429916717
SELU_SCALE = 1.0507009873554804934193349852946
"""With these numbers mean 0 and variance 1 stay what they are (Klambauer and others 2017)."""


class Relu6(Op):
    """Cut off what is negative, and what is above 6: `y = min(max(x, 0), 6)`. The slope at 0 and at 6 is 0."""

    name: ClassVar[str] = "relu6"
    pointwise: ClassVar[bool] = True

    def infer(self, x: TensorType) -> Inferred:
        """The axes and unit stay; the numbers lie in [0, 6], and what never falls still never falls."""
        floating(x, self.name, 0)
        return Inferred((replace(x, facts=risen(x, lambda value: min(max(value, 0.0), 6.0))),))

    @staticmethod
    def samples() -> list[Sample]:
        """Any axes, and numbers on both sides of both corners."""
        return [
            good(tensor(batch=2, channel=3, height=3, width=2)),
            good(tensor(batch=3, bin=8, facts=Facts(low=-4, high=12, nondecreasing="bin"), unit="ml")),
            bad("NS310", tensor("int64", batch=2, channel=3)),
        ]


class Hardtanh(Op):
    """Hold numbers within limits: `y = min(max(x, min_val), max_val)`. The slope is 0 at the limits and beyond."""

    name: ClassVar[str] = "hardtanh"
    pointwise: ClassVar[bool] = True

    min_val: float = Field(default=-1.0, allow_inf_nan=False)
    """The least that comes out."""
    max_val: float = Field(default=1.0, allow_inf_nan=False)
    """The most that comes out."""

    def infer(self, x: TensorType) -> Inferred:
        """The axes and unit stay; the numbers lie within the limits, and what never falls still never falls."""
        floating(x, self.name, 0)
        if not self.min_val < self.max_val:
            raise Problem(
                "NS260",
                f"`hardtanh` from `{self.min_val:g}` to `{self.max_val:g}` leaves no room",
                at="max_val",
                help="`min_val` is less than `max_val`",
            )
        facts = risen(x, lambda value: min(max(value, self.min_val), self.max_val))
        return Inferred((replace(x, facts=facts),))

    @staticmethod
    def samples() -> list[Sample]:
        """The usual limits and others, bounds, and limits that are none."""
        row = tensor(batch=2, channel=6)
        return [
            good(row),
            good(row, min_val=-0.5, max_val=0.75),
            good(tensor(batch=2, bin=4, facts=Facts(low=-1, high=3, nondecreasing="bin")), max_val=2.0),
            bad("NS260", row, min_val=1.0),
            bad("NS310", tensor("bool", batch=2, channel=3)),
        ]


class Hardsigmoid(Op):
    """A sigmoid of straight lines, `y = min(max(x + 3, 0), 6) / 6`, within [0, 1] (Howard and others 2019)."""

    name: ClassVar[str] = "hardsigmoid"
    pointwise: ClassVar[bool] = True

    def infer(self, x: TensorType) -> Inferred:
        """The axes stay, the unit goes; the numbers lie in [0, 1], and rising numbers become a cdf."""
        floating(x, self.name, 0)
        return Inferred((TensorType(x.axes, facts=risen(x, lambda t: min(max(t + 3, 0.0), 6.0) / 6)),))

    @staticmethod
    def samples() -> list[Sample]:
        """Any numbers, and numbers in order on both sides of both corners."""
        return [
            good(tensor(batch=2, channel=3, width=5)),
            good(tensor(batch=2, bin=8, facts=Facts(low=-5, high=5, nondecreasing="bin"))),
            bad("NS310", tensor("int64", batch=2)),
        ]


class Hardswish(Op):
    """The number times its hardsigmoid: `y = x * min(max(x + 3, 0), 6) / 6` (Howard and others 2019).

    It is x from 3 on and 0 up to -3; the slope is 1 at 3 and 0 at -3.
    """

    name: ClassVar[str] = "hardswish"
    pointwise: ClassVar[bool] = True

    def infer(self, x: TensorType) -> Inferred:
        """The axes stay, the unit goes; nothing is below -0.375, which is reached at -1.5."""
        floating(x, self.name, 0)
        return Inferred((TensorType(x.axes, facts=dipped(x, _hardswish, -1.5)),))

    @staticmethod
    def samples() -> list[Sample]:
        """Any numbers, and bounds on each side of the lowest place."""
        return [
            good(tensor(batch=2, channel=3, height=3, width=2)),
            good(tensor(batch=2, bin=8, facts=Facts(low=-5, high=5, nondecreasing="bin"))),
            good(tensor(batch=2, bin=4, facts=Facts(low=-1, high=4, nondecreasing="bin"))),
            good(tensor(batch=2, bin=4, facts=Facts(high=-2, nondecreasing="bin"))),
            bad("NS310", tensor("int64", batch=2, channel=3)),
        ]


class Elu(Op):
    """An exponential below zero: `y = x` where x > 0, else `alpha * (exp(x) - 1)` (Clevert and others 2016)."""

    name: ClassVar[str] = "elu"
    main: ClassVar[str | None] = "alpha"
    pointwise: ClassVar[bool] = True

    alpha: float = Field(default=1.0, ge=0, allow_inf_nan=False)
    """What the negative side goes to, with its sign changed."""

    def infer(self, x: TensorType) -> Inferred:
        """The axes stay, the unit goes; nothing is below -alpha, and order is kept."""
        floating(x, self.name, 0)
        facts = risen(x, lambda t: t if t > 0 else self.alpha * math.expm1(t))
        return Inferred((TensorType(x.axes, facts=facts),))

    @staticmethod
    def samples() -> list[Sample]:
        """The usual alpha and others, and bounds."""
        row = tensor(batch=2, channel=6)
        return [
            good(row),
            good(row, alpha=0.5),
            good(row, alpha=0.0),
            good(tensor(batch=2, bin=4, facts=Facts(low=-2, high=1, nondecreasing="bin")), alpha=2.0),
            bad("NS310", tensor("int64", batch=2, channel=3)),
        ]


class Celu(Op):
    """An elu whose slope is 1 at 0 for any alpha: `alpha * (exp(x / alpha) - 1)` where x <= 0 (Barron 2017)."""

    name: ClassVar[str] = "celu"
    main: ClassVar[str | None] = "alpha"
    pointwise: ClassVar[bool] = True

    alpha: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    """What the negative side goes to, with its sign changed."""

    def infer(self, x: TensorType) -> Inferred:
        """The axes stay, the unit goes; nothing is below -alpha, and order is kept."""
        floating(x, self.name, 0)
        facts = risen(x, lambda t: t if t > 0 else self.alpha * math.expm1(t / self.alpha))
        return Inferred((TensorType(x.axes, facts=facts),))

    @staticmethod
    def samples() -> list[Sample]:
        """The usual alpha and another, and bounds."""
        row = tensor(batch=2, channel=6)
        return [
            good(row),
            good(row, alpha=0.5),
            good(tensor(batch=2, bin=4, facts=Facts(low=-2, high=1, nondecreasing="bin")), alpha=2.0),
            bad("NS310", tensor("int64", batch=2, channel=3)),
        ]


class Selu(Op):
    """An elu, stretched so that mean 0 and variance 1 stay: `scale * elu(x, alpha)` (Klambauer and others 2017).

    scale is 1.0507... and alpha 1.6733...; the slope at 0 is that of the negative side.
    """

    name: ClassVar[str] = "selu"
    pointwise: ClassVar[bool] = True

    def infer(self, x: TensorType) -> Inferred:
        """The axes stay, the unit goes; nothing is below -scale * alpha, and order is kept."""
        floating(x, self.name, 0)
        facts = risen(x, lambda t: SELU_SCALE * (t if t > 0 else SELU_ALPHA * math.expm1(t)))
        return Inferred((TensorType(x.axes, facts=facts),))

    @staticmethod
    def samples() -> list[Sample]:
        """Any numbers, and bounds."""
        return [
            good(tensor(batch=2, channel=6)),
            good(tensor(batch=2, bin=4, facts=Facts(low=-2, high=1, nondecreasing="bin"))),
            bad("NS310", tensor("int64", batch=2, channel=3)),
        ]


class Prelu(Op):
    """A leaky relu that learns its slope: `y = x` where x > 0, else `weight * x` (He and others 2015).

    There is one weight, or with `prelu: channel` one for each channel. It starts at 0.25; weight decay would pull it
    to 0.
    """

    name: ClassVar[str] = "prelu"
    main: ClassVar[str | None] = "per"
    pointwise: ClassVar[bool] = True

    per: Literal["layer", "channel"] = "layer"
    """What has a weight of its own."""

    def infer(self, x: TensorType) -> Inferred:
        """The axes and unit stay, and with them all that is known of numbers that are never negative."""
        floating(x, self.name, 0)
        count = 1 if self.per == "layer" else normalised_channels(x, self.name)
        out = x if x.facts.low >= 0 else replace(x, facts=Facts())
        return Inferred((out,), (Parameter("weight", (count,)),))

    def terms(self, at: Shapes) -> int:
        """The numbers that one slope meets."""
        return at.read[0] // at.parameters["weight"][0]

    @staticmethod
    def samples() -> list[Sample]:
        """One weight and one for each channel, of images and rows, and numbers of which it changes nothing."""
        image = tensor(batch=2, channel=3, height=3, width=2)
        return [
            good(image),
            good(image, per="channel"),
            good(tensor(batch=2, feature=4, unit="ml"), per="channel"),
            good(tensor(batch=3, time=2, bin=4)),
            good(tensor(batch=3, bin=4, facts=Facts(low=0, high=1, sums_to_one="bin"))),
            bad("NS215", tensor(batch=2, time=3, height=3, width=2), per="channel"),
            bad("NS223", tensor(batch=2), per="channel"),
            bad("NS310", tensor("int64", batch=2, channel=3)),
        ]


class Rrelu(Op):
    """A leaky relu whose slopes are drawn by chance in training (Xu and others 2015).

    `y = x` where x > 0, else `slope * x`: in training each number has a slope of its own, uniform between `lower` and
    `upper`; in evaluation all have their mean, `(lower + upper) / 2`.
    """

    name: ClassVar[str] = "rrelu"
    pointwise: ClassVar[bool] = True

    lower: float = Field(default=1 / 8, allow_inf_nan=False)
    """The least slope."""
    upper: float = Field(default=1 / 3, allow_inf_nan=False)
    """The greatest slope."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.lower > self.upper:
            raise ValueError(
                f"a slope between {self.lower:g} and {self.upper:g}? `lower` is not above `upper`"
            )
        return self

    def infer(self, x: TensorType) -> Inferred:
        """The axes and unit stay; bounds are mapped, and order goes where numbers may be negative."""
        floating(x, self.name, 0)
        slope = Noise("slope", x.sizes, between=(self.lower, self.upper))
        if x.facts.low >= 0:
            return Inferred((x,), noise=(slope,))
        low, high = interval.of(x)
        parts = [interval.multiply((low, min(high, 0.0)), (self.lower, self.upper))]
        parts += [(0.0, high)] if high > 0 else []
        return Inferred((replace(x, facts=Facts(*interval.hull(parts))),), noise=(slope,))

    @staticmethod
    def samples() -> list[Sample]:
        """The usual slopes, others, one, and bounds on each side of 0."""
        row = tensor(batch=2, channel=6)
        return [
            good(row),
            good(row, lower=-0.5, upper=0.5),
            good(row, lower=0.25, upper=0.25),
            good(tensor(batch=2, bin=4, unit="ml", facts=Facts(low=-2, high=1, nondecreasing="bin"))),
            good(tensor(batch=2, bin=4, facts=Facts(low=0, high=1, sums_to_one="bin"))),
            good(tensor(batch=2, bin=4, facts=Facts(low=-3, high=-1)), upper=2.0),
            bad("NS310", tensor("int64", batch=2, channel=3)),
        ]


def _hardswish(x: float) -> float:
    """The function itself; 0 below -3, without infinity times 0."""
    return 0.0 if x <= -3 else x * min(x + 3, 6.0) / 6
