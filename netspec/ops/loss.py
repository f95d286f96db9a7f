"""What all losses share: the value of each element, what weighs it, and the reduction. Families hold the formulas."""

from typing import ClassVar, Literal

from netspec.ir.dim import Dim
from netspec.ir.facts import Facts
from netspec.ir.op import Constraint, Inferred, Op, Sample, bad, good, infer_node
from netspec.ir.problem import Problem, Warned
from netspec.ir.types import TensorType, tensor
from netspec.ir.units import product
from netspec.ops import interval
from netspec.ops.elementwise import Agreed, agree, floating, two_units
from netspec.ops.laying import is_mask, lay
from netspec.ops.reduction import Factor, Over, Reduction


class Loss(Reduction):
    """A value for each element, then their mean, their sum, or none of both.

    With the input `weights`, numbers that are not negative or a mask, laid over the elements by the names of their
    axes, each element counts as often as its weight says: `none` gives `weight * value`, `sum` the sum of these, and
    `mean` divides that by the sum of the weights. Where all weights are 0 the mean is NaN, as PyTorch's means of
    nothing are.
    """

    slots: ClassVar[tuple[str, ...]] = ("prediction", "target", "weights?")

    reduction: Literal["mean", "sum", "none"] = "mean"

    @property
    def reduces(self) -> Over | None:
        """As `reduction` says."""
        return None if self.reduction == "none" else self.reduction

    def per_sample(self, given: int = 1) -> Op | None:
        """The same loss with a value for each element."""
        del given
        return self.model_copy(update={"reduction": "none"})

    def weights(self, *inputs: TensorType) -> tuple[Factor, ...]:
        """The input `weights`, where it is given."""
        return ((None, len(self.slots) - 1),) if len(inputs) == len(self.slots) else ()

    def reduced(
        self,
        element: TensorType,
        weights: TensorType | None,
        constraints: tuple[Constraint, ...] = (),
        warnings: tuple[Warned, ...] = (),
    ) -> Inferred:
        """What is inferred, given the type of the values of single elements, and what weighs them."""
        low, high = interval.of(element)
        if weights is not None:
            constraints += self._weighed(weights, element)
        if weights is not None and self.reduction != "mean":
            low, high = interval.multiply((low, high), interval.of(weights))
        if self.reduction == "sum":
            low, high = interval.repeated((low, high), None)
        unit = element.unit
        if weights is not None and self.reduction != "mean":
            unit = product((unit, weights.unit))
        axes = element.axes if self.reduction == "none" else ()
        return Inferred(
            (TensorType(axes, "float32", Facts(low=low, high=high), unit),),
            constraints=constraints,
            warnings=warnings,
        )

    def _weighed(self, weights: TensorType, element: TensorType) -> tuple[Constraint, ...]:
        """The equalities of sizes that weights need; Problem NS338 for weights below 0, NS310 for whole numbers."""
        at = len(self.slots) - 1
        if not is_mask(weights):
            floating(weights, self.name, at)
        if weights.facts.low < 0 and weights.facts.bounded:
            raise Problem(
                "NS338",
                f"`weights` of `{self.name}` lie in [{weights.facts.low:g}, {weights.facts.high:g}]",
                at=at,
                help="a weight is 0 or more: declare `range: [0, 1]`, or make it with `softplus` or `exp`",
            )
        return lay(weights, element, self.name, at, "weights")[1]


def element(op: Loss, types: tuple[TensorType, ...]) -> TensorType:
    """The type of the single values that `op` reduces."""
    each = op.per_sample()
    assert each is not None
    return infer_node(each, types).outputs[0]


def elementwise(prediction: TensorType, target: TensorType, op: str) -> Agreed:
    """The common axes of prediction and target; nothing spreads between them, ever."""
    if not prediction.rank:
        raise Problem("NS254", f"`{op}` of one number", at=0, help="give it a prediction for every sample")
    return agree((prediction, target), op, numbers=False)


def difference(prediction: TensorType, target: TensorType, op: str) -> Agreed:
    """The common axes of two floating inputs in one unit."""
    floating(prediction, op, 0)
    if target.dtype == "int64":
        raise Problem(
            "NS310",
            f"`{op}` measures a distance, and the target is whole numbers: `{target.named()}`",
            at=1,
            help="classes have no distance: use `cross_entropy`, or declare the target without `kind: class_index`",
        )
    floating(target, op, 1)
    if prediction.unit and target.unit and prediction.unit != target.unit:
        raise two_units(op, target.unit, prediction.unit, 0)
    return elementwise(prediction, target, op)


def gap(prediction: TensorType, target: TensorType) -> interval.Interval:
    """The bounds of prediction - target."""
    return interval.add(interval.of(prediction), interval.negative(interval.of(target)))


def weight_samples(*inputs: TensorType) -> list[Sample]:
    """Samples of `weights` for a loss of these inputs, whose elements are `[batch, ...]` of the last one."""
    batch: int | Dim = inputs[-1].axes[0].size
    mask = Facts(low=0, high=1, mask=True)
    each = tensor(batch=batch, facts=Facts(low=0.25, high=2))
    return [
        good(*inputs, each),
        good(*inputs, each, reduction="sum"),
        good(*inputs, each, reduction="none"),
        good(*inputs, tensor("bool", batch=batch, facts=mask), reduction="sum"),
        bad("NS336", *inputs, tensor(batch=batch, time=3, facts=Facts(low=0))),
        bad("NS338", *inputs, tensor(batch=batch, facts=Facts(low=-1, high=1))),
    ]


def difference_samples() -> list[Sample]:
    """The samples of losses of a difference."""
    x = tensor(batch=3, feature=4)
    t = tensor(batch=3, channel=4, facts=Facts(low=-1, high=1))
    return [
        good(x, t),
        good(x, t, reduction="sum"),
        good(x, t, reduction="none"),
        good(tensor(batch=4, unit="ml"), tensor(batch=4, unit="ml", facts=Facts(low=0, high=600))),
        good(tensor(batch=2, channel=2, height=3, width=2), tensor(batch=2, channel=2, height=3, width=2)),
        good(x, t, tensor(batch=3, channel=4, facts=Facts(low=0.25, high=2))),
        *weight_samples(x, t),
        bad("NS250", x, tensor(batch=3)),
        bad("NS250", tensor(batch=3, feature=1), tensor(batch=3)),
        bad("NS251", x, tensor(batch=3, feature=1)),
        bad("NS252", tensor(batch=3, bin=4), tensor(batch=3, channel=4)),
        bad("NS254", TensorType(), TensorType()),
        bad("NS310", x, tensor("int64", batch=3, feature=4, facts=Facts(low=0, high=4, classes=5))),
        bad("NS311", tensor(batch=4, unit="ml"), tensor(batch=4, unit="mm")),
    ]
