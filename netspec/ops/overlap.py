"""How well regions cover one another: Dice and Jaccard, counted of classes and softly of shares."""

from typing import ClassVar, Literal

from pydantic import Field

from netspec.ir.dim import Dim
from netspec.ir.facts import NOTHING, Facts
from netspec.ir.op import Constraint, Inferred, Op, Sample, bad, good
from netspec.ir.problem import Problem
from netspec.ir.record import Sizes
from netspec.ir.types import BATCH, CHANNEL, Axis, TensorType, tensor
from netspec.ops.classes import per_class
from netspec.ops.distribution import told
from netspec.ops.elementwise import agree, floating
from netspec.ops.loss import Loss
from netspec.ops.reduction import Over, Reduction

Chosen = tuple[int, ...]


class Dice(Reduction):
    """How well the best class covers the true one: `2 * |A and B| / (|A| + |B|)` for each class and each sample.

    Takes scores `[batch, class, *space]`, logits or probabilities, and whole numbers `[batch, *space]`; A are the
    places where the class has the highest score (of equal ones the first), B those where it is true. A class that is in
    neither counts 1. The mean is over samples and classes; `classes` names those that count, all without it. No
    gradient.
    """

    name: ClassVar[str] = "dice"
    main: ClassVar[str | None] = "classes"
    slots: ClassVar[tuple[str, ...]] = ("scores", "target")

    classes: Sizes | None = None
    """The classes that count: one, or a list."""
    reduction: Literal["mean", "none"] = "mean"

    @property
    def reduces(self) -> Over | None:
        """A mean, unless each sample and class keeps its own."""
        return "mean" if self.reduction == "mean" else None

    def per_sample(self, given: int = 1) -> Op | None:
        """The same for each sample and class."""
        del given
        return self.model_copy(update={"reduction": "none"})

    def infer(self, scores: TensorType, target: TensorType) -> Inferred:
        """One number in [0, 1], or `[batch, class]`."""
        axes, constraints = per_class(scores, target, self.name)
        _regions(axes, self.name)
        kept = chosen(scores, self.classes, self.name)
        size = scores.axes[1].size if kept is None else Dim.of(len(kept))
        each = (axes[0], Axis(scores.names[1], size)) if self.reduction == "none" else ()
        return Inferred((TensorType(each, "float32", Facts(low=0, high=1)),), constraints=constraints)

    @staticmethod
    def samples() -> list[Sample]:
        """All classes, some, one, each by itself, and what has no regions."""
        scores, label = _scores(), _label()
        return [
            good(scores, label),
            good(scores, label, classes=(1, 2)),
            good(scores, label, classes=1),
            good(scores, label, reduction="none"),
            bad("NS342", scores, label, classes=(1, 3)),
            bad(
                "NS254",
                tensor(batch=4, channel=3),
                tensor("int64", batch=4, facts=Facts(low=0, high=2, classes=3)),
            ),
            bad("NS318", scores, tensor(batch=2, height=3, width=2)),
            bad(
                "NS317",
                scores,
                tensor("int64", batch=2, height=3, width=2, facts=Facts(low=0, high=4, classes=5)),
            ),
        ]


class Overlap(Loss):
    """What soft losses of overlap share: shares of classes, or of yes, against classes or masks of the same axes."""

    smooth: float = Field(default=1.0, ge=0, allow_inf_nan=False)
    """What is added to both sides of the fraction, so that two empty regions agree."""
    classes: Sizes | None = None
    """The classes that count, where the target is a class for each place: one, or a list."""

    @property
    def counts(self) -> tuple[float, float, float]:
        """What counts how much: common places k, places that are only said a, and those that are only true b.

        With `i = sum of p * t`, `f = sum of p * (1 - t)` and `m = sum of (1 - p) * t` the overlap is
        `(k * i + smooth) / (k * i + a * f + b * m + smooth)`.
        """
        raise NotImplementedError

    @property
    def exponent(self) -> float:
        """The power of what is missing."""
        return 1.0

    def infer(
        self, prediction: TensorType, target: TensorType, weights: TensorType | None = None
    ) -> Inferred:
        """One number, or `[batch, class]`; the prediction must be proved to lie in [0, 1]."""
        element, constraints = self._element(prediction, target)
        return self.reduced(TensorType(element, "float32", Facts(low=0, high=1)), weights, constraints)

    def _element(
        self, prediction: TensorType, target: TensorType
    ) -> tuple[tuple[Axis, ...], tuple[Constraint, ...]]:
        """The axes of single values: the batch, and the classes where there are any."""
        floating(prediction, self.name, 0)
        if not prediction.facts.within_unit:
            raise Problem(
                "NS343",
                f"`{self.name}` compares shares, and these numbers may leave [0, 1]: {told(prediction)}",
                at=0,
                help=f"take the softmax first, `{self.name}(softmax(logits), target)`, or `sigmoid` against a mask",
            )
        if target.dtype == "int64":
            axes, constraints = per_class(prediction, target, self.name)
            _regions(axes, self.name)
            kept = chosen(prediction, self.classes, self.name)
            size = prediction.axes[1].size if kept is None else Dim.of(len(kept))
            return (axes[0], Axis(prediction.names[1], size)), constraints
        if target.dtype == "float32" and not target.facts.within_unit:
            raise Problem(
                "NS330",
                f"`{self.name}` wants a target in [0, 1]: {told(target)}",
                at=1,
                help="declare it `kind: mask`, `kind: class_index` or `range: [0, 1]`",
            )
        axes, constraints = agree((prediction, target), self.name, numbers=False)
        if self.classes is not None:
            help = "leave `classes` out, or give classes as target"
            raise Problem(
                "NS342", "`classes` chooses among classes, and the target is a mask", at="classes", help=help
            )
        space = space_of(prediction, target, self.name)
        element = tuple(axis for i, axis in enumerate(axes) if i not in space)
        if not space:
            raise _no_space(self.name)
        return element, constraints

    @staticmethod
    def samples() -> list[Sample]:
        """Classes and masks, each reduction, chosen classes, weights, and what are no shares."""
        shares, unit = _scores(Facts(low=0, high=1, sums_to_one="channel")), Facts(low=0, high=1)
        label, mask = _label(), Facts(low=0, high=1, mask=True)
        plane = tensor(batch=2, height=3, width=2, facts=unit)
        yes = tensor("bool", batch=2, height=3, width=2, facts=mask)
        two = tensor(batch=2, channel=2, height=3, width=2, facts=unit)
        each = tensor(batch=2, facts=Facts(low=0.25, high=2))
        return [
            good(shares, label),
            good(shares, label, reduction="sum"),
            good(shares, label, reduction="none", classes=(1, 2)),
            good(shares, label, smooth=0.125, classes=1),
            good(plane, yes),
            good(two, two),
            good(shares, label, each),
            good(shares, label, each, reduction="none"),
            bad("NS343", _scores(), label),
            bad("NS342", shares, label, classes=(0, 3)),
            bad("NS342", plane, yes, classes=1),
            bad("NS330", shares, _scores()),
            bad("NS254", tensor(batch=2, channel=3, facts=unit), tensor("int64", batch=2)),
            bad("NS251", two, tensor(batch=2, channel=2, height=3, width=1, facts=unit)),
        ]


class DiceLoss(Overlap):
    """One less the soft Dice overlap: `1 - (2 * sum of p * t + smooth) / (sum of p + sum of t + smooth)`.

    The sums are over space, for each sample and each class. Takes probabilities `[batch, class, *space]` against whole
    numbers `[batch, *space]`, or against a mask or shares of the same axes, of which only `channel` counts as classes
    (Milletari, Navab and Ahmadi, 2016, without their squares).
    """

    name: ClassVar[str] = "dice_loss"

    @property
    def counts(self) -> tuple[float, float, float]:
        """A common place counts for both sides."""
        return 2.0, 1.0, 1.0


class JaccardLoss(Overlap):
    """One less the soft Jaccard overlap: `1 - (i + smooth) / (sum of p + sum of t - i + smooth)`, `i = sum of p * t`.

    The sums are over space, for each sample and each class; inputs are those of `dice_loss`.
    """

    name: ClassVar[str] = "jaccard_loss"

    @property
    def counts(self) -> tuple[float, float, float]:
        """Each place counts once."""
        return 1.0, 1.0, 1.0


class TverskyLoss(Overlap):
    """One less the soft Tversky overlap: `(1 - (i + smooth) / (i + alpha * f + beta * m + smooth)) ** gamma`.

    `i = sum of p * t` is what is right, `f = sum of p * (1 - t)` what is said and not true, `m = sum of (1 - p) * t`
    what is true and missed; the sums are over space, for each sample and each class, and inputs are those of
    `dice_loss`. A beta above alpha finds more of small regions (Salehi, Erdogmus and Gholipour, 2017). With 1/2 and 1/2
    it is `dice_loss` of twice the `smooth`, with 1 and 1 `jaccard_loss`. A `gamma` other than 1 is the focal form:
    Abraham and Khan (2019) take the power 3/4. Where nothing is missing the slope of that is 0.
    """

    name: ClassVar[str] = "tversky_loss"

    alpha: float = Field(default=0.5, ge=0, allow_inf_nan=False)
    """What counts a place that is said and not true."""
    beta: float = Field(default=0.5, ge=0, allow_inf_nan=False)
    """What counts a place that is true and missed."""
    gamma: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    """The power of the loss of each sample and class."""

    @property
    def counts(self) -> tuple[float, float, float]:
        """A common place counts once, the others as it is written."""
        return 1.0, self.alpha, self.beta

    @property
    def exponent(self) -> float:
        """As it is written."""
        return self.gamma

    @staticmethod
    def samples() -> list[Sample]:
        """What all soft overlaps share, other weights of both mistakes, and the focal form."""
        shares, label = _scores(Facts(low=0, high=1, sums_to_one="channel")), _label()
        return [
            *Overlap.samples(),
            good(shares, label, alpha=0.3, beta=0.7),
            good(shares, label, alpha=0.25, beta=0.75, gamma=0.75, reduction="none"),
            good(shares, label, alpha=1.0, beta=0.0, gamma=2.0, classes=(1, 2)),
        ]


def chosen(scores: TensorType, classes: int | Chosen | None, op: str) -> Chosen | None:
    """The classes that count; None for all. Problem NS342 for one that is not there, or is named twice."""
    if classes is None:
        return None
    kept = (classes,) if isinstance(classes, int) else classes
    count = scores.axes[1].size.value
    wrong = [one for one in kept if one < 0 or (count is not None and one >= count)]
    if wrong or len(set(kept)) != len(kept) or not kept:
        what = f"there is no class `{wrong[0]}`" if wrong else "`classes` names none, or one twice"
        last = f"0 .. {count - 1}" if count is not None else "whole numbers from 0"
        raise Problem("NS342", f"`{op}`: {what}", at="classes", help=f"the classes are {last}")
    return kept


def space_of(prediction: TensorType, target: TensorType, op: str) -> tuple[int, ...]:
    """The positions of the prediction's axes that are summed over: all but the batch and the classes."""
    if target.dtype == "int64":
        return tuple(range(2, prediction.rank))
    axes, _ = agree((prediction, target), op, numbers=False)
    return tuple(i for i, axis in enumerate(axes) if axis.name not in (BATCH, CHANNEL))


def _regions(axes: tuple[Axis, ...], op: str) -> None:
    """Problem NS254 where there is no space for regions."""
    if len(axes) == 1:
        raise _no_space(op)


def _no_space(op: str) -> Problem:
    """The error of regions without space."""
    help = "give it an image of classes; for one class a sample use `cross_entropy` and `accuracy`"
    return Problem(
        "NS254", f"`{op}` compares regions, and there is no space they could lie in", at=0, help=help
    )


def _scores(facts: Facts = NOTHING) -> TensorType:
    """Images of numbers for three classes."""
    return tensor(batch=2, channel=3, height=3, width=2, facts=facts)


def _label() -> TensorType:
    """Images of three classes."""
    return tensor("int64", batch=2, height=3, width=2, facts=Facts(low=0, high=2, classes=3))
