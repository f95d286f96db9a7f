"""Losses, each with the checks that its formula asks for: a contradiction is an error, what is unproved a warning."""

from dataclasses import replace
from typing import ClassVar, Literal

from netspec.ir.facts import Facts
from netspec.ir.op import Constraint, Inferred, Op, Sample, bad, good
from netspec.ir.problem import Problem, Warned
from netspec.ir.types import TensorType, tensor
from netspec.ir.units import power
from netspec.ops import interval
from netspec.ops.classes import class_losses, per_class
from netspec.ops.distribution import curve, is_cdf, same_bins, told, within_bins
from netspec.ops.elementwise import Agreed, agree, common_unit, floating, two_units
from netspec.ops.reduction import Over, Reduction


class Loss(Reduction):
    """What all losses share: a value for each element, then their mean, their sum, or none of both."""

    slots: ClassVar[tuple[str, ...]] = ("prediction", "target")

    reduction: Literal["mean", "sum", "none"] = "mean"

    @property
    def reduces(self) -> Over | None:
        """As `reduction` says."""
        return None if self.reduction == "none" else self.reduction

    def per_sample(self, given: int = 1) -> Op | None:
        """The same loss with a value for each element."""
        del given
        return self.model_copy(update={"reduction": "none"})

    def reduced(
        self,
        element: TensorType,
        constraints: tuple[Constraint, ...] = (),
        warnings: tuple[Warned, ...] = (),
    ) -> Inferred:
        """What is inferred, given the type of the values of single elements."""
        low, high = interval.of(element)
        if self.reduction == "sum":
            low, high = interval.repeated((low, high), None)
        if self.reduction != "none":
            element = TensorType((), "float32", Facts(low=low, high=high), element.unit)
        return Inferred((element,), constraints=constraints, warnings=warnings)


class Crps(Loss):
    """The continuous ranked probability score: the squared area between a curve and the true step.

    `loss = mean over n of (cdf[n] - H(n - target)) ** 2` for the bins n = 0 .. bins - 1 along the last axis of `cdf`,
    H(0) = 1; the target has the other axes, and the unit of the bins. Then `reduction` over those. It is the score of
    the Second Annual Data Science Bowl; see T. Gneiting and A. E. Raftery, J. Am. Stat. Assoc. 102 (2007), section 4.2.
    The target has no gradient.
    """

    name: ClassVar[str] = "crps"
    slots: ClassVar[tuple[str, ...]] = ("cdf", "target")

    def infer(self, cdf: TensorType, target: TensorType) -> Inferred:
        """One number, or the target's axes; the curve must be a distribution function, the target within the bins."""
        floating(cdf, self.name, 0)
        floating(target, self.name, 1)
        bins = curve(cdf, self.name).size.value
        axes, constraints = agree((cdf.with_axes(cdf.axes[:-1]), target), self.name, numbers=False)
        same_bins(cdf, target, self.name)
        warnings = is_cdf(cdf, self.name)
        if bins is not None:
            warnings += within_bins(target, bins, self.name, 1)
        return self.reduced(TensorType(axes, "float32", Facts(low=0, high=1)), constraints, warnings)

    @staticmethod
    def samples() -> list[Sample]:
        """Each reduction, more axes, and every contradiction."""
        cdf = tensor(batch=3, bin=6, facts=Facts(low=0, high=1, nondecreasing="bin"))
        volume = tensor(batch=3, unit="ml", facts=Facts(low=0, high=5))
        return [
            good(cdf, volume),
            good(cdf, volume, reduction="sum"),
            good(cdf, volume, reduction="none"),
            good(tensor(batch=3, feature=6, facts=Facts(low=0, high=1)), volume),
            good(
                tensor(batch=2, time=2, bin=4, facts=Facts(low=0, high=1, nondecreasing="bin")),
                tensor(batch=2, time=2, facts=Facts(low=0, high=3)),
            ),
            bad("NS319", tensor(batch=3, bin=6), volume),
            bad("NS319", tensor(batch=3, bin=6, facts=Facts(low=0, high=1, sums_to_one="bin")), volume),
            bad("NS311", replace(cdf, axes=(*cdf.axes[:-1], replace(cdf.axes[-1], unit="mm"))), volume),
            bad("NS321", cdf, tensor(batch=3, facts=Facts(low=0, high=600))),
            bad("NS250", cdf, tensor(batch=3, feature=1, facts=Facts(low=0, high=5))),
            bad("NS251", cdf, tensor(batch=4, facts=Facts(low=0, high=5))),
            bad("NS254", tensor(batch=3, facts=Facts(low=0, high=1)), volume),
            bad("NS310", cdf, tensor("int64", batch=3, facts=Facts(low=0, high=4, classes=5))),
        ]


class Bce(Loss):
    """Binary cross-entropy of probabilities: `-(t * log(p) + (1 - t) * log(1 - p))`, element by element.

    Both logarithms are held at -100 or above, and the divisor `p * (1 - p)` of the gradient at 1e-12 or above, as in
    `torch.nn.functional.binary_cross_entropy`. The target has the same axes and lies in [0, 1]; a mask counts as
    0 and 1.
    """

    name: ClassVar[str] = "bce"

    def infer(self, prediction: TensorType, target: TensorType) -> Inferred:
        """One number, or the common axes; the prediction must be proved to lie in [0, 1]."""
        floating(prediction, self.name, 0)
        warnings = _zero_to_one(target, self.name)
        axes, constraints = _elementwise(prediction, target, self.name)
        if not prediction.facts.within_unit:
            raise Problem(
                "NS314",
                f"`bce` wants probabilities, and these numbers may leave [0, 1]: {told(prediction)}",
                at=0,
                help="use `bce_with_logits`, or end with `- sigmoid`",
            )
        return self.reduced(TensorType(axes, "float32", Facts(low=0, high=100)), constraints, warnings)

    @staticmethod
    def samples() -> list[Sample]:
        """Each reduction, targets of three kinds, and every contradiction."""
        p = tensor(batch=2, feature=5, facts=Facts(low=0, high=1))
        t = tensor(batch=2, bin=5, facts=Facts(low=0, high=1))
        return [
            good(p, t),
            good(p, t, reduction="sum"),
            good(p, t, reduction="none"),
            good(p, tensor("bool", batch=2, bin=5, facts=Facts(low=0, high=1, mask=True))),
            good(p, tensor("int64", batch=2, bin=5, facts=Facts(low=0, high=1, classes=2))),
            bad("NS314", tensor(batch=2, feature=5), t),
            bad("NS330", p, tensor(batch=2, bin=5, facts=Facts(low=0, high=255))),
            bad("NS330", p, tensor("int64", batch=2, bin=5, facts=Facts(low=0, high=2, classes=3))),
            bad("NS250", p, tensor(batch=2, facts=Facts(low=0, high=1))),
            bad("NS251", p, tensor(batch=2, bin=1, facts=Facts(low=0, high=1))),
        ]


class BceWithLogits(Loss):
    """Binary cross-entropy of logits: `max(x, 0) - x * t + log(1 + exp(-|x|))`, element by element.

    It is `bce` of `sigmoid(x)` without its loss of digits. The target has the same axes and lies in [0, 1].
    """

    name: ClassVar[str] = "bce_with_logits"

    def infer(self, prediction: TensorType, target: TensorType) -> Inferred:
        """One number, or the common axes; what lies in [0, 1] already is refused as logits."""
        floating(prediction, self.name, 0)
        warnings = _zero_to_one(target, self.name)
        axes, constraints = _elementwise(prediction, target, self.name)
        if prediction.facts.within_unit:
            raise Problem(
                "NS315",
                f"`bce_with_logits` takes the sigmoid itself, and these numbers lie in "
                f"[{prediction.facts.low:g}, {prediction.facts.high:g}] already",
                at=0,
                help="remove the `sigmoid`, or use `bce`",
            )
        return self.reduced(TensorType(axes, "float32", Facts(low=0)), constraints, warnings)

    @staticmethod
    def samples() -> list[Sample]:
        """Each reduction, a mask as target, and every contradiction."""
        x = tensor(batch=2, feature=5)
        t = tensor(batch=2, bin=5, facts=Facts(low=0, high=1))
        return [
            good(x, t),
            good(x, t, reduction="sum"),
            good(x, t, reduction="none"),
            good(x, tensor("bool", batch=2, bin=5, facts=Facts(low=0, high=1, mask=True))),
            bad("NS315", tensor(batch=2, feature=5, facts=Facts(low=0, high=1)), t),
            bad("NS330", x, tensor(batch=2, bin=5, facts=Facts(low=-1, high=1))),
            bad("NS250", x, tensor(batch=2, facts=Facts(low=0, high=1))),
        ]


class CrossEntropy(Loss):
    """Cross-entropy of logits and classes: `loss = -log_softmax(logits)[target]`, the softmax over the classes.

    Takes logits `[batch, class, *space]` and whole numbers `[batch, *space]`, as `torch.nn.functional.cross_entropy`.
    """

    name: ClassVar[str] = "cross_entropy"
    slots: ClassVar[tuple[str, ...]] = ("logits", "target")

    def infer(self, logits: TensorType, target: TensorType) -> Inferred:
        """One number, or the target's axes; what went through a softmax already is refused."""
        element, constraints = per_class(logits, target, self.name)
        axis, facts = logits.axes[1].name, logits.facts
        if facts.is_probabilities(axis) and facts.sums_to_one == axis:
            raise Problem(
                "NS312",
                f"`cross_entropy` takes the softmax itself, and these are probabilities over `{axis}` already",
                at=0,
                help="remove the `softmax`",
            )
        if facts.log_probabilities == axis:
            raise Problem(
                "NS313",
                f"`cross_entropy` takes the log_softmax itself, and these are log_probabilities over `{axis}` already",
                at=0,
                help="use `nll`, or remove the `log_softmax`",
            )
        warnings: tuple[Warned, ...] = ()
        if facts.within_unit:
            message = "logits that all lie in [0, 1] can never say that a class is certain"
            warnings = (
                Warned("NS331", message, at=0, help="remove the layer that squeezes them, such as `sigmoid`"),
            )
        return self.reduced(TensorType(element, "float32", Facts(low=0)), constraints, warnings)

    @staticmethod
    def samples() -> list[Sample]:
        """Each reduction, images of classes, and every contradiction."""
        squeezed = Facts(low=0, high=1, sums_to_one="channel")
        return [
            *class_losses(Facts()),
            bad("NS312", tensor(batch=4, channel=3, facts=squeezed), tensor("int64", batch=4)),
            bad(
                "NS313",
                tensor(batch=4, channel=3, facts=Facts(high=0, log_probabilities="channel")),
                tensor("int64", batch=4),
            ),
        ]


class Nll(Loss):
    """Negative log-likelihood of classes: `loss = -log_probabilities[target]`.

    Takes log-probabilities `[batch, class, *space]`, the output of `log_softmax`, and whole numbers `[batch, *space]`.
    """

    name: ClassVar[str] = "nll"
    slots: ClassVar[tuple[str, ...]] = ("log_probabilities", "target")

    def infer(self, log_probabilities: TensorType, target: TensorType) -> Inferred:
        """One number, or the target's axes; what is not proved to be log-probabilities is refused."""
        element, constraints = per_class(log_probabilities, target, self.name)
        axis = log_probabilities.axes[1].name
        if log_probabilities.facts.log_probabilities != axis:
            raise Problem(
                "NS316",
                f"`nll` wants log_probabilities over `{axis}`, and that these are is not proved",
                at=0,
                help="end with `- log_softmax`, or use `cross_entropy` on the logits",
            )
        return self.reduced(TensorType(element, "float32", Facts(low=0)), constraints)

    @staticmethod
    def samples() -> list[Sample]:
        """Each reduction, images of classes, and every contradiction."""
        return [
            *class_losses(Facts(high=0, log_probabilities="channel")),
            bad("NS316", tensor(batch=4, channel=3), tensor("int64", batch=4)),
        ]


class Mse(Loss):
    """The squared error: `(prediction - target) ** 2`, element by element; both have the same axes and unit."""

    name: ClassVar[str] = "mse"

    def infer(self, prediction: TensorType, target: TensorType) -> Inferred:
        """One number, or the common axes, in the square of the unit of both."""
        axes, constraints = _difference(prediction, target, self.name)
        low, high = interval.power(_gap(prediction, target), (2, 2))
        unit = power(common_unit((prediction, target), self.name), 2)
        return self.reduced(TensorType(axes, "float32", Facts(low=low, high=high), unit), constraints)

    @staticmethod
    def samples() -> list[Sample]:
        """Each reduction, more axes, and every disagreement."""
        return _difference_samples()


class L1(Loss):
    """The absolute error: `|prediction - target|`, element by element; both have the same axes and unit.

    The subgradient where both are equal is 0, as in PyTorch.
    """

    name: ClassVar[str] = "l1"

    def infer(self, prediction: TensorType, target: TensorType) -> Inferred:
        """One number, or the common axes, in the unit of both."""
        axes, constraints = _difference(prediction, target, self.name)
        low, high = interval.absolute(_gap(prediction, target))
        unit = common_unit((prediction, target), self.name)
        return self.reduced(TensorType(axes, "float32", Facts(low=low, high=high), unit), constraints)

    @staticmethod
    def samples() -> list[Sample]:
        """Each reduction, more axes, and every disagreement."""
        return _difference_samples()


def _elementwise(prediction: TensorType, target: TensorType, op: str) -> Agreed:
    """The common axes of prediction and target; nothing spreads between them, ever."""
    if not prediction.rank:
        raise Problem("NS254", f"`{op}` of one number", at=0, help="give it a prediction for every sample")
    return agree((prediction, target), op, numbers=False)


def _difference(prediction: TensorType, target: TensorType, op: str) -> Agreed:
    """The common axes of two floating inputs in one unit."""
    floating(prediction, op, 0)
    floating(target, op, 1)
    if prediction.unit and target.unit and prediction.unit != target.unit:
        raise two_units(op, target.unit, prediction.unit, 0)
    return _elementwise(prediction, target, op)


def _gap(prediction: TensorType, target: TensorType) -> interval.Interval:
    """The bounds of prediction - target."""
    return interval.add(interval.of(prediction), interval.negative(interval.of(target)))


def _zero_to_one(target: TensorType, op: str) -> tuple[Warned, ...]:
    """Problem NS330 where the target leaves [0, 1], a warning NS328 where nothing is known of it."""
    low, high = interval.of(target)
    if target.dtype == "bool" or target.facts.within_unit or target.facts.classes in (1, 2):
        return ()
    if target.facts.bounded or target.dtype == "int64":
        raise Problem(
            "NS330",
            f"`{op}` wants a target in [0, 1], and this one lies in [{low:g}, {high:g}]",
            at=1,
            help="classes go to `cross_entropy`; other numbers need a `rescale`, or another loss",
        )
    message = f"`{op}` wants a target in [0, 1], and its range is not declared"
    return (Warned("NS328", message, at=1, help="write `range: [0, 1]` or `kind: mask` at the target"),)


def _difference_samples() -> list[Sample]:
    """The samples of losses of a difference."""
    x = tensor(batch=3, feature=4)
    t = tensor(batch=3, channel=4, facts=Facts(low=-1, high=1))
    return [
        good(x, t),
        good(x, t, reduction="sum"),
        good(x, t, reduction="none"),
        good(tensor(batch=4, unit="ml"), tensor(batch=4, unit="ml", facts=Facts(low=0, high=600))),
        good(tensor(batch=2, channel=2, height=3, width=2), tensor(batch=2, channel=2, height=3, width=2)),
        bad("NS250", x, tensor(batch=3)),
        bad("NS250", tensor(batch=3, feature=1), tensor(batch=3)),
        bad("NS251", x, tensor(batch=3, feature=1)),
        bad("NS252", tensor(batch=3, bin=4), tensor(batch=3, channel=4)),
        bad("NS254", TensorType(), TensorType()),
        bad("NS310", x, tensor("int64", batch=3, feature=4, facts=Facts(low=0, high=4, classes=5))),
        bad("NS311", tensor(batch=4, unit="ml"), tensor(batch=4, unit="mm")),
    ]
