"""Losses of yes and no: cross-entropy of probabilities, and of the logits that become such."""

from typing import Annotated, ClassVar

from pydantic import BeforeValidator, Field

from netspec.ir.facts import Facts
from netspec.ir.op import Inferred, Sample, bad, good
from netspec.ir.problem import Cure, Problem, Warned
from netspec.ir.types import TensorType, tensor
from netspec.ops import interval
from netspec.ops.distribution import told
from netspec.ops.elementwise import floating
from netspec.ops.loss import Loss, elementwise, weight_samples

Weights = Annotated[
    float | tuple[float, ...] | None,
    BeforeValidator(lambda value: tuple(value) if isinstance(value, list) else value),
]
"""One number for all classes, or a list with one for each."""


class Bce(Loss):
    """Binary cross-entropy of probabilities: `-(t * log(p) + (1 - t) * log(1 - p))`, element by element.

    Both logarithms are held at -100 or above, and the divisor `p * (1 - p)` of the gradient at 1e-12 or above, as in
    `torch.nn.functional.binary_cross_entropy`. The target has the same axes and lies in [0, 1]; a mask counts as
    0 and 1. With `weights` the mean is divided by their sum, where PyTorch divides by the number of elements.
    """

    name: ClassVar[str] = "bce"

    def infer(
        self, prediction: TensorType, target: TensorType, weights: TensorType | None = None
    ) -> Inferred:
        """One number, or the common axes; the prediction must be proved to lie in [0, 1]."""
        floating(prediction, self.name, 0)
        warnings = _zero_to_one(target, self.name)
        axes, constraints = elementwise(prediction, target, self.name)
        if not prediction.facts.within_unit:
            raise Problem(
                "NS314",
                f"`bce` wants probabilities, and these numbers may leave [0, 1]: {told(prediction)}",
                at=0,
                help="use `bce_with_logits`, or end with `- sigmoid`",
                cure=Cure(instead="bce_with_logits"),
            )
        return self.reduced(
            TensorType(axes, "float32", Facts(low=0, high=100)), weights, constraints, warnings
        )

    @staticmethod
    def samples() -> list[Sample]:
        """Each reduction, targets of three kinds, weights, and every contradiction."""
        p = tensor(batch=2, feature=5, facts=Facts(low=0, high=1))
        t = tensor(batch=2, bin=5, facts=Facts(low=0, high=1))
        return [
            good(p, t),
            good(p, t, reduction="sum"),
            good(p, t, reduction="none"),
            good(p, tensor("bool", batch=2, bin=5, facts=Facts(low=0, high=1, mask=True))),
            good(p, tensor("int64", batch=2, bin=5, facts=Facts(low=0, high=1, classes=2))),
            *weight_samples(p, t),
            bad("NS314", tensor(batch=2, feature=5), t),
            bad("NS330", p, tensor(batch=2, bin=5, facts=Facts(low=0, high=255))),
            bad("NS330", p, tensor("int64", batch=2, bin=5, facts=Facts(low=0, high=2, classes=3))),
            bad("NS250", p, tensor(batch=2, facts=Facts(low=0, high=1))),
            bad("NS251", p, tensor(batch=2, bin=1, facts=Facts(low=0, high=1))),
        ]


class BceWithLogits(Loss):
    """Binary cross-entropy of logits: `max(x, 0) - x * t + log(1 + exp(-|x|))`, element by element.

    It is `bce` of `sigmoid(x)` without its loss of digits. The target has the same axes and lies in [0, 1].
    `pos_weight` multiplies the part of the yes, one number for all or one for each place along the first axis after the
    batch; the mean is over the number of elements all the same, as PyTorch has it. `weights` are as for `bce`.
    """

    name: ClassVar[str] = "bce_with_logits"

    pos_weight: Weights = Field(default=None)
    """What a yes counts, where a no counts 1."""

    def infer(
        self, prediction: TensorType, target: TensorType, weights: TensorType | None = None
    ) -> Inferred:
        """One number, or the common axes; what lies in [0, 1] already is refused as logits."""
        floating(prediction, self.name, 0)
        warnings = _zero_to_one(target, self.name)
        axes, constraints = elementwise(prediction, target, self.name)
        _no_probabilities(prediction, self.name)
        self._one_for_each(prediction)
        return self.reduced(TensorType(axes, "float32", Facts(low=0)), weights, constraints, warnings)

    def _one_for_each(self, prediction: TensorType) -> None:
        """Problem NS337 for another number of weights than of classes, NS338 for weights below 0."""
        values = self.pos_weight if isinstance(self.pos_weight, tuple) else (self.pos_weight or 0.0,)
        if any(value < 0 for value in values):
            raise Problem("NS338", "`pos_weight` is negative", at="pos_weight", help="a weight is 0 or more")
        if not isinstance(self.pos_weight, tuple):
            return
        size = prediction.axes[1].size if prediction.rank > 1 else None
        if size != len(values):
            axis = (
                f"`{prediction.names[1]}` has `{size}`" if size is not None else "there is no axis for them"
            )
            raise Problem(
                "NS337",
                f"`pos_weight` has `{len(values)}` numbers, and {axis}",
                at="pos_weight",
                help="write one number for all, or one for each place along the first axis after the batch",
            )

    @staticmethod
    def samples() -> list[Sample]:
        """Each reduction, a mask as target, weights of the yes and of elements, and every contradiction."""
        x = tensor(batch=2, feature=5)
        t = tensor(batch=2, bin=5, facts=Facts(low=0, high=1))
        image, mask = (
            tensor(batch=2, channel=2, height=2, width=3, facts=facts)
            for facts in (Facts(), Facts(low=0, high=1))
        )
        return [
            good(x, t),
            good(x, t, reduction="sum"),
            good(x, t, reduction="none"),
            good(x, tensor("bool", batch=2, bin=5, facts=Facts(low=0, high=1, mask=True))),
            good(x, t, pos_weight=3.0),
            good(image, mask, pos_weight=(0.5, 4.0)),
            *weight_samples(x, t),
            bad("NS315", tensor(batch=2, feature=5, facts=Facts(low=0, high=1)), t),
            bad("NS330", x, tensor(batch=2, bin=5, facts=Facts(low=-1, high=1))),
            bad("NS337", x, t, pos_weight=(0.5, 4.0)),
            bad("NS337", tensor(batch=2), tensor(batch=2, facts=Facts(low=0, high=1)), pos_weight=(0.5, 4.0)),
            bad("NS338", x, t, pos_weight=-1.0),
            bad("NS250", x, tensor(batch=2, facts=Facts(low=0, high=1))),
        ]


class SigmoidFocal(Loss):
    """Binary cross-entropy of logits that leaves easy cases alone: `a * (1 - q) ** gamma * bce_with_logits(x, t)`.

    Element by element, with `q = p * t + (1 - p) * (1 - t)` the probability of what is true, `p = sigmoid(x)`, and
    `a = alpha * t + (1 - alpha) * (1 - t)`, as in `torchvision.ops.sigmoid_focal_loss` (Lin and others, 2017, equation
    5). The target has the same axes and lies in [0, 1]. For one class of several use `focal`.
    """

    name: ClassVar[str] = "sigmoid_focal"
    main: ClassVar[str | None] = "gamma"
    slots: ClassVar[tuple[str, ...]] = ("logits", "target", "weights?")

    gamma: float = Field(default=2.0, ge=0, allow_inf_nan=False)
    """How little easy cases count; with 0 it is `bce_with_logits`, weighed by alpha."""
    alpha: float | None = Field(default=0.25, ge=0, le=1)
    """What a yes counts, where a no counts 1 less it; with null both count 1."""

    def infer(self, logits: TensorType, target: TensorType, weights: TensorType | None = None) -> Inferred:
        """One number, or the common axes; what lies in [0, 1] already is refused as logits."""
        floating(logits, self.name, 0)
        warnings = _zero_to_one(target, self.name)
        axes, constraints = elementwise(logits, target, self.name)
        _no_probabilities(logits, self.name)
        return self.reduced(TensorType(axes, "float32", Facts(low=0)), weights, constraints, warnings)

    @staticmethod
    def samples() -> list[Sample]:
        """Each reduction, other powers and balances, a mask as target, weights, and every contradiction."""
        x, t = tensor(batch=2, feature=5), tensor(batch=2, bin=5, facts=Facts(low=0, high=1))
        return [
            good(x, t),
            good(x, t, reduction="sum", gamma=0.5),
            good(x, t, reduction="none", alpha=None),
            good(x, t, gamma=0.0, alpha=0.75),
            good(x, tensor("bool", batch=2, bin=5, facts=Facts(low=0, high=1, mask=True)), gamma=1.5),
            good(x, tensor("int64", batch=2, bin=5, facts=Facts(low=0, high=1, classes=2))),
            *weight_samples(x, t),
            bad("NS315", tensor(batch=2, feature=5, facts=Facts(low=0, high=1)), t),
            bad("NS330", x, tensor(batch=2, bin=5, facts=Facts(low=-1, high=1))),
            bad("NS250", x, tensor(batch=2, facts=Facts(low=0, high=1))),
            bad("NS251", x, tensor(batch=2, bin=1, facts=Facts(low=0, high=1))),
        ]


def _no_probabilities(logits: TensorType, op: str) -> None:
    """Problem NS315 where a sigmoid was taken already."""
    if logits.facts.within_unit:
        raise Problem(
            "NS315",
            f"`{op}` takes the sigmoid itself, and these numbers lie in "
            f"[{logits.facts.low:g}, {logits.facts.high:g}] already",
            at=0,
            help="remove the `sigmoid`, or use `bce`" if op == "bce_with_logits" else "remove the `sigmoid`",
            cure=Cure(instead="bce") if op == "bce_with_logits" else Cure(without="sigmoid"),
        )


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
