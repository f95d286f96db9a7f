"""Losses of classes: how unlikely the right class is, for each sample or each place of an image."""

from typing import Annotated, ClassVar

from pydantic import BeforeValidator, Field

from netspec.ir.facts import Facts
from netspec.ir.op import Inferred, Sample, bad, good
from netspec.ir.problem import Cure, Problem, Warned
from netspec.ir.types import TensorType, tensor
from netspec.ops.class_index import ClassWeight
from netspec.ops.classes import are_shares, class_losses, never_comes, per_class, per_share
from netspec.ops.loss import Loss
from netspec.ops.reduction import Factor

Weight = Annotated[
    tuple[float, ...] | None,
    BeforeValidator(lambda value: tuple(value) if isinstance(value, list) else value),
]
"""One number for each class."""


class ClassLoss(Loss):
    """What losses of classes share: weights of the classes, and a class that does not count.

    Each element is multiplied by the weight of its target's class, and the mean is divided by the sum of these weights,
    as in PyTorch; an ignored target has the weight 0. The input `weights` multiplies both.
    """

    weight: Weight = None
    """What each class counts; without it each counts 1."""
    ignore_index: int | None = None
    """The class whose targets do not count."""

    def counted(self, target: TensorType) -> bool:
        """Whether some targets count more than others in the divisor of a mean; shares of classes never do."""
        return not are_shares(target) and (self.weight is not None or self.ignore_index is not None)

    def weights(self, *inputs: TensorType) -> tuple[Factor, ...]:
        """The weights of the classes, and the input `weights`."""
        own = ClassWeight(weight=self.weight, ignore_index=self.ignore_index)
        return (((own, 1),) if self.counted(inputs[1]) else ()) + super().weights(*inputs)

    def weigh(
        self,
        scores: TensorType,
        target: TensorType,
        weights: TensorType | None,
        warnings: tuple[Warned, ...] = (),
    ) -> Inferred:
        """What is inferred of elements that are 0 or more, after the checks of what weighs them."""
        axes, constraints = per_class(scores, target, self.name, ignore_index=self.ignore_index)
        warnings += never_comes(target, self.ignore_index)
        if self.weight is not None:
            self._listed(scores)
        return self.reduced(TensorType(axes, "float32", Facts(low=0)), weights, constraints, warnings)

    def _listed(self, scores: TensorType) -> None:
        """Problem NS337 for another number of weights than of classes, NS338 for one below 0."""
        assert self.weight is not None
        count = scores.axes[1].size.value
        if count is not None and len(self.weight) != count:
            raise Problem(
                "NS337",
                f"`weight` has `{len(self.weight)}` numbers, and there are `{count}` classes",
                at="weight",
                help=f"write one number for each of the {count} classes, in their order",
            )
        if min(self.weight) < 0:
            raise Problem(
                "NS338", "`weight` has a negative number", at="weight", help="a weight is 0 or more"
            )


class CrossEntropy(ClassLoss):
    """Cross-entropy of logits and classes: `loss = -log_softmax(logits)[target]`, the softmax over the classes.

    Takes logits `[batch, class, *space]` and whole numbers `[batch, *space]`, as `torch.nn.functional.cross_entropy`.
    With `label_smoothing` e it is `(1 - e) * loss + e * mean over the classes of -log_softmax`, each class with its
    weight (Szegedy and others, 2015). The target may also be shares t of the classes, `[batch, class, *space]`, as a
    teacher or a mixture of labels gives them: `loss = -sum over the classes of weight * t * log_softmax(logits)`. Then
    the mean is over the number of elements whatever the weights, as PyTorch has it, and no class can be ignored.
    """

    name: ClassVar[str] = "cross_entropy"
    slots: ClassVar[tuple[str, ...]] = ("logits", "target", "weights?")

    label_smoothing: float = Field(default=0.0, ge=0, le=1)
    """Which share of the certainty is spread over all classes."""

    def infer(self, logits: TensorType, target: TensorType, weights: TensorType | None = None) -> Inferred:
        """One number, or the axes without that of the classes; what went through a softmax already is refused."""
        if not are_shares(target) or target.rank != logits.rank:
            return self.weigh(logits, target, weights, are_logits(logits, self.name))
        axes, constraints = per_share(logits, target, self.name)
        if self.ignore_index is not None:
            raise Problem(
                "NS345",
                "`ignore_index` leaves out a class, and the target is shares of all classes",
                at="ignore_index",
                help="leave it out, or give classes as target; the input `weights` leaves out single elements",
            )
        if self.weight is not None:
            self._listed(logits)
        element = TensorType(axes, "float32", Facts(low=0))
        return self.reduced(element, weights, constraints, are_logits(logits, self.name))

    @staticmethod
    def samples() -> list[Sample]:
        """Each reduction, images of classes, weights, smoothed labels, shares as target, and every contradiction."""
        return [*class_losses(Facts()), *_smoothed(Facts()), *_shared(), *_no_logits()]


class Nll(ClassLoss):
    """Negative log-likelihood of classes: `loss = -log_probabilities[target]`.

    Takes log-probabilities `[batch, class, *space]`, the output of `log_softmax`, and whole numbers `[batch, *space]`.
    `label_smoothing` is as for `cross_entropy`; PyTorch has none here.
    """

    name: ClassVar[str] = "nll"
    slots: ClassVar[tuple[str, ...]] = ("log_probabilities", "target", "weights?")

    label_smoothing: float = Field(default=0.0, ge=0, le=1)
    """Which share of the certainty is spread over all classes."""

    def infer(
        self, log_probabilities: TensorType, target: TensorType, weights: TensorType | None = None
    ) -> Inferred:
        """One number, or the target's axes; what is not proved to be log-probabilities is refused."""
        inferred = self.weigh(log_probabilities, target, weights)
        axis, facts = log_probabilities.axes[1].name, log_probabilities.facts
        if facts.log_probabilities == axis:
            return inferred
        if facts.is_probabilities(axis):
            message = f"`nll` wants log_probabilities over `{axis}`, and these are probabilities"
            help = "replace `softmax` by `log_softmax`"
            raise Problem("NS316", message, at=0, help=help)
        raise Problem(
            "NS316",
            f"`nll` wants log_probabilities over `{axis}`, and that these are is not proved",
            at=0,
            help="end with `- log_softmax`, or use `cross_entropy` on the logits",
            cure=Cure(instead="cross_entropy"),
        )

    @staticmethod
    def samples() -> list[Sample]:
        """Each reduction, images of classes, weights, smoothed labels, and every contradiction."""
        shares = Facts(low=0, high=1, sums_to_one="channel")
        return [
            *class_losses(Facts(high=0, log_probabilities="channel")),
            *_smoothed(Facts(high=0, log_probabilities="channel")),
            bad("NS316", tensor(batch=4, channel=3), tensor("int64", batch=4)),
            bad("NS316", tensor(batch=4, channel=3, facts=shares), tensor("int64", batch=4)),
        ]


class Focal(ClassLoss):
    """Cross-entropy that leaves easy cases alone: `-(1 - p) ** gamma * log(p)`, p the probability of the right class.

    Takes logits and classes as `cross_entropy`, of which it is `(1 - p) ** gamma` times (Lin and others, 2017, equation
    4); `weight` is their alpha. PyTorch has none; the mean is the weighted mean, as for `cross_entropy`.
    """

    name: ClassVar[str] = "focal"
    main: ClassVar[str | None] = "gamma"
    slots: ClassVar[tuple[str, ...]] = ("logits", "target", "weights?")

    gamma: float = Field(default=2.0, ge=0, allow_inf_nan=False)
    """How little easy cases count; with 0 it is `cross_entropy`."""

    def infer(self, logits: TensorType, target: TensorType, weights: TensorType | None = None) -> Inferred:
        """One number, or the target's axes; what went through a softmax already is refused."""
        return self.weigh(logits, target, weights, are_logits(logits, self.name))

    @staticmethod
    def samples() -> list[Sample]:
        """Each reduction, images of classes, weights, other powers, and every contradiction."""
        label = tensor("int64", batch=4, facts=Facts(low=0, high=2, classes=3))
        scores = tensor(batch=4, channel=3)
        return [
            *class_losses(Facts()),
            good(scores, label, gamma=0.0),
            good(scores, label, gamma=1.5, weight=(0.25, 1.0, 2.0)),
            *_no_logits(),
        ]


def are_logits(logits: TensorType, op: str) -> tuple[Warned, ...]:
    """Problem where a softmax was taken already, a warning where all numbers are squeezed into [0, 1]."""
    if logits.rank < 2:
        return ()
    axis, facts = logits.axes[1].name, logits.facts
    if facts.is_probabilities(axis) and facts.sums_to_one == axis:
        raise Problem(
            "NS312",
            f"`{op}` takes the softmax itself, and these are probabilities over `{axis}` already",
            at=0,
            help="remove the `softmax`",
            cure=Cure(without="softmax"),
        )
    if facts.log_probabilities == axis:
        raise Problem(
            "NS313",
            f"`{op}` takes the log_softmax itself, and these are log_probabilities over `{axis}` already",
            at=0,
            help="use `nll`, or remove the `log_softmax`"
            if op == "cross_entropy"
            else "remove the `log_softmax`",
            cure=Cure(instead="nll") if op == "cross_entropy" else Cure(without="log_softmax"),
        )
    if not facts.within_unit:
        return ()
    message = "logits that all lie in [0, 1] can never say that a class is certain"
    help = "remove the layer that squeezes them, such as `sigmoid`"
    return (Warned("NS331", message, at=0, help=help, without="sigmoid"),)


def _smoothed(facts: Facts) -> list[Sample]:
    """Smoothed labels, with weights of classes and without."""
    label = tensor("int64", batch=4, facts=Facts(low=0, high=2, classes=3))
    scores = tensor(batch=4, channel=3, facts=facts)
    return [
        good(scores, label, label_smoothing=0.1),
        good(scores, label, label_smoothing=0.25, weight=(0.5, 1.0, 2.0), ignore_index=1),
    ]


def _shared() -> list[Sample]:
    """Shares of classes as target, and what are none."""
    scores, shares = tensor(batch=4, channel=3), Facts(low=0, high=1, sums_to_one="channel")
    t = tensor(batch=4, channel=3, facts=shares)
    image = tensor(batch=2, channel=3, height=2, width=2)
    return [
        good(scores, t),
        good(scores, t, reduction="sum", weight=(0.5, 1.0, 2.0)),
        good(scores, t, weight=(0.5, 1.0, 2.0), label_smoothing=0.1),
        good(image, image.with_facts(shares), reduction="none", label_smoothing=0.25),
        good(image, image.with_facts(shares), tensor(batch=2, facts=Facts(low=0.25, high=2))),
        bad("NS341", scores, tensor(batch=4, channel=3, facts=Facts(low=0, high=1))),
        bad("NS345", scores, t, ignore_index=0),
        bad("NS337", scores, t, weight=(0.5, 1.0)),
        bad("NS251", scores, tensor(batch=4, channel=4, facts=shares)),
        bad("NS322", tensor(batch=4, channel=1), tensor(batch=4, channel=1, facts=shares)),
    ]


def _no_logits() -> list[Sample]:
    """What went through a softmax already."""
    squeezed, logs = Facts(low=0, high=1, sums_to_one="channel"), Facts(high=0, log_probabilities="channel")
    label = tensor("int64", batch=4)
    return [
        bad("NS312", tensor(batch=4, channel=3, facts=squeezed), label),
        bad("NS313", tensor(batch=4, channel=3, facts=logs), label),
    ]
