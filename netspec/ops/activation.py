"""Functions applied to every number, and the two that make probabilities of the numbers along an axis."""

import math
from dataclasses import replace
from typing import ClassVar

from pydantic import Field

from netspec.ir.facts import Facts
from netspec.ir.op import Inferred, Op, Sample, bad, good
from netspec.ir.problem import Warned
from netspec.ir.terms import Shapes
from netspec.ir.types import TensorType, tensor
from netspec.ir.view import EVERYTHING, Views, alike
from netspec.ops import interval
from netspec.ops.axes import along
from netspec.ops.curve import risen
from netspec.ops.elementwise import floating


class Identity(Op):
    """Give the input as it is: `y = x`. It makes a name for a value, and a place that others can edit."""

    name: ClassVar[str] = "identity"
    pointwise: ClassVar[bool] = True

    def infer(self, x: TensorType) -> Inferred:
        """The type of the input."""
        return Inferred((x,))

    @staticmethod
    def samples() -> list[Sample]:
        """Numbers of any kind."""
        return [
            good(tensor(batch=2, channel=3)),
            good(tensor("int64", batch=4, facts=Facts(classes=3))),
            good(tensor("bool", batch=4, height=2)),
        ]


class Relu(Op):
    """Cut off what is negative: `y = max(x, 0)`. The slope at 0 is taken as 0."""

    name: ClassVar[str] = "relu"
    pointwise: ClassVar[bool] = True

    def infer(self, x: TensorType) -> Inferred:
        """The axes and unit stay; nothing is below 0, and what never falls still never falls."""
        floating(x, self.name, 0)
        if x.facts.low >= 0:
            return Inferred((x,))
        return Inferred((replace(x, facts=risen(x, lambda value: max(value, 0.0))),))

    @staticmethod
    def samples() -> list[Sample]:
        """Any axes, known bounds, and numbers of which it changes nothing."""
        return [
            good(tensor(batch=2, channel=3, height=3, width=2)),
            good(tensor(batch=3, bin=4, facts=Facts(low=-2, high=1, nondecreasing="bin"))),
            good(tensor(batch=3, bin=4, facts=Facts(low=0, high=1, sums_to_one="bin"))),
            bad("NS310", tensor("int64", batch=2, channel=3)),
        ]


class LeakyRelu(Op):
    """Flatten what is negative: `y = x` where x is positive, else `negative_slope * x`; so is the slope at 0."""

    name: ClassVar[str] = "leaky_relu"
    pointwise: ClassVar[bool] = True
    main: ClassVar[str | None] = "negative_slope"

    negative_slope: float = Field(default=0.01, allow_inf_nan=False)

    def infer(self, x: TensorType) -> Inferred:
        """The axes and unit stay; bounds are mapped, order is kept unless the slope is negative."""
        floating(x, self.name, 0)
        slope = (self.negative_slope, self.negative_slope)
        low, high = interval.of(x)
        parts = [interval.multiply((low, min(high, 0.0)), slope)] if low < 0 else []
        parts += [(max(low, 0.0), high)] if high >= 0 else []
        bounds = interval.hull(parts)
        order = x.facts.nondecreasing if self.negative_slope >= 0 else None
        return Inferred((replace(x, facts=Facts(*bounds, nondecreasing=order)),))

    @staticmethod
    def samples() -> list[Sample]:
        """The usual slope, none, one that turns negative numbers round, and bounds."""
        image = tensor(batch=2, channel=3, height=3, width=2)
        return [
            good(image),
            good(image, negative_slope=0.2),
            good(image, negative_slope=0.0),
            good(
                tensor(batch=2, bin=5, facts=Facts(low=-2, high=1, nondecreasing="bin")), negative_slope=-0.5
            ),
            good(
                tensor(batch=2, bin=5, facts=Facts(low=-2, high=1, nondecreasing="bin")), negative_slope=0.5
            ),
            good(tensor(batch=2, bin=5, facts=Facts(low=-3, high=-1)), negative_slope=0.5),
            bad("NS310", tensor("bool", batch=2, channel=3)),
        ]


class Tanh(Op):
    """The hyperbolic tangent, `y = (exp(x) - exp(-x)) / (exp(x) + exp(-x))`, within [-1, 1]."""

    name: ClassVar[str] = "tanh"
    pointwise: ClassVar[bool] = True

    def infer(self, x: TensorType) -> Inferred:
        """The axes stay, the unit goes; bounds are mapped and order is kept."""
        floating(x, self.name, 0)
        return Inferred((TensorType(x.axes, facts=risen(x, math.tanh)),))

    @staticmethod
    def samples() -> list[Sample]:
        """Any numbers, and bounded ones in order."""
        return [
            good(tensor(batch=2, channel=3, width=5)),
            good(tensor(batch=2, bin=5, facts=Facts(low=-1, high=3, nondecreasing="bin"))),
            bad("NS310", tensor("int64", batch=2)),
        ]


class Sigmoid(Op):
    """The logistic function, `y = 1 / (1 + exp(-x))`, within [0, 1]."""

    name: ClassVar[str] = "sigmoid"
    pointwise: ClassVar[bool] = True

    def infer(self, x: TensorType) -> Inferred:
        """The axes stay, the unit goes; bounds are mapped and order is kept, so that rising numbers become a cdf."""
        floating(x, self.name, 0)
        warnings: tuple[Warned, ...] = ()
        if x.facts.within_unit and x.rank:
            warnings = (
                _twice("NS300", self.name, "lies in [0, 1] already", "the result lies in [0.5, 0.74]"),
            )
        return Inferred((TensorType(x.axes, facts=risen(x, logistic)),), warnings=warnings)

    @staticmethod
    def samples() -> list[Sample]:
        """Any numbers, numbers in order, and probabilities, which warn."""
        return [
            good(tensor(batch=2, channel=3, width=5)),
            good(tensor(batch=2, bin=5, facts=Facts(nondecreasing="bin"))),
            good(tensor(batch=2, bin=5, facts=Facts(low=0, high=1))),
            bad("NS310", tensor("int64", batch=2)),
        ]


class Softplus(Op):
    """A smooth relu, `y = log(1 + exp(beta * x)) / beta`: what is positive without a corner, as a width must be.

    The larger beta, the sharper the bend. PyTorch gives x itself above a `threshold`; here it is never that far off.
    """

    name: ClassVar[str] = "softplus"
    pointwise: ClassVar[bool] = True
    main: ClassVar[str | None] = "beta"

    beta: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    """How sharply it bends."""

    def infer(self, x: TensorType) -> Inferred:
        """The axes and unit stay; nothing is below 0, bounds are mapped and order is kept."""
        floating(x, self.name, 0)
        return Inferred((replace(x, facts=risen(x, lambda t: _softplus(self.beta * t) / self.beta)),))

    @staticmethod
    def samples() -> list[Sample]:
        """Any numbers, sharp and soft bends, large numbers and bounded ones in order."""
        return [
            good(tensor(batch=2, channel=3, width=5)),
            good(tensor(batch=2, channel=3, width=5), beta=3.0),
            good(tensor(batch=2, bin=5, facts=Facts(low=-1, high=3, nondecreasing="bin")), beta=0.25),
            good(tensor(batch=2, channel=8, facts=Facts(low=-60, high=60))),
            good(tensor(batch=2, bin=5, facts=Facts(low=-1, high=3, nondecreasing="bin"))),
            bad("NS310", tensor("int64", batch=2)),
        ]


class Competing(Op):
    """What `softmax`, `softmin` and `log_softmax` share: the axis along which numbers compete."""

    main: ClassVar[str | None] = "axis"

    axis: str | None = None

    def terms(self, at: Shapes) -> int:
        """Sums stay within one sample."""
        return at.sample

    def views(self, x: TensorType) -> tuple[Views]:
        """All along the axis, one place along the others."""
        return ({**alike(x.names), x.names[along(x, self.axis, self.name)]: EVERYTHING},)


class Softmax(Competing):
    """Probabilities along an axis: `y_i = exp(x_i) / sum over j of exp(x_j)`.

    Without `axis` it works along the first axis after the batch.
    """

    name: ClassVar[str] = "softmax"

    def infer(self, x: TensorType) -> Inferred:
        """The axes stay, the unit goes; the numbers sum to one along the axis."""
        floating(x, self.name, 0)
        over = x.names[along(x, self.axis, self.name)]
        order = over if x.facts.nondecreasing == over else None
        facts = Facts(low=0.0, high=1.0, sums_to_one=over, nondecreasing=order)
        return Inferred((TensorType(x.axes, facts=facts),), warnings=_pointless(x, over, self.name))

    @staticmethod
    def samples() -> list[Sample]:
        """The default axis and a named one, numbers in order, and what warns: probabilities, a single number."""
        return [
            good(tensor(batch=3, feature=5)),
            good(tensor(batch=2, channel=3, height=2, width=2)),
            good(tensor(batch=2, channel=3, width=4), axis="width"),
            good(tensor(batch=2, bin=5, facts=Facts(nondecreasing="bin"))),
            good(tensor(batch=2, bin=5, facts=Facts(low=0, high=1, sums_to_one="bin"))),
            good(tensor(batch=2, bin=1)),
            bad("NS253", tensor(batch=3, feature=5), axis="bin"),
            bad("NS254", tensor(batch=3)),
            bad("NS256", tensor(batch=3, feature=5), axis="batch"),
            bad("NS310", tensor("int64", batch=3, feature=5)),
        ]


class Softmin(Competing):
    """Probabilities along an axis, the more the smaller a number is: `y_i = exp(-x_i) / sum over j of exp(-x_j)`.

    It is the softmax of distances. Without `axis` it works along the first axis after the batch.
    """

    name: ClassVar[str] = "softmin"

    def infer(self, x: TensorType) -> Inferred:
        """The axes stay, the unit goes; the numbers sum to one along the axis, and what rose along it falls."""
        floating(x, self.name, 0)
        over = x.names[along(x, self.axis, self.name)]
        facts = Facts(low=0.0, high=1.0, sums_to_one=over)
        return Inferred((TensorType(x.axes, facts=facts),), warnings=_pointless(x, over, self.name))

    @staticmethod
    def samples() -> list[Sample]:
        """The default axis and a named one, numbers in order, and what warns: probabilities, a single number."""
        return [
            good(tensor(batch=3, feature=5)),
            good(tensor(batch=2, channel=3, width=4), axis="width"),
            good(tensor(batch=2, bin=5, facts=Facts(nondecreasing="bin"), unit="mm")),
            good(tensor(batch=2, bin=5, facts=Facts(low=0, high=1, sums_to_one="bin"))),
            good(tensor(batch=2, bin=1)),
            bad("NS253", tensor(batch=3, feature=5), axis="bin"),
            bad("NS254", tensor(batch=3)),
            bad("NS256", tensor(batch=3, feature=5), axis="batch"),
            bad("NS310", tensor("int64", batch=3, feature=5)),
        ]


class LogSoftmax(Competing):
    """Logarithms of probabilities along an axis: `y_i = x_i - log(sum over j of exp(x_j))`, what `nll` wants.

    Without `axis` it works along the first axis after the batch. It never takes the logarithm of a rounded zero.
    """

    name: ClassVar[str] = "log_softmax"

    def infer(self, x: TensorType) -> Inferred:
        """The axes stay, the unit goes; the exponentials sum to one along the axis."""
        floating(x, self.name, 0)
        over = x.names[along(x, self.axis, self.name)]
        order = over if x.facts.nondecreasing == over else None
        facts = Facts(high=0.0, log_probabilities=over, nondecreasing=order)
        return Inferred((TensorType(x.axes, facts=facts),), warnings=_pointless(x, over, self.name))

    @staticmethod
    def samples() -> list[Sample]:
        """The default axis and a named one, and numbers in order."""
        return [
            good(tensor(batch=3, feature=5)),
            good(tensor(batch=2, channel=3, width=4), axis="width"),
            good(tensor(batch=2, bin=5, facts=Facts(nondecreasing="bin"))),
            bad("NS253", tensor(batch=3, feature=5), axis="bin"),
            bad("NS256", tensor(batch=3, feature=5), axis="batch"),
            bad("NS310", tensor("int64", batch=3, feature=5)),
        ]


def logistic(x: float) -> float:
    """1 / (1 + exp(-x)) without overflow."""
    small = math.exp(-abs(x))
    return (1.0 if x >= 0 else small) / (1.0 + small)


def _softplus(x: float) -> float:
    """log(1 + exp(x)) without overflow."""
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def _pointless(x: TensorType, over: str, op: str) -> tuple[Warned, ...]:
    """The warnings of making probabilities where that has been done, or where there is nothing to share out."""
    if x.size(over) == 1:
        message = f"`{op}` over `{over}`, which has the size 1, always gives the same number"
        help = "use `sigmoid` for one probability, or name another `axis`"
        return (Warned("NS302", message, at="axis", help=help),)
    if x.facts.is_probabilities(over):
        return (_twice("NS301", op, f"sums to one over `{over}` already", "the result is nearly level"),)
    return ()


def _twice(code: str, op: str, already: str, result: str) -> Warned:
    """The warning of squashing what is squashed."""
    help = f"leave this `{op}` out, or the layer that did the same before it"
    return Warned(code, f"`{op}` of what {already}: {result}", at=0, help=help)
