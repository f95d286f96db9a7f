"""Elementary functions of formulas: magnitude, exponential, logarithm, root and limits."""

import math
from typing import ClassVar

from netspec.ir.facts import Facts
from netspec.ir.op import Inferred, Op, Sample, bad, good
from netspec.ir.problem import Problem, Warned
from netspec.ir.types import TensorType, tensor
from netspec.ir.units import power
from netspec.ops import interval
from netspec.ops.elementwise import floating


class Abs(Op):
    """The magnitude: `y = |x|`, on any axes. The subgradient at 0 is 0, as in PyTorch. The unit stays."""

    name: ClassVar[str] = "abs"
    pointwise: ClassVar[bool] = True

    def infer(self, x: TensorType) -> Inferred:
        """The same axes, nothing below zero."""
        floating(x, self.name, 0)
        low, high = interval.absolute(interval.of(x))
        return Inferred((TensorType(x.axes, "float32", Facts(low=low, high=high), x.unit),))

    @staticmethod
    def samples() -> list[Sample]:
        """Free numbers, numbers of one sign, a plain number, and a mask."""
        return [
            good(tensor(batch=2, channel=3)),
            good(tensor(batch=2, channel=3, facts=Facts(low=-3, high=-1))),
            good(TensorType(facts=Facts(low=-2, high=-2))),
            bad("NS310", tensor("bool", batch=2, facts=Facts(low=0, high=1, mask=True))),
        ]


class Exp(Op):
    """The exponential: `y = e ** x`, on any axes. What does not fall still does not; a unit is gone."""

    name: ClassVar[str] = "exp"
    pointwise: ClassVar[bool] = True

    def infer(self, x: TensorType) -> Inferred:
        """The same axes, nothing below zero."""
        floating(x, self.name, 0)
        low, high = interval.rising(math.exp)(interval.of(x))
        return Inferred(
            (TensorType(x.axes, "float32", Facts(low=low, high=high, nondecreasing=x.facts.nondecreasing)),)
        )

    @staticmethod
    def samples() -> list[Sample]:
        """Free numbers, bounded ones, a curve, a plain number, and classes."""
        return [
            good(tensor(batch=2, channel=3)),
            good(tensor(batch=2, bin=4, facts=Facts(low=-1, high=2, nondecreasing="bin"))),
            good(TensorType(facts=Facts(low=2, high=2))),
            bad("NS310", tensor("int64", batch=2, facts=Facts(low=0, high=4, classes=5))),
        ]


class Log(Op):
    """The natural logarithm: `y = log(x)`, on any axes; -inf at 0 and NaN below. A unit is gone."""

    name: ClassVar[str] = "log"
    pointwise: ClassVar[bool] = True

    def infer(self, x: TensorType) -> Inferred:
        """The same axes. What is never positive is refused, what may be zero or less is told."""
        warnings = _defined(x, self.name, positive=True)
        low, high = interval.rising(lambda t: math.log(t) if t > 0 else -math.inf)(interval.of(x))
        facts = Facts(low=low, high=high, nondecreasing=x.facts.nondecreasing)
        return Inferred((TensorType(x.axes, "float32", facts),), warnings=warnings)

    @staticmethod
    def samples() -> list[Sample]:
        """Positive numbers, a plain number, and numbers without a logarithm."""
        return [
            good(tensor(batch=2, channel=3, facts=Facts(low=0.25, high=4))),
            good(tensor(batch=2, channel=3, facts=Facts(low=0.5))),
            good(TensorType(facts=Facts(low=3, high=3))),
            bad("NS323", tensor(batch=2, facts=Facts(low=-2, high=0))),
            bad("NS310", tensor("int64", batch=2, facts=Facts(low=0, high=4, classes=5))),
        ]


class Sqrt(Op):
    """The square root: `y = x ** 0.5`, on any axes; its slope is infinite at 0. Of `mm2` it is `mm`."""

    name: ClassVar[str] = "sqrt"
    pointwise: ClassVar[bool] = True

    def infer(self, x: TensorType) -> Inferred:
        """The same axes. What is always negative is refused, what may be negative is told."""
        warnings = _defined(x, self.name, positive=False)
        low, high = interval.rising(lambda t: math.sqrt(max(t, 0)))(interval.of(x))
        facts = Facts(low=low, high=high, nondecreasing=x.facts.nondecreasing)
        return Inferred((TensorType(x.axes, "float32", facts, power(x.unit, 0.5)),), warnings=warnings)

    @staticmethod
    def samples() -> list[Sample]:
        """Positive numbers, a plain number, and numbers without a root."""
        return [
            good(tensor(batch=2, channel=3, facts=Facts(low=0.25, high=4))),
            good(tensor(batch=2, channel=3, facts=Facts(low=0.5))),
            good(TensorType(facts=Facts(low=3, high=3))),
            bad("NS323", tensor(batch=2, facts=Facts(low=-2, high=-1))),
            bad("NS310", tensor("int64", batch=2, facts=Facts(low=0, high=4, classes=5))),
        ]


class Clamp(Op):
    """Hold values within limits: `y = min(max(x, self.min), self.max)`, on any axes; give one limit or both.

    The gradient passes where x lies within the limits or on them, as in PyTorch, and is 0 outside. The unit stays.
    """

    name: ClassVar[str] = "clamp"
    pointwise: ClassVar[bool] = True

    min: float | None = None
    max: float | None = None

    def infer(self, x: TensorType) -> Inferred:
        """The same axes within the limits; what does not fall still does not."""
        floating(x, self.name, 0)
        if self.min is None and self.max is None:
            raise Problem(
                "NS326",
                "`clamp` without a limit",
                help="give `min`, `max` or both: `clamp: {min: 0, max: 1}`",
            )
        least = -math.inf if self.min is None else self.min
        most = math.inf if self.max is None else self.max
        if not least <= most:
            raise Problem(
                "NS326", f"`clamp` from `{least:g}` to `{most:g}`", at="min", help="`min` is at most `max`"
            )
        low, high = (min(max(bound, least), most) for bound in interval.of(x))
        facts = Facts(low=low, high=high, nondecreasing=x.facts.nondecreasing)
        return Inferred((TensorType(x.axes, "float32", facts, x.unit),))

    @staticmethod
    def samples() -> list[Sample]:
        """Both limits, each alone, a plain number, and limits that are none."""
        row = tensor(batch=2, channel=3)
        return [
            good(row, min=-0.5, max=0.75),
            good(row, min=0.0),
            good(tensor(batch=2, bin=4, facts=Facts(low=-1, high=2, nondecreasing="bin")), max=1.0),
            good(TensorType(facts=Facts(low=3, high=3)), max=1.0),
            bad("NS326", row),
            bad("NS326", row, min=1.0, max=0.0),
            bad("NS310", tensor("int64", batch=2, facts=Facts(low=0, high=4, classes=5)), min=0.0),
        ]


def _defined(x: TensorType, op: str, *, positive: bool) -> tuple[Warned, ...]:
    """Whether `op` has a value at all of `x`: Problem NS323 where it never has, NS324 warns where that is unproved."""
    floating(x, op, 0)
    low, high = interval.of(x)
    if high < 0 or (positive and high == 0):
        raise Problem(
            "NS323",
            f"`{op}` of numbers in [{low:g}, {high:g}] is no number",
            at=0,
            help="take `abs` first, or add a constant that makes them positive",
        )
    if low > 0 or (low == 0 and not positive):
        return ()
    what = "zero or less" if positive else "negative"
    cure = "`softplus` and `exp` give positive numbers, `clamp: {min: 1e-6}` and `+ 1e-6` keep off zero"
    return (Warned("NS324", f"`{op}` of what may be {what}", at=0, help=cure),)
