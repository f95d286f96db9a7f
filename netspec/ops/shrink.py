"""Activations that take small numbers for nothing, and one that keeps only what is above a threshold."""

import math
from dataclasses import replace
from typing import ClassVar

from pydantic import Field

from netspec.ir.facts import Facts
from netspec.ir.op import Inferred, Op, Sample, bad, good
from netspec.ir.types import TensorType, tensor
from netspec.ops import interval
from netspec.ops.curve import risen
from netspec.ops.elementwise import floating


class Threshold(Op):
    """Put a number in place of all that is not above a threshold: `y = x` where x > threshold, else `value`.

    The slope is 1 above the threshold, and 0 up to it.
    """

    name: ClassVar[str] = "threshold"
    pointwise: ClassVar[bool] = True

    threshold: float = Field(allow_inf_nan=False)
    """What is above this stays."""
    value: float = Field(allow_inf_nan=False)
    """What the others become."""

    def infer(self, x: TensorType) -> Inferred:
        """The axes and unit stay; order is kept unless the value is above the threshold."""
        floating(x, self.name, 0)
        low, high = interval.of(x)
        parts = [(self.value, self.value)] if low <= self.threshold else []
        parts += [(max(low, self.threshold), high)] if high > self.threshold else []
        order = x.facts.nondecreasing if self.value <= self.threshold or low > self.threshold else None
        return Inferred((replace(x, facts=Facts(*interval.hull(parts), nondecreasing=order)),))

    @staticmethod
    def samples() -> list[Sample]:
        """Values below and above the threshold, bounds on each side of it, and order that is kept and lost."""
        row = tensor(batch=2, channel=6)
        curve = tensor(batch=2, bin=5, facts=Facts(low=-2, high=1, nondecreasing="bin"), unit="ml")
        return [
            good(row, threshold=0.1, value=-1.0),
            good(curve, threshold=-0.7, value=-0.7),
            good(curve, threshold=-0.7, value=3.0),
            good(curve, threshold=1.0, value=0.5),
            good(curve, threshold=-5.0, value=9.0),
            bad("NS310", tensor("int64", batch=2, channel=3), threshold=0.0, value=0.0),
        ]


class Hardshrink(Op):
    """Set small numbers to 0: `y = x` where |x| > lambd, else 0. The slope is 1 beyond lambd, else 0."""

    name: ClassVar[str] = "hardshrink"
    main: ClassVar[str | None] = "lambd"
    pointwise: ClassVar[bool] = True

    lambd: float = Field(default=0.5, ge=0, allow_inf_nan=False)
    """Up to which magnitude numbers are small."""

    def infer(self, x: TensorType) -> Inferred:
        """The axes and unit stay; bounds are mapped and order is kept."""
        floating(x, self.name, 0)
        return Inferred((replace(x, facts=_shrunk(x, self.lambd, 0.0)),))

    @staticmethod
    def samples() -> list[Sample]:
        """The usual lambd, others, and bounds."""
        return _samples()


class Softshrink(Op):
    """Draw numbers towards 0: `y = x - lambd` where x > lambd, `x + lambd` where x < -lambd, else 0 (Donoho 1995).

    The slope is 1 beyond lambd, else 0.
    """

    name: ClassVar[str] = "softshrink"
    main: ClassVar[str | None] = "lambd"
    pointwise: ClassVar[bool] = True

    lambd: float = Field(default=0.5, ge=0, allow_inf_nan=False)
    """How far numbers are drawn."""

    def infer(self, x: TensorType) -> Inferred:
        """The axes and unit stay; bounds are mapped and order is kept."""
        floating(x, self.name, 0)
        return Inferred((replace(x, facts=_shrunk(x, self.lambd, self.lambd)),))

    @staticmethod
    def samples() -> list[Sample]:
        """The usual lambd, others, and bounds."""
        return _samples()


class Tanhshrink(Op):
    """What a tanh leaves of a number: `y = x - tanh(x)`, near 0 for small numbers and `x - 1` for large ones."""

    name: ClassVar[str] = "tanhshrink"
    pointwise: ClassVar[bool] = True

    def infer(self, x: TensorType) -> Inferred:
        """The axes stay, the unit goes; bounds are mapped and order is kept."""
        floating(x, self.name, 0)
        return Inferred((TensorType(x.axes, facts=risen(x, lambda value: value - math.tanh(value))),))

    @staticmethod
    def samples() -> list[Sample]:
        """Any numbers, and bounded ones in order."""
        return [
            good(tensor(batch=2, channel=3, width=5)),
            good(tensor(batch=2, bin=5, facts=Facts(low=-1, high=3, nondecreasing="bin"), unit="ml")),
            bad("NS310", tensor("int64", batch=2)),
        ]


def _shrunk(x: TensorType, lambd: float, by: float) -> Facts:
    """The facts after numbers up to lambd became 0, and the others were drawn towards it."""
    return risen(x, lambda t: t - by if t > lambd else t + by if t < -lambd else 0.0)


def _samples() -> list[Sample]:
    """What is large and small, nothing that is small, and bounds within and beyond."""
    row = tensor(batch=2, channel=6)
    curve = tensor(batch=2, bin=5, facts=Facts(low=-2, high=1, nondecreasing="bin"), unit="ml")
    return [
        good(row),
        good(row, lambd=1.25),
        good(row, lambd=0.0),
        good(curve, lambd=0.7),
        good(curve, lambd=1.0),
        good(tensor(batch=2, bin=4, facts=Facts(low=0.6, high=3))),
        bad("NS310", tensor("bool", batch=2, channel=3)),
    ]
