"""Reductions: the mean, sum, largest and smallest over named axes, or over everything."""

from dataclasses import replace
from typing import ClassVar

from netspec.ir.dim import Dim
from netspec.ir.facts import Facts
from netspec.ir.op import Inferred, Op, Sample, bad, good
from netspec.ir.problem import Problem
from netspec.ir.terms import Shapes
from netspec.ir.types import BATCH, TensorType, tensor
from netspec.ir.view import EVERYTHING, Views, alike
from netspec.ops import interval
from netspec.ops.axes import Axes, positions
from netspec.ops.elementwise import floating
from netspec.ops.laying import mask_over
from netspec.ops.rearrange import OVER, about, over
from netspec.ops.reduction import Factor, Over, Reduction


class Reduce(Reduction):
    """What `mean`, `sum`, `amax` and `amin` share: the axes they take away."""

    main: ClassVar[str | None] = "axis"
    slots: ClassVar[tuple[str, ...]] = ("x", "where?")
    least_weight: ClassVar[float] = 1.0
    how: ClassVar[Over]

    axis: Axes = None
    """One axis by its name, several, or none for all, the batch included."""

    @property
    def reduces(self) -> Over | None:
        """How the batch is reduced: by this op itself, where `axis` holds it."""
        words = (self.axis,) if isinstance(self.axis, str) else self.axis
        return self.how if words is None or BATCH in words else None

    def per_sample(self, given: int = 1) -> Op | None:
        """Nothing comes before the reduction but that a mask hides elements."""
        return Sum(axis=()) if given > 1 else None

    def without(self, x: TensorType, where: TensorType | None, facts: Facts) -> TensorType:
        """The input's other axes; statements about an axis that is gone, or that the mask cuts up, are dropped.

        Where a mask may hide everything the result is 0, so that bounds include it.
        """
        gone = positions(x, self.axis, self.name)
        rest = tuple(axis for i, axis in enumerate(x.axes) if i not in gone)
        hidden = where.names if where is not None else ()
        names = {axis.name for axis in rest if axis.name not in hidden}
        if where is not None:
            facts = replace(facts, low=min(facts.low, 0), high=max(facts.high, 0), sums_to_one=None)
        facts = about(facts, {key: axis for key in OVER if (axis := over(facts, key)) in names})
        return TensorType(rest, "float32", facts, x.unit)

    def _reduced(self, x: TensorType, where: TensorType | None, facts: Facts) -> Inferred:
        """What is inferred: `facts` are those of the result without a mask."""
        constraints = mask_over(where, x, self.name)[1] if where is not None else ()
        return Inferred((self.without(x, where, facts),), constraints=constraints)

    def terms(self, at: Shapes) -> int:
        """What is reduced together."""
        return at.share

    def views(self, x: TensorType, *where: TensorType) -> tuple[Views, ...]:
        """All along the axes that are gone, one place along the others; a mask is laid over by names."""
        gone = dict.fromkeys((x.names[i] for i in positions(x, self.axis, self.name)), EVERYTHING)
        views = alike(x.names) | gone
        return (views, *({axis: views[axis] for axis in mask.names if axis in views} for mask in where))

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
            bad("NS253", image, axis="time"),
            bad("NS254", TensorType(facts=Facts(low=1, high=1))),
            bad("NS258", image, axis=("height", "height")),
            bad("NS310", tensor("int64", batch=2, facts=Facts(low=0, high=4, classes=5))),
            *_masked_samples(),
        ]


class Mean(Reduce):
    """The mean over `axis`, or over all elements with the batch, which gives one number. Masks count as 0 and 1.

    Bounds and the unit stay, and so do curves that never fall and shares that sum to one along an axis that stays.
    With the mask `where`, laid over x by the names of its axes, only elements where it holds are summed and counted:
    `sum of x * where / sum of where`. Where it holds nowhere the mean is 0, and has no gradient.
    """

    name: ClassVar[str] = "mean"
    how: ClassVar[Over] = "mean"

    def weights(self, *inputs: TensorType) -> tuple[Factor, ...]:
        """The mask."""
        return ((None, 1),) if len(inputs) > 1 else ()

    def infer(self, x: TensorType, where: TensorType | None = None) -> Inferred:
        """The other axes; a mean lies within the bounds of what it is of."""
        if x.dtype != "bool":
            floating(x, self.name, 0)
        f = x.facts
        facts = Facts(low=f.low, high=f.high, nondecreasing=f.nondecreasing, sums_to_one=f.sums_to_one)
        return self._reduced(x, where, facts)

    @staticmethod
    def samples() -> list[Sample]:
        """As for all reductions, and a mask as input."""
        return [*Reduce.samples(), good(_row())]


class Sum(Reduce):
    """The sum over `axis`, or over all elements with the batch, which gives one number. Masks count as 0 and 1.

    The unit stays, and so do curves that never fall along an axis that stays. With the mask `where`, laid over x by the
    names of its axes, only elements where it holds are summed; the sum of none is 0.
    """

    name: ClassVar[str] = "sum"
    how: ClassVar[Over] = "sum"

    def infer(self, x: TensorType, where: TensorType | None = None) -> Inferred:
        """The other axes; bounds times how many elements go into one."""
        if x.dtype != "bool":
            floating(x, self.name, 0)
        each = interval.of(x) if where is None else interval.hull((interval.of(x), (0.0, 0.0)))
        low, high = interval.repeated(each, self._count(x))
        return self._reduced(x, where, Facts(low=low, high=high, nondecreasing=x.facts.nondecreasing))

    @staticmethod
    def samples() -> list[Sample]:
        """As for all reductions, and masks as input."""
        present = tensor("bool", batch=4, facts=Facts(low=0, high=1, mask=True))
        return [*Reduce.samples(), good(_row()), good(_row(), present, axis="batch")]


class Extreme(Reduce):
    """What `amax` and `amin` share: they give one of the numbers they are given."""

    def per_sample(self, given: int = 1) -> Op | None:
        """Nothing comes before the reduction; what a mask hides would still be compared, so that is refused."""
        if given > 1:
            raise Problem(
                "NS295",
                f"`{self.name}` with `where` over the batch has no value over a whole split",
                help=f"choose a number for what is hidden: `{self.name}(where(present, x, 0))`",
            )
        return None

    def infer(self, x: TensorType, where: TensorType | None = None) -> Inferred:
        """The other axes; bounds, masks and the unit stay."""
        if x.dtype != "bool" or where is not None:
            floating(x, self.name, 0)
        f = x.facts
        facts = Facts(low=f.low, high=f.high, nondecreasing=f.nondecreasing, mask=f.mask)
        inferred = self._reduced(x, where, facts)
        return replace(inferred, outputs=(replace(inferred.outputs[0], dtype=x.dtype),))

    @staticmethod
    def samples() -> list[Sample]:
        """As for all reductions; a mask stays one."""
        return [*Reduce.samples(), good(_row()), good(_row(), axis="channel"), bad("NS310", _row(), _row())]


class Amax(Extreme):
    """The largest over `axis`, or over all elements. Elements that share the maximum share its gradient equally.

    With the mask `where`, laid over x by the names of its axes, only elements where it holds are looked at; where it
    holds nowhere the result is 0, and has no gradient.
    """

    name: ClassVar[str] = "amax"
    how: ClassVar[Over] = "max"


class Amin(Extreme):
    """The smallest over `axis`, or over all elements. Elements that share the minimum share its gradient equally.

    With the mask `where`, laid over x by the names of its axes, only elements where it holds are looked at; where it
    holds nowhere the result is 0, and has no gradient.
    """

    name: ClassVar[str] = "amin"
    how: ClassVar[Over] = "min"


def _masked_samples() -> list[Sample]:
    """Masks over some axes, over all, in another order, as numbers, and what cannot hide anything."""
    x = tensor(batch=2, slice=3, feature=2, facts=Facts(low=1, high=3))
    present = tensor("bool", batch=2, slice=3, facts=Facts(low=0, high=1, mask=True))
    curves = tensor(batch=2, slice=3, bin=4, facts=Facts(low=0, high=1, nondecreasing="bin"))
    turned = tensor(batch=2, feature=2, slice=3, facts=Facts(low=0, high=1, mask=True))
    return [
        good(x, present, axis="slice"),
        good(x, present),
        good(x, present, axis="batch"),
        good(curves, present, axis="slice"),
        good(x, turned, axis=("slice", "feature")),
        good(
            tensor(batch=4, unit="ml", facts=Facts(low=20, high=600)),
            tensor("bool", batch=4, facts=Facts(low=0, high=1, mask=True)),
        ),
        bad("NS325", x, tensor(batch=2, slice=3), axis="slice"),
        bad("NS336", x, tensor("bool", batch=2, time=3, facts=Facts(low=0, high=1, mask=True)), axis="slice"),
        bad(
            "NS251", x, tensor("bool", batch=2, slice=4, facts=Facts(low=0, high=1, mask=True)), axis="slice"
        ),
    ]


def _row() -> TensorType:
    """A mask."""
    return tensor("bool", batch=4, channel=2, facts=Facts(low=0, high=1, mask=True))
