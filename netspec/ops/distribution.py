"""Distribution functions over whole bins 0, 1, 2, ...: the step, the normal one, and reading a quantile off one."""

from math import ceil, isfinite
from typing import ClassVar

from pydantic import Field

from netspec.ir.dim import Dim
from netspec.ir.facts import Facts
from netspec.ir.op import Inferred, Op, Sample, bad, good
from netspec.ir.problem import Problem, Warned
from netspec.ir.terms import Shapes
from netspec.ir.types import Axis, TensorType, tensor
from netspec.ir.view import EVERYTHING, Views, alike
from netspec.ops.elementwise import agree, common_unit, floating, two_units

BIN = "bin"

LEAST_SIGMA = 1e-15
"""Below it single precision cannot divide by a standard deviation twice, and no curve is any steeper."""


class Step(Op):
    """The distribution function of a value that is known: `y[n] = H(n - x)` for the bins n = 0 .. bins - 1.

    H(0) = 1, so the bin of x itself is 1 already. Takes `[batch, ...]` and adds the last axis `bin`. It has no
    gradient. A value above the last bin would be a row of zeros, so a declared range must lie within the bins. The bins
    count the unit of x.
    """

    name: ClassVar[str] = "step"
    pointwise: ClassVar[bool] = True
    main: ClassVar[str | None] = "bins"

    bins: int = Field(ge=1)

    def infer(self, x: TensorType) -> Inferred:
        """The input's axes and `bin`; 0 and 1, never falling."""
        floating(x, self.name, 0)
        axes = with_bins(x, self.bins, self.name, x.unit)
        facts = Facts(low=0, high=1, nondecreasing=BIN, mask=True)
        return Inferred(
            (TensorType(axes, "float32", facts),), warnings=within_bins(x, self.bins, self.name, 0)
        )

    @staticmethod
    def samples() -> list[Sample]:
        """Numbers per sample and per place, and values outside the bins."""
        return [
            good(tensor(batch=4, unit="ml", facts=Facts(low=0, high=5)), bins=6),
            good(tensor(batch=2, time=3, facts=Facts(low=0.5, high=2.5)), bins=4),
            bad("NS321", tensor(batch=4, facts=Facts(low=0, high=999)), bins=600),
            bad("NS321", tensor(batch=4, facts=Facts(low=-3, high=9)), bins=600),
            bad("NS254", TensorType(facts=Facts(low=3, high=3)), bins=600),
            bad("NS259", tensor(batch=4, bin=3, facts=Facts(low=0, high=1)), bins=600),
            bad("NS310", tensor("int64", batch=4, facts=Facts(low=0, high=4, classes=5)), bins=600),
        ]


class NormalCdf(Op):
    """The normal distribution function at the bins: `y[n] = Phi((n - mu) / sigma)` for n = 0 .. bins - 1.

    `Phi(z) = (1 + erf(z / sqrt(2))) / 2`. mu and sigma have the same axes `[batch, ...]`, one may be a plain number;
    the output adds the last axis `bin`, which counts their unit. sigma must be positive: `softplus` and `exp` see to
    it. It is held at 1e-15 or above, where the curve is a step, so that no gradient overflows.
    """

    name: ClassVar[str] = "normal_cdf"
    pointwise: ClassVar[bool] = True
    main: ClassVar[str | None] = "bins"
    slots: ClassVar[tuple[str, ...]] = ("mu", "sigma")

    bins: int = Field(ge=1)

    def infer(self, mu: TensorType, sigma: TensorType) -> Inferred:
        """The common axes and `bin`; a distribution function where sigma is proved not to be negative."""
        floating(mu, self.name, 0)
        floating(sigma, self.name, 1)
        unit = common_unit((mu, sigma), self.name)
        axes, constraints = agree((mu, sigma), self.name)
        low, high = sigma.facts.low, sigma.facts.high
        if high <= 0:
            raise Problem(
                "NS329",
                f"`sigma` lies in [{low:g}, {high:g}], and a standard deviation is positive",
                at=1,
                help="make it with `softplus` or `exp`",
            )
        warnings: tuple[Warned, ...] = ()
        if low < 0:
            message = "`sigma` is not proved to be positive; where it is not, the result is no distribution function"
            warnings = (
                Warned("NS327", message, at=1, help="make it with `softplus` or `exp`", append="softplus"),
            )
        facts = Facts(low=0, high=1, nondecreasing=BIN if low >= 0 else None)
        out = TensorType(with_bins(TensorType(axes), self.bins, self.name, unit), "float32", facts)
        return Inferred((out,), constraints=constraints, warnings=warnings)

    def terms(self, at: Shapes) -> int:
        """Sums stay within one sample."""
        return at.sample

    @staticmethod
    def samples() -> list[Sample]:
        """Tensors, a plain number for either, and what is no standard deviation."""
        mu = tensor(batch=3, unit="ml", facts=Facts(low=0, high=8))
        sigma = tensor(batch=3, unit="ml", facts=Facts(low=0.5, high=3))
        return [
            good(mu, sigma, bins=9),
            good(tensor(batch=2, time=2), tensor(batch=2, time=2, facts=Facts(low=0.5)), bins=4),
            good(mu, TensorType(facts=Facts(low=2, high=2)), bins=5),
            good(TensorType(facts=Facts(low=3, high=3)), sigma, bins=5),
            bad("NS250", mu, tensor(batch=3, feature=1, facts=Facts(low=0)), bins=9),
            bad("NS251", mu, tensor(batch=4, facts=Facts(low=0)), bins=9),
            bad("NS259", tensor(batch=3, bin=2), tensor(batch=3, bin=2, facts=Facts(low=0)), bins=9),
            bad("NS311", mu, tensor(batch=3, unit="mm", facts=Facts(low=0)), bins=9),
            bad("NS329", mu, tensor(batch=3, facts=Facts(low=-1, high=0)), bins=9),
            bad("NS310", mu, tensor("int64", batch=3, facts=Facts(low=0, high=4, classes=5)), bins=9),
        ]


class Quantile(Op):
    """Read a quantile off a distribution function: the first bin n with `cdf[n] >= q`, as a floating number.

    Takes `[..., bin]` and drops the last axis; the result has the unit of the bins. Where no bin reaches q it is the
    last one; of a curve that falls somewhere it is the number of bins that lie below q. It has no gradient: it is meant
    for metrics.
    """

    name: ClassVar[str] = "quantile"
    main: ClassVar[str | None] = "q"
    slots: ClassVar[tuple[str, ...]] = ("cdf",)

    q: float = Field(gt=0, lt=1)
    """The share of the distribution that lies below: 0.5 for the median."""

    def infer(self, cdf: TensorType) -> Inferred:
        """All axes but the last; a bin's number."""
        floating(cdf, self.name, 0)
        bins = curve(cdf, self.name)
        warnings = is_cdf(cdf, self.name)
        most = bins.size.value - 1 if bins.size.value is not None else float("inf")
        out = TensorType(cdf.axes[:-1], "float32", Facts(low=0, high=most), bins.unit)
        return Inferred((out,), warnings=warnings)

    def terms(self, at: Shapes) -> int:
        """Sums stay within one sample."""
        return at.sample

    def views(self, cdf: TensorType) -> tuple[Views]:
        """All of the curve, one place along the other axes."""
        return (alike(cdf.names[:-1]) | {cdf.names[-1]: EVERYTHING},)

    @staticmethod
    def samples() -> list[Sample]:
        """A median, other quantiles, more axes, and what is no distribution function."""
        cdf = tensor(batch=3, bin=6, facts=Facts(low=0, high=1, nondecreasing="bin"))
        return [
            good(cdf, q=0.5),
            good(cdf, q=0.975),
            good(tensor(batch=2, sample=2, bin=3, facts=Facts(low=0, high=1, nondecreasing="bin")), q=0.1),
            bad("NS319", tensor(batch=3, bin=6), q=0.5),
            bad("NS319", tensor(batch=3, bin=6, facts=Facts(low=0, high=1, sums_to_one="bin")), q=0.5),
            bad("NS254", tensor(batch=3, facts=Facts(low=0, high=1)), q=0.5),
            bad("NS310", tensor("int64", batch=3, bin=2, facts=Facts(low=0, high=4, classes=5)), q=0.5),
        ]


def with_bins(x: TensorType, bins: int, op: str, unit: str | None) -> tuple[Axis, ...]:
    """The axes of `x` and the last axis `bin`, in `unit`; Problem where there are none, or one is called so already."""
    if not x.rank:
        raise Problem("NS254", f"`{op}` of one number", at=0, help="give it a value for every sample")
    if x.find(BIN) is not None:
        raise Problem(
            "NS259",
            f"`{op}` adds the axis `{BIN}`, and its input has one: {x.named()}",
            at=0,
            help=f"call the other one something else: `- rename: {{{BIN}: channel}}`",
        )
    return (*x.axes, Axis(BIN, Dim.of(bins), unit))


def same_bins(cdf: TensorType, target: TensorType, op: str) -> None:
    """Problem NS311 where the bins of a curve are known to count another unit than the target's."""
    counted = cdf.axes[-1].unit
    if counted and target.unit and counted != target.unit:
        problem = two_units(op, target.unit, counted, 0)
        message = f"`{op}` compares a curve over bins of `{counted}` with a value in `{target.unit}`"
        raise Problem("NS311", message, at=0, help=problem.help.replace("convert(x,", "convert(mu,"))


def within_bins(x: TensorType, bins: int, op: str, at: int) -> tuple[Warned, ...]:
    """Problem NS321 where the range of `x` leaves the bins, a warning NS328 where no range is known."""
    low, high = x.facts.low, x.facts.high
    if (isfinite(low) and low < 0) or (isfinite(high) and high > bins - 1):
        raise Problem(
            "NS321",
            f"the value ranges over [{low:g}, {high:g}], and the {bins} bins are 0 .. {bins - 1}",
            at=at,
            help=f"declare a `range` within [0, {bins - 1}]"
            + (f", or use {ceil(high) + 1} bins" if isfinite(high) and high > bins - 1 else ""),
        )
    if isfinite(low) and isfinite(high):
        return ()
    message = f"`{op}` has {bins} bins, and the range of the value is not declared"
    return (Warned("NS328", message, at=at, help=f"write `range: [0, {bins - 1}]` at the target"),)


def curve(cdf: TensorType, op: str) -> Axis:
    """The last axis, along which a distribution function runs; Problem where there is none besides the batch."""
    if cdf.rank < 2:
        raise Problem(
            "NS254",
            f"`{op}` wants a curve over bins, and this is {cdf.named()}",
            at=0,
            help="give it one number for every bin: `- linear: 600`, `- softmax`, `- cumsum`",
        )
    return cdf.axes[-1]


def told(x: TensorType) -> str:
    """What is proved of the bounds of `x`, in words."""
    return (
        f"they lie in [{x.facts.low:g}, {x.facts.high:g}]"
        if x.facts.bounded
        else "no bound of them is proved"
    )


def is_cdf(cdf: TensorType, op: str) -> tuple[Warned, ...]:
    """Problem NS319 where `cdf` is no distribution function over its last axis, NS320 warns where that is unproved."""
    axis = curve(cdf, op).name
    facts = cdf.facts
    if not facts.within_unit:
        raise Problem(
            "NS319",
            f"`{op}` wants a distribution function over `{axis}`, and these numbers may leave [0, 1]: {told(cdf)}",
            at=0,
            help="end with `- softmax` and `- cumsum`, or with `- sigmoid` and `- cummax`",
        )
    if facts.sums_to_one == axis:
        raise Problem(
            "NS319",
            f"`{op}` wants a distribution function over `{axis}`, and these are the probabilities of single bins",
            at=0,
            help=f"add `- cumsum: {axis}`",
        )
    if facts.nondecreasing == axis:
        return ()
    append = f"cummax: {axis}" if cdf.rank > 2 else "cummax"
    message = (
        f"`{op}` wants a distribution function, and that this one never falls along `{axis}` is not proved"
    )
    return (
        Warned(
            "NS320", message, at=0, help=f"add `- {append}`: the running maximum never falls", append=append
        ),
    )
