"""Reductions: the mean, sum, largest and smallest over named axes, or over everything."""

from dataclasses import replace
from typing import Annotated, ClassVar

from pydantic import BeforeValidator

from netspec.ir.dim import Dim
from netspec.ir.facts import Facts
from netspec.ir.op import Inferred, Op, Sample, bad, good
from netspec.ir.types import BATCH, TensorType, tensor
from netspec.ops import interval
from netspec.ops.axes import positions
from netspec.ops.elementwise import floating
from netspec.ops.rearrange import OVER, about, over
from netspec.ops.reduction import Over, Reduction

Axes = Annotated[
    str | tuple[str, ...] | None,
    BeforeValidator(lambda value: tuple(value) if isinstance(value, list) else value),
]
"""One axis by its name, several, or None for all, the batch included."""


class Reduce(Reduction):
    """What `mean`, `sum`, `amax` and `amin` share: the axes they take away."""

    main: ClassVar[str | None] = "axis"
    how: ClassVar[Over]

    axis: Axes = None

    @property
    def reduces(self) -> Over | None:
        """How the batch is reduced: by this op itself, where `axis` holds it."""
        words = (self.axis,) if isinstance(self.axis, str) else self.axis
        return self.how if words is None or BATCH in words else None

    def per_sample(self) -> Op | None:
        """Nothing comes before the reduction."""
        return None

    def without(self, x: TensorType, facts: Facts) -> TensorType:
        """The input's other axes; statements about an axis that is gone are dropped."""
        gone = positions(x, self.axis, self.name)
        rest = tuple(axis for i, axis in enumerate(x.axes) if i not in gone)
        names = {axis.name for axis in rest}
        facts = about(facts, {key: axis for key in OVER if (axis := over(facts, key)) in names})
        return TensorType(rest, "float32", facts, x.unit)

    def _count(self, x: TensorType) -> int | None:
        """How many elements go into one number; None where that depends on a free size."""
        total = Dim.of(1)
        for i in positions(x, self.axis, self.name):
            total = total * x.axes[i].size
        return total.value

    @staticmethod
    def samples() -> list[Sample]:
        """One axis, several, all, curves and masks, and axes that are not there."""
        image = tensor(batch=2, channel=3, height=4, width=2)
        curves = tensor(batch=2, sample=4, bin=5, facts=Facts(low=0, high=1, nondecreasing="bin"))
        shares = tensor(batch=2, sample=4, bin=4, facts=Facts(low=0, high=1, sums_to_one="bin"))
        return [
            good(image),
            good(image, axis="channel"),
            good(image, axis=("height", "width")),
            good(image, axis="batch"),
            good(tensor(batch=4, unit="ml", facts=Facts(low=0, high=600))),
            good(curves, axis="sample"),
            good(curves, axis="bin"),
            good(shares, axis="sample"),
            good(tensor("bool", batch=4, channel=2, facts=Facts(low=0, high=1, mask=True))),
            bad("NS253", image, axis="time"),
            bad("NS254", TensorType(facts=Facts(low=1, high=1))),
            bad("NS258", image, axis=("height", "height")),
            bad("NS310", tensor("int64", batch=2, facts=Facts(low=0, high=4, classes=5))),
        ]


class Mean(Reduce):
    """The mean over `axis`, or over all elements with the batch, which gives one number. Masks count as 0 and 1.

    Bounds and the unit stay, and so do curves that never fall and shares that sum to one along an axis that stays.
    """

    name: ClassVar[str] = "mean"
    how: ClassVar[Over] = "mean"

    def infer(self, x: TensorType) -> Inferred:
        """The other axes; a mean lies within the bounds of what it is of."""
        if x.dtype != "bool":
            floating(x, self.name, 0)
        f = x.facts
        return Inferred(
            (
                self.without(
                    x, Facts(low=f.low, high=f.high, nondecreasing=f.nondecreasing, sums_to_one=f.sums_to_one)
                ),
            )
        )


class Sum(Reduce):
    """The sum over `axis`, or over all elements with the batch, which gives one number. Masks count as 0 and 1.

    The unit stays, and so do curves that never fall along an axis that stays.
    """

    name: ClassVar[str] = "sum"
    how: ClassVar[Over] = "sum"

    def infer(self, x: TensorType) -> Inferred:
        """The other axes; bounds times how many elements go into one."""
        if x.dtype != "bool":
            floating(x, self.name, 0)
        low, high = interval.repeated(interval.of(x), self._count(x))
        return Inferred((self.without(x, Facts(low=low, high=high, nondecreasing=x.facts.nondecreasing)),))


class Amax(Reduce):
    """The largest over `axis`, or over all elements. Elements that share the maximum share its gradient equally."""

    name: ClassVar[str] = "amax"
    how: ClassVar[Over] = "max"

    def infer(self, x: TensorType) -> Inferred:
        """The other axes; bounds, masks and the unit stay."""
        return _extreme(self, x)


class Amin(Reduce):
    """The smallest over `axis`, or over all elements. Elements that share the minimum share its gradient equally."""

    name: ClassVar[str] = "amin"
    how: ClassVar[Over] = "min"

    def infer(self, x: TensorType) -> Inferred:
        """The other axes; bounds, masks and the unit stay."""
        return _extreme(self, x)


def _extreme(op: Reduce, x: TensorType) -> Inferred:
    """The rule of `amax` and `amin`, which give one of the numbers they are given."""
    if x.dtype != "bool":
        floating(x, op.name, 0)
    f = x.facts
    out = op.without(x, Facts(low=f.low, high=f.high, nondecreasing=f.nondecreasing, mask=f.mask))
    return Inferred((replace(out, dtype=x.dtype),))
