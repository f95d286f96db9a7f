"""Bringing numbers to another scale with fixed numbers: grey values to a range, quantities to another unit."""

from math import isfinite
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from netspec.ir import units
from netspec.ir.facts import Facts
from netspec.ir.op import Inferred, Op, Sample, bad, good
from netspec.ir.problem import Problem
from netspec.ir.record import Numbers
from netspec.ir.types import TensorType, tensor
from netspec.ops.elementwise import floating


def _unit(text: str) -> str:
    """A unit in its normal form; ValueError with the words there are."""
    found = units.read(text)
    if found is None or units.told(found) is None:
        words = ", ".join(units.WORDS)
        raise ValueError(f"{text!r} is no unit? A unit is one of {words}, or a product of them such as ml/s")
    return str(found)


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
