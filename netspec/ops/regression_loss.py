"""Losses of measured numbers: how far a prediction lies from its target, and how likely the target is under it."""

import math
from typing import ClassVar

from pydantic import Field

from netspec.ir.facts import Facts
from netspec.ir.op import Inferred, Sample, bad, good
from netspec.ir.problem import Problem, Warned
from netspec.ir.types import TensorType, tensor
from netspec.ir.units import power
from netspec.ops import interval
from netspec.ops.elementwise import agree, common_unit, floating, two_units
from netspec.ops.loss import Loss, difference, difference_samples, gap, weight_samples


class Mse(Loss):
    """The squared error: `(prediction - target) ** 2`, element by element; both have the same axes and unit."""

    name: ClassVar[str] = "mse"

    def infer(
        self, prediction: TensorType, target: TensorType, weights: TensorType | None = None
    ) -> Inferred:
        """One number, or the common axes, in the square of the unit of both."""
        axes, constraints = difference(prediction, target, self.name)
        low, high = interval.power(gap(prediction, target), (2, 2))
        unit = power(common_unit((prediction, target), self.name), 2)
        return self.reduced(
            TensorType(axes, "float32", Facts(low=low, high=high), unit), weights, constraints
        )

    @staticmethod
    def samples() -> list[Sample]:
        """Each reduction, more axes, weights, and every disagreement."""
        return difference_samples()


class L1(Loss):
    """The absolute error: `|prediction - target|`, element by element; both have the same axes and unit.

    The subgradient where both are equal is 0, as in PyTorch.
    """

    name: ClassVar[str] = "l1"

    def infer(
        self, prediction: TensorType, target: TensorType, weights: TensorType | None = None
    ) -> Inferred:
        """One number, or the common axes, in the unit of both."""
        axes, constraints = difference(prediction, target, self.name)
        low, high = interval.absolute(gap(prediction, target))
        unit = common_unit((prediction, target), self.name)
        return self.reduced(
            TensorType(axes, "float32", Facts(low=low, high=high), unit), weights, constraints
        )

    @staticmethod
    def samples() -> list[Sample]:
        """Each reduction, more axes, weights, and every disagreement."""
        return difference_samples()


class SmoothL1(Loss):
    """The absolute error with a round bottom: `d ** 2 / (2 * beta)` where |d| < beta, else `|d| - beta / 2`.

    d is `prediction - target`, element by element; both have the same axes and unit, in which `beta` counts. It is
    `huber` over its delta (Girshick, Fast R-CNN, 2015, equation 3).
    """

    name: ClassVar[str] = "smooth_l1"
    main: ClassVar[str | None] = "beta"

    beta: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    """How far the round bottom reaches."""

    def infer(
        self, prediction: TensorType, target: TensorType, weights: TensorType | None = None
    ) -> Inferred:
        """One number, or the common axes, in the unit of both."""
        axes, constraints = difference(prediction, target, self.name)
        low, high = (self._at(end) for end in interval.absolute(gap(prediction, target)))
        unit = common_unit((prediction, target), self.name)
        return self.reduced(
            TensorType(axes, "float32", Facts(low=low, high=high), unit), weights, constraints
        )

    def _at(self, d: float) -> float:
        """The loss of a distance."""
        return d * d / (2 * self.beta) if d < self.beta else d - self.beta / 2

    @staticmethod
    def samples() -> list[Sample]:
        """Both parts of it, and all that losses of a difference share."""
        x, t = tensor(batch=3, feature=4), tensor(batch=3, feature=4, facts=Facts(low=-1, high=1))
        return [good(x, t, beta=0.25), good(x, t, beta=8.0), *difference_samples()]


class Huber(Loss):
    """The squared error that goes on as a line: `d ** 2 / 2` where |d| <= delta, else `delta * (|d| - delta / 2)`.

    d is `prediction - target`, element by element; both have the same axes and unit, in which `delta` counts (Huber,
    Ann. Math. Stat. 35, 1964).
    """

    name: ClassVar[str] = "huber"
    main: ClassVar[str | None] = "delta"

    delta: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    """Where the parabola becomes a line."""

    def infer(
        self, prediction: TensorType, target: TensorType, weights: TensorType | None = None
    ) -> Inferred:
        """One number, or the common axes, in the square of the unit of both."""
        axes, constraints = difference(prediction, target, self.name)
        low, high = (self._at(end) for end in interval.absolute(gap(prediction, target)))
        unit = power(common_unit((prediction, target), self.name), 2)
        return self.reduced(
            TensorType(axes, "float32", Facts(low=low, high=high), unit), weights, constraints
        )

    def _at(self, d: float) -> float:
        """The loss of a distance."""
        return d * d / 2 if d <= self.delta else self.delta * (d - self.delta / 2)

    @staticmethod
    def samples() -> list[Sample]:
        """Both parts of it, and all that losses of a difference share."""
        x, t = tensor(batch=3, feature=4), tensor(batch=3, feature=4, facts=Facts(low=-1, high=1))
        return [good(x, t, delta=0.25), good(x, t, delta=8.0), *difference_samples()]


class Pinball(Loss):
    """The quantile loss: `max(q * d, (q - 1) * d)` with `d = target - prediction`, least at the quantile `q`.

    Element by element; both have the same axes and unit. At d = 0 the slope is halfway between those of both sides
    (Koenker and Bassett, Econometrica 46, 1978).
    """

    name: ClassVar[str] = "pinball"
    main: ClassVar[str | None] = "q"

    q: float = Field(gt=0, lt=1)
    """Which share of the targets is to lie below the prediction."""

    def infer(
        self, prediction: TensorType, target: TensorType, weights: TensorType | None = None
    ) -> Inferred:
        """One number, or the common axes, in the unit of both."""
        axes, constraints = difference(prediction, target, self.name)
        low, high = interval.negative(gap(prediction, target))
        ends = [max(self.q * end, (self.q - 1) * end) for end in (low, high)]
        facts = Facts(low=0.0 if low <= 0 <= high else min(ends), high=max(ends))
        unit = common_unit((prediction, target), self.name)
        return self.reduced(TensorType(axes, "float32", facts, unit), weights, constraints)

    @staticmethod
    def samples() -> list[Sample]:
        """A median, a high quantile, and all that losses of a difference share."""
        shared = [Sample({"q": 0.25, **one.attributes}, one.inputs, one.code) for one in difference_samples()]
        return [good(tensor(batch=3), tensor(batch=3, facts=Facts(low=0, high=2)), q=0.975), *shared]


class GaussianNll(Loss):
    """How unlikely the target is under a normal distribution: `(log(var) + (mu - target) ** 2 / var) / 2`.

    `full` adds `log(2 * pi) / 2`. The variance is held at `eps` or above, and its gradient is as if it were not, as in
    `torch.nn.functional.gaussian_nll_loss`. All three have the same axes; the variance is in the square of their unit.
    """

    name: ClassVar[str] = "gaussian_nll"
    slots: ClassVar[tuple[str, ...]] = ("mu", "target", "var", "weights?")

    full: bool = False
    """Whether the constant is added."""
    eps: float = Field(default=1e-6, gt=0, allow_inf_nan=False)

    def infer(
        self, mu: TensorType, target: TensorType, var: TensorType, weights: TensorType | None = None
    ) -> Inferred:
        """One number, or the common axes; the variance must not be negative."""
        difference(mu, target, self.name)
        floating(var, self.name, 2)
        square = power(common_unit((mu, target), self.name), 2)
        if square and var.unit and var.unit != square:
            raise two_units(self.name, square, var.unit, 2)
        axes, constraints = agree((mu, target, var), self.name, numbers=False)
        low, high = interval.of(var)
        if high <= 0:
            raise Problem(
                "NS329",
                f"`var` lies in [{low:g}, {high:g}], and a variance is positive",
                at=2,
                help="make it with `softplus` or `exp`",
            )
        warnings: tuple[Warned, ...] = ()
        if low < 0:
            message = f"`var` is not proved to be positive; where it is not, it counts as {self.eps:g}"
            warnings = (
                Warned("NS327", message, at=2, help="make it with `softplus` or `exp`", append="softplus"),
            )
        least = (math.log(max(low, self.eps)) + (math.log(2 * math.pi) if self.full else 0.0)) / 2
        element = TensorType(axes, "float32", Facts(low=least))
        return self.reduced(element, weights, constraints, warnings)

    @staticmethod
    def samples() -> list[Sample]:
        """Each reduction, the constant, weights, and what is no variance."""
        mu, t = tensor(batch=3, unit="ml"), tensor(batch=3, unit="ml", facts=Facts(low=0, high=3))
        var = tensor(batch=3, unit="ml2", facts=Facts(low=0.5, high=4))
        return [
            good(mu, t, var),
            good(mu, t, var, reduction="sum"),
            good(mu, t, var, reduction="none", full=True),
            good(
                tensor(batch=2, feature=2),
                tensor(batch=2, feature=2),
                tensor(batch=2, feature=2, facts=Facts(low=0.5)),
            ),
            *weight_samples(mu, t, var),
            bad("NS311", mu, t, tensor(batch=3, unit="ml", facts=Facts(low=0.5))),
            bad("NS329", mu, t, tensor(batch=3, facts=Facts(low=-2, high=0))),
            bad("NS250", mu, t, tensor(batch=3, feature=1, facts=Facts(low=0.5))),
            bad("NS251", mu, t, tensor(batch=4, facts=Facts(low=0.5))),
            bad("NS310", mu, t, tensor("int64", batch=3, facts=Facts(low=0, high=4, classes=5))),
        ]


class PoissonNll(Loss):
    """How unlikely a count is under a Poisson distribution: `exp(x) - target * x`, x the logarithm of its rate.

    Without `log_input` x is the rate itself: `x - target * log(x + eps)`. The constant `log(target!)` is left out;
    `full` adds what Stirling's formula gives for it, `target * log(target) - target + log(2 * pi * target) / 2`, where
    the target is above 1. Both have the same axes, as in `torch.nn.functional.poisson_nll_loss`.
    """

    name: ClassVar[str] = "poisson_nll"

    log_input: bool = True
    """Whether the prediction is the logarithm of the rate."""
    full: bool = False
    """Whether the constant is added."""
    eps: float = Field(default=1e-8, gt=0, allow_inf_nan=False)

    def infer(
        self, prediction: TensorType, target: TensorType, weights: TensorType | None = None
    ) -> Inferred:
        """One number, or the common axes; counts and rates must not be negative."""
        axes, constraints = difference(prediction, target, self.name)
        if target.facts.bounded and target.facts.low < 0:
            raise Problem(
                "NS339",
                f"`poisson_nll` wants counts, and the target lies in [{target.facts.low:g}, {target.facts.high:g}]",
                at=1,
                help="declare a `range` from 0 on, or use `mse`",
            )
        warnings: tuple[Warned, ...] = ()
        if not self.log_input and prediction.facts.high < 0:
            raise Problem(
                "NS323",
                "`poisson_nll` takes the logarithm of a rate, and this one is negative",
                at=0,
                help="use `log_input: true`, or make the rate with `softplus` or `exp`",
            )
        if not self.log_input and prediction.facts.low < 0:
            message = "the rate is not proved to be positive; where it is not, the loss is NaN"
            help = "make it with `softplus` or `exp`, or use `log_input: true`"
            warnings = (Warned("NS324", message, at=0, help=help, append="softplus"),)
        return self.reduced(TensorType(axes, "float32"), weights, constraints, warnings)

    @staticmethod
    def samples() -> list[Sample]:
        """Logarithms of rates, rates, each reduction, weights, and what is no count."""
        x, t = tensor(batch=3, feature=2), tensor(batch=3, feature=2, facts=Facts(low=0, high=5))
        rate = tensor(batch=3, feature=2, facts=Facts(low=0.5, high=5))
        return [
            good(x, t),
            good(x, t, reduction="sum"),
            good(x, t, reduction="none"),
            good(rate, t, log_input=False),
            good(x, t, full=True, reduction="none"),
            *weight_samples(x, t),
            bad(
                "NS323",
                tensor(batch=3, facts=Facts(low=-3, high=-1)),
                tensor(batch=3, facts=Facts(low=0, high=5)),
                log_input=False,
            ),
            bad("NS339", x, tensor(batch=3, feature=2, facts=Facts(low=-1, high=5))),
            bad("NS250", x, tensor(batch=3, facts=Facts(low=0, high=5))),
            bad("NS310", x, tensor("int64", batch=3, feature=2, facts=Facts(low=0, high=4, classes=5))),
        ]
