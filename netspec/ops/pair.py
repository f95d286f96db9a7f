"""Values that are compared with one another: how alike two of them are, and losses of pairs and triplets."""

from typing import ClassVar

from pydantic import Field

from netspec.ir.facts import Facts
from netspec.ir.op import Inferred, Op, Sample, bad, good
from netspec.ir.problem import Problem
from netspec.ir.types import TensorType, tensor
from netspec.ir.view import EVERYTHING, Views, alike
from netspec.ops import interval
from netspec.ops.axes import along
from netspec.ops.elementwise import Agreed, agree, common_unit, floating
from netspec.ops.loss import Loss, weight_samples
from netspec.ops.rearrange import without

YES = Facts(low=0, high=1, mask=True)


class CosineSimilarity(Op):
    """The cosine of the angle between two vectors: `sum of x * y / (|x| * |y|)` along `axis`, which goes.

    By default the axis is the first after the batch. Both lengths are held at `eps` or above, and the gradient of a
    length is as if it were not, as in `torch.nn.functional.cosine_similarity`.
    """

    name: ClassVar[str] = "cosine_similarity"
    main: ClassVar[str | None] = "axis"
    slots: ClassVar[tuple[str, ...]] = ("first", "second")

    axis: str | None = None
    eps: float = Field(default=1e-8, gt=0, allow_inf_nan=False)

    def infer(self, first: TensorType, second: TensorType) -> Inferred:
        """The other axes; numbers in [-1, 1]."""
        axes, constraints = vectors((first, second), self.axis, self.name)
        place = compared((first, second), self.axis, self.name)
        out = TensorType(without(axes, place), "float32", Facts(low=-1, high=1))
        return Inferred((out,), constraints=constraints)

    def views(self, first: TensorType, second: TensorType) -> tuple[Views, ...]:
        """All along the axis that is gone, one place along the others."""
        place = compared((first, second), self.axis, self.name)
        return tuple({**alike(x.names), x.names[place]: EVERYTHING} for x in (first, second))

    @staticmethod
    def samples() -> list[Sample]:
        """Rows, images along both of their axes, and what does not fit."""
        x = tensor(batch=3, feature=4)
        image = tensor(batch=2, channel=3, height=2, width=2)
        return [
            good(x, tensor(batch=3, channel=4)),
            good(image, image),
            good(image, image, axis="width"),
            good(x, x, eps=0.1),
            good(x, tensor(batch=3, time=4), axis="time"),
            *_unlike(x, x),
        ]


class CosineEmbedding(Loss):
    """Pairs that are alike point the same way, others do not: `1 - c` for a yes, `max(0, c - margin)` for a no.

    c is the cosine of the angle between both vectors along `axis`, by default the first after the batch, with
    `|x| * |y|` as `sqrt((x . x + 1e-12) * (y . y + 1e-12))`, as in `torch.nn.functional.cosine_embedding_loss`. The
    target has the other axes. It is a mask or one of two classes, where PyTorch has 1 and -1.
    """

    name: ClassVar[str] = "cosine_embedding"
    main: ClassVar[str | None] = "margin"
    slots: ClassVar[tuple[str, ...]] = ("first", "second", "target", "weights?")

    margin: float = Field(default=0.0, ge=-1, le=1)
    """The cosine up to which others cost nothing."""
    axis: str | None = None

    def infer(
        self, first: TensorType, second: TensorType, target: TensorType, weights: TensorType | None = None
    ) -> Inferred:
        """One number, or the axes without that of the vectors."""
        axes, own = vectors((first, second), self.axis, self.name)
        kept = TensorType(without(axes, along(TensorType(axes), self.axis, self.name)))
        yes_or_no(target, self.name, 2)
        axes, constraints = agree((kept, target), self.name, numbers=False)
        element = TensorType(axes, "float32", Facts(low=0, high=max(2.0, 1 - self.margin)))
        return self.reduced(element, weights, own + constraints)

    @staticmethod
    def samples() -> list[Sample]:
        """Each reduction, a margin, images, both kinds of targets, weights, and what is no yes or no."""
        x, t = tensor(batch=4, feature=3), tensor("bool", batch=4, facts=YES)
        image = tensor(batch=2, channel=3, height=2, width=2)
        return [
            good(x, x, t),
            good(x, x, t, reduction="sum", margin=0.25),
            good(x, x, t, reduction="none", margin=-0.5),
            good(x, x, tensor("int64", batch=4, facts=Facts(low=0, high=1, classes=2))),
            good(x, x, tensor(batch=4, facts=YES)),
            good(image, image, tensor("bool", batch=2, height=2, width=2, facts=YES)),
            good(image, image, tensor("bool", batch=2, channel=3, height=2, facts=YES), axis="width"),
            good(x, tensor(batch=4, time=3), t, axis="time"),
            *weight_samples(x, x, t),
            bad("NS344", x, x, tensor(batch=4, facts=Facts(low=-1, high=1))),
            bad("NS344", x, x, tensor("int64", batch=4, facts=Facts(low=0, high=2, classes=3))),
            bad("NS250", x, x, tensor("bool", batch=4, feature=3, facts=YES)),
            *(Sample(one.attributes, (*one.inputs, t), one.code) for one in _unlike(x, x)),
        ]


class TripletMargin(Loss):
    """An anchor lies nearer to what is like it than to what is not: `max(0, d(a, p) - d(a, n) + margin)`.

    `d(x, y) = (sum of |x - y + eps| ** p) ** (1 / p)` along `axis`, by default the first after the batch. With `swap`
    the nearer of anchor and positive counts: `min(d(a, n), d(p, n))` in place of `d(a, n)` (Balntas and others, 2016).
    As `torch.nn.functional.triplet_margin_loss`, which measures along the last axis.
    """

    name: ClassVar[str] = "triplet_margin"
    main: ClassVar[str | None] = "margin"
    slots: ClassVar[tuple[str, ...]] = ("anchor", "positive", "negative", "weights?")

    margin: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    """How much nearer it has to be to cost nothing."""
    p: float = Field(default=2.0, ge=1, allow_inf_nan=False)
    """The power of the distance: 2 for the straight line, 1 for the sum of differences."""
    swap: bool = False
    """Whether the negative is measured from the nearer of both others."""
    eps: float = Field(default=1e-6, gt=0, allow_inf_nan=False)
    axis: str | None = None

    def infer(
        self,
        anchor: TensorType,
        positive: TensorType,
        negative: TensorType,
        weights: TensorType | None = None,
    ) -> Inferred:
        """One number, or the axes without that of the vectors, in the unit of all three."""
        three = (anchor, positive, negative)
        unit = common_unit(three, self.name)
        axes, constraints = vectors(three, self.axis, self.name)
        kept = without(axes, along(TensorType(axes), self.axis, self.name))
        return self.reduced(TensorType(kept, "float32", Facts(low=0), unit), weights, constraints)

    @staticmethod
    def samples() -> list[Sample]:
        """Each reduction, other powers, the swap, images, weights, and what does not fit."""
        x = tensor(batch=4, feature=3)
        image = tensor(batch=2, channel=3, height=2, width=2)
        return [
            good(x, x, x),
            good(x, x, x, reduction="sum", p=1.0),
            good(x, x, x, reduction="none", p=3.0, margin=4.0),
            good(x, x, x, swap=True, margin=2.0),
            good(image, image, image),
            good(image, image, image, axis="width", reduction="none"),
            good(image, image, image, axis="height", reduction="none"),
            *_weighed(x),
            *(Sample(one.attributes, (*one.inputs, one.inputs[0]), one.code) for one in _unlike(x, x)),
            bad("NS311", tensor(batch=4, feature=3, unit="ml"), x, tensor(batch=4, feature=3, unit="mm")),
        ]


class MarginRanking(Loss):
    """Of two numbers the right one is larger: `max(0, margin - (first - second))` for a yes, the opposite for a no.

    Element by element; all three have the same axes. The target says whether the first is to be the larger one: it is a
    mask or one of two classes, where `torch.nn.functional.margin_ranking_loss` has 1 and -1.
    """

    name: ClassVar[str] = "margin_ranking"
    main: ClassVar[str | None] = "margin"
    slots: ClassVar[tuple[str, ...]] = ("first", "second", "target", "weights?")

    margin: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    """How much larger it has to be to cost nothing, in the unit of both."""

    def infer(
        self, first: TensorType, second: TensorType, target: TensorType, weights: TensorType | None = None
    ) -> Inferred:
        """One number, or the common axes, in the unit of both."""
        floating(first, self.name, 0)
        floating(second, self.name, 1)
        if not first.rank:
            raise Problem("NS254", f"`{self.name}` of one number", at=0, help="give it one for every sample")
        yes_or_no(target, self.name, 2)
        unit = common_unit((first, second), self.name)
        axes, constraints = agree((first, second, target), self.name, numbers=False)
        low, high = interval.add(interval.of(first), interval.negative(interval.of(second)))
        most = max(0.0, self.margin - low, self.margin + high)
        element = TensorType(axes, "float32", Facts(low=0, high=most), unit)
        return self.reduced(element, weights, constraints)

    @staticmethod
    def samples() -> list[Sample]:
        """Each reduction, a margin, both kinds of targets, weights, and what is no yes or no."""
        x, t = tensor(batch=4, unit="ml"), tensor("bool", batch=4, facts=YES)
        bounded = tensor(batch=4, unit="ml", facts=Facts(low=0, high=3))
        return [
            good(x, bounded, t),
            good(bounded, bounded, t, reduction="sum", margin=0.5),
            good(tensor(batch=4, facts=Facts(low=5, high=9)), bounded, t, reduction="none"),
            good(x, x, tensor("int64", batch=4, facts=Facts(low=0, high=1, classes=2)), reduction="none"),
            good(x, x, tensor(batch=4, facts=YES)),
            good(
                tensor(batch=2, time=3), tensor(batch=2, time=3), tensor("bool", batch=2, time=3, facts=YES)
            ),
            *weight_samples(x, x, t),
            bad("NS344", x, x, tensor(batch=4, facts=Facts(low=-1, high=1))),
            bad("NS250", x, x, tensor("bool", batch=4, feature=1, facts=YES)),
            bad("NS251", x, tensor(batch=5), t),
            bad("NS254", TensorType(), TensorType(), tensor("bool", facts=YES)),
            bad("NS310", x, tensor("int64", batch=4), t),
            bad("NS311", x, tensor(batch=4, unit="mm"), t),
        ]


def vectors(inputs: tuple[TensorType, ...], axis: str | None, op: str) -> Agreed:
    """The common axes of floating inputs that are compared along an axis, which must be there."""
    for i, x in enumerate(inputs):
        floating(x, op, i)
    if not inputs[0].rank:
        raise Problem(
            "NS254", f"`{op}` of one number", at=0, help="give it vectors, such as those of `linear: 64`"
        )
    axes, constraints = agree(inputs, op, numbers=False)
    along(TensorType(axes), axis, op)
    return axes, constraints


def compared(inputs: tuple[TensorType, ...], axis: str | None, op: str) -> int:
    """Where the axis of the vectors stands: one of them may call it `feature`."""
    return along(TensorType(agree(inputs, op, numbers=False)[0]), axis, op)


def yes_or_no(target: TensorType, op: str, at: int) -> None:
    """Problem NS344 where a target is neither a mask nor one of two classes."""
    if target.dtype == "bool" or target.facts.mask or target.facts.classes in (1, 2):
        return
    raise Problem(
        "NS344",
        f"the target of `{op}` is yes or no, and this is `{target.named()}`",
        at=at,
        help="declare it `kind: mask`: 1 is yes, and what PyTorch calls -1 is 0",
    )


def _unlike(x: TensorType, y: TensorType) -> list[Sample]:
    """Pairs that cannot be compared along an axis."""
    return [
        bad("NS250", x, tensor(batch=x.axes[0].size)),
        bad("NS250", x, TensorType(facts=Facts(low=2, high=2))),
        bad("NS251", x, tensor(batch=x.axes[0].size, feature=1)),
        bad("NS253", x, y, axis="time"),
        bad("NS254", tensor(batch=4), tensor(batch=4)),
        bad("NS256", x, y, axis="batch"),
        bad("NS310", x, tensor("int64", batch=x.axes[0].size, feature=x.axes[1].size)),
    ]


def _weighed(x: TensorType) -> list[Sample]:
    """Triplets that count, each as often as it is said."""
    each = tensor(batch=x.axes[0].size, facts=Facts(low=0.25, high=2))
    return [
        good(x, x, x, each),
        good(x, x, x, each, reduction="none"),
        bad("NS336", x, x, x, tensor(batch=x.axes[0].size, time=3, facts=Facts(low=0))),
        bad("NS338", x, x, x, tensor(batch=x.axes[0].size, facts=Facts(low=-1, high=1))),
    ]
