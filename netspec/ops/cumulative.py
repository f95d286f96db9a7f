"""What runs along an axis: the running sum and the running maximum, which make distribution functions."""

from typing import ClassVar

from netspec.ir.facts import Facts
from netspec.ir.op import Inferred, Op, Sample, bad, good
from netspec.ir.terms import Shapes
from netspec.ir.types import TensorType, tensor
from netspec.ir.view import Views, alike, scattered
from netspec.ops import interval
from netspec.ops.axes import along
from netspec.ops.elementwise import floating


class Cumsum(Op):
    """The running sum: `y[n] = x[0] + ... + x[n]` along `axis`, by default the first after the batch.

    Of probabilities it is a distribution function: non-decreasing and within [0, 1]. The unit stays.
    """

    name: ClassVar[str] = "cumsum"
    main: ClassVar[str | None] = "axis"

    axis: str | None = None

    def infer(self, x: TensorType) -> Inferred:
        """The same axes. Sums of what is never negative do not fall."""
        floating(x, self.name, 0)
        axis = x.axes[along(x, self.axis, self.name)]
        rising = axis.name if x.facts.low >= 0 else None
        if rising and x.facts.sums_to_one == axis.name:
            return Inferred(
                (TensorType(x.axes, "float32", Facts(low=0, high=1, nondecreasing=rising), x.unit),)
            )
        low, high = interval.hull((interval.of(x), interval.repeated(interval.of(x), axis.size.value)))
        return Inferred(
            (TensorType(x.axes, "float32", Facts(low=low, high=high, nondecreasing=rising), x.unit),)
        )

    def terms(self, at: Shapes) -> int:
        """Sums stay within one sample."""
        return at.sample

    def views(self, x: TensorType) -> tuple[Views]:
        """All up to here along the axis, which is no window that slides; one place along the others."""
        axis = x.names[along(x, self.axis, self.name)]
        return ({**alike(x.names), axis: scattered(axis)},)

    @staticmethod
    def samples() -> list[Sample]:
        """Probabilities, other numbers, another axis, and nothing to run along."""
        return [
            good(tensor(batch=2, bin=6, facts=Facts(low=0, high=1, sums_to_one="bin"))),
            good(tensor(batch=2, channel=3, width=4)),
            good(tensor(batch=2, channel=3, width=4, facts=Facts(low=0, high=2)), axis="width"),
            good(tensor(batch=2, channel=3, facts=Facts(low=-1, high=2))),
            bad("NS253", tensor(batch=2, channel=3), axis="time"),
            bad("NS254", tensor(batch=2)),
            bad("NS256", tensor(batch=2, channel=3), axis="batch"),
            bad("NS310", tensor("bool", batch=2, channel=3, facts=Facts(low=0, high=1, mask=True))),
        ]


class Cummax(Op):
    """The running maximum: `y[n] = max(x[0], ..., x[n])` along `axis`, by default the first after the batch.

    Whatever lies in [0, 1] becomes a distribution function. The gradient of each y goes to the element that made it:
    among equal ones the last up to n, as `torch.cummax` has it. The unit stays.
    """

    name: ClassVar[str] = "cummax"
    main: ClassVar[str | None] = "axis"

    axis: str | None = None

    def infer(self, x: TensorType) -> Inferred:
        """The same axes and bounds; it does not fall."""
        floating(x, self.name, 0)
        axis = x.axes[along(x, self.axis, self.name)]
        facts = Facts(low=x.facts.low, high=x.facts.high, nondecreasing=axis.name, mask=x.facts.mask)
        return Inferred((TensorType(x.axes, "float32", facts, x.unit),))

    def terms(self, at: Shapes) -> int:
        """Sums stay within one sample."""
        return at.sample

    def views(self, x: TensorType) -> tuple[Views]:
        """All up to here along the axis, which is no window that slides; one place along the others."""
        axis = x.names[along(x, self.axis, self.name)]
        return ({**alike(x.names), axis: scattered(axis)},)

    @staticmethod
    def samples() -> list[Sample]:
        """Unit values, other numbers, another axis, ties of a mask, and nothing to run along."""
        return [
            good(tensor(batch=2, bin=6, facts=Facts(low=0, high=1))),
            good(tensor(batch=2, channel=3, width=4)),
            good(tensor(batch=2, channel=3, width=4), axis="width"),
            bad("NS253", tensor(batch=2, channel=3), axis="time"),
            bad("NS254", tensor(batch=2)),
            bad("NS256", tensor(batch=2, channel=3), axis="batch"),
            bad("NS310", tensor("bool", batch=2, channel=3, facts=Facts(low=0, high=1, mask=True))),
        ]
