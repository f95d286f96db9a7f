"""Bringing numbers to another scale with fixed numbers, as for grey values."""

from math import isfinite
from typing import ClassVar

from pydantic import Field

from netspec.ir.facts import Facts
from netspec.ir.op import Inferred, Op, Sample, bad, good
from netspec.ir.problem import Problem
from netspec.ir.record import Numbers
from netspec.ir.types import TensorType, tensor
from netspec.ops.elementwise import floating


class Rescale(Op):
    """Shift and stretch by fixed numbers: `y = (x - mean) / std`, on any axes.

    With `to: [low, high]` the two numbers are those that bring the input's declared range to that one. Nothing is
    learned or measured here; the unit is gone.
    """

    name: ClassVar[str] = "rescale"

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
