"""Whole numbers that name classes: written as floating numbers, read off scores, and weighed."""

from typing import ClassVar

from pydantic import Field

from netspec.ir.dim import Dim
from netspec.ir.facts import Facts
from netspec.ir.op import Inferred, Op, Sample, bad, good
from netspec.ir.problem import Problem
from netspec.ir.record import Numbers
from netspec.ir.types import FEATURE, Axis, TensorType, tensor
from netspec.ir.view import EVERYTHING, Views, alike
from netspec.ops.axes import along
from netspec.ops.elementwise import floating
from netspec.ops.rearrange import unused, without

LABEL = Facts(low=0, high=2, classes=3)


class OneHot(Op):
    """Write classes as floating numbers: 1 at the place of the class, 0 at the others.

    The places make a new axis, the first after the batch: `[batch, *space]` becomes `[batch, feature, *space]`. It has
    no gradient, as whole numbers have none.
    """

    name: ClassVar[str] = "one_hot"
    main: ClassVar[str | None] = "classes"

    classes: int | None = Field(default=None, ge=1)
    """How many places there are; without it as many as the classes that were declared."""
    axis: str = FEATURE
    """The name of the new axis."""

    def infer(self, x: TensorType) -> Inferred:
        """Masks that sum to one over the new axis."""
        whole(x, self.name)
        unused(x, self.axis, at="axis")
        count = self.count(x)
        place = 1 if x.batched else 0
        axes = (*x.axes[:place], Axis(self.axis, Dim.of(count)), *x.axes[place:])
        facts = Facts(low=0, high=1, sums_to_one=self.axis, mask=True)
        return Inferred((TensorType(axes, "float32", facts),))

    def count(self, x: TensorType) -> int:
        """How many places there are; Problem NS333 where there are fewer than classes, or none is known."""
        declared = x.facts.classes
        if self.classes is None and declared is None:
            raise Problem(
                "NS333",
                "`one_hot` of whole numbers of which nobody says how many classes there are",
                at=0,
                help="write how many: `one_hot: 3`",
            )
        if self.classes is not None and declared is not None and self.classes < declared:
            raise Problem(
                "NS333",
                f"`one_hot` has `{self.classes}` places, and there are `{declared}` classes",
                at="classes",
                help=f"write `one_hot: {declared}`, or leave the number out",
            )
        return self.classes or declared or 1

    def views(self, x: TensorType) -> tuple[Views]:
        """The same place."""
        return (alike(x.names),)

    @staticmethod
    def samples() -> list[Sample]:
        """As declared, with more places, images of classes, another axis, and what has no place."""
        label = tensor("int64", batch=4, facts=LABEL)
        return [
            good(label),
            good(label, classes=5),
            good(tensor("int64", batch=2, height=3, width=2, facts=LABEL), axis="channel"),
            bad("NS333", label, classes=2),
            bad("NS333", tensor("int64", batch=4)),
            bad("NS318", tensor(batch=4)),
            bad("NS318", tensor("bool", batch=4, facts=Facts(low=0, high=1, mask=True))),
            bad("NS226", tensor("int64", batch=2, feature=3, facts=LABEL)),
        ]


class Argmax(Op):
    """Read the class off scores: the place of the largest along `axis`, by default the first after the batch.

    Of equal ones it is the first. It has no gradient.
    """

    name: ClassVar[str] = "argmax"
    main: ClassVar[str | None] = "axis"

    axis: str | None = None

    def infer(self, x: TensorType) -> Inferred:
        """The other axes; a class for every place."""
        floating(x, self.name, 0)
        place = along(x, self.axis, self.name)
        size = x.axes[place].size.value
        facts = Facts(low=0, high=float("inf") if size is None else size - 1, classes=size)
        return Inferred((TensorType(without(x.axes, place), "int64", facts),))

    def views(self, x: TensorType) -> tuple[Views]:
        """All along the axis that is gone, one place along the others."""
        return ({**alike(x.names), x.names[along(x, self.axis, self.name)]: EVERYTHING},)

    @staticmethod
    def samples() -> list[Sample]:
        """The default axis, another, probabilities, and nothing to choose from."""
        return [
            good(tensor(batch=4, feature=3)),
            good(tensor(batch=2, channel=3, height=2, width=2)),
            good(tensor(batch=2, channel=3, width=4), axis="width"),
            good(tensor(batch=4, feature=3, facts=Facts(low=0, high=1, sums_to_one="feature"))),
            bad("NS253", tensor(batch=4, feature=3), axis="time"),
            bad("NS254", tensor(batch=4)),
            bad("NS256", tensor(batch=4, feature=3), axis="batch"),
            bad("NS310", tensor("int64", batch=4, feature=3)),
        ]


class ClassWeight(Op):
    """Look a number up for each class: `y = weight[x]`, as weights for rare classes, or whatever a class stands for.

    Whole numbers in, floating numbers of the same axes out; `weight` has a number for each class. It has no gradient.
    """

    name: ClassVar[str] = "class_weight"
    pointwise: ClassVar[bool] = True
    main: ClassVar[str | None] = "weight"

    weight: Numbers | None = None
    """One number for each class; without it each is 1."""
    ignore_index: int | None = None
    """A class whose number is 0, whether it has a place in `weight` or not."""

    def infer(self, x: TensorType) -> Inferred:
        """The same axes; bounds are those of the list."""
        whole(x, self.name)
        if self.weight is not None:
            listed_for_each(self.weight, x, self.ignore_index)
        numbers = (*(self.weight or (1.0,)), *((0.0,) if self.ignore_index is not None else ()))
        return Inferred((TensorType(x.axes, "float32", Facts(low=min(numbers), high=max(numbers))),))

    @staticmethod
    def samples() -> list[Sample]:
        """Labels, images of classes, a class that is left out, and lists of another length."""
        label = tensor("int64", batch=4, facts=LABEL)
        return [
            good(label, weight=(0.5, 1.0, 4.0)),
            good(tensor("int64", batch=2, height=3, width=2, facts=LABEL), weight=(0.5, 1.0, 4.0)),
            good(label, weight=(0.5, 1.0), ignore_index=2),
            good(label, weight=(0.5, 1.0, 2.0), ignore_index=0),
            good(label, ignore_index=1),
            bad("NS337", label, weight=(0.5, 1.0)),
            bad("NS318", tensor(batch=4), weight=(0.5, 1.0)),
        ]


def whole(x: TensorType, op: str) -> None:
    """Problem NS318 where the input names no classes."""
    if x.dtype == "int64":
        return
    what, cure = (
        ("a mask", "a mask becomes numbers by `where(mask, 1, 0)`")
        if x.dtype == "bool"
        else (
            "floating numbers",
            "declare the input `{kind: class_index, classes: 3}`; `argmax` makes classes of scores",
        )
    )
    raise Problem("NS318", f"`{op}` wants the number of a class, and this is {what}: `{x}`", at=0, help=cure)


def listed_for_each(weight: tuple[float, ...], target: TensorType, ignore_index: int | None) -> None:
    """Problem NS337 unless there is a number for each class of the target but the one that is ignored."""
    declared = target.facts.classes
    if declared is None:
        return
    needed = declared - 1 if ignore_index == declared - 1 else declared
    if len(weight) in {needed, declared}:
        return
    raise Problem(
        "NS337",
        f"`weight` has `{len(weight)}` numbers, and there are `{declared}` classes",
        at="weight",
        help=f"write one number for each of the {declared} classes, in their order",
    )
