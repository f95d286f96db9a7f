"""Distribution functions of a shape of their own over whole bins: mixtures, the log-normal one, learned thresholds."""

from typing import ClassVar

from pydantic import Field

from netspec.ir.facts import Facts
from netspec.ir.op import Inferred, Op, Parameter, Sample, bad, good, pointwise_views
from netspec.ir.problem import Problem, Warned
from netspec.ir.terms import Shapes
from netspec.ir.types import TensorType, tensor
from netspec.ir.view import EVERYTHING, Views
from netspec.ops.axes import along
from netspec.ops.distribution import BIN, with_bins
from netspec.ops.elementwise import agree, common_unit, floating
from netspec.ops.rearrange import without

SHARES = Facts(low=0, high=1, sums_to_one="component")


class MixtureCdf(Op):
    """A mixture of normal curves at the bins: `y[n] = sum over k of weights[k] * Phi((n - mu[k]) / sigma[k])`.

    The components k lie along `axis`, by default the last one; weights, mu and sigma have the same axes. That axis
    goes, and the last axis `bin` comes, which counts the unit of mu and sigma. The weights sum to one, as `softmax`
    makes them, and sigma is positive, as `softplus` and `exp` make it, and held as in `normal_cdf`.
    """

    name: ClassVar[str] = "mixture_cdf"
    main: ClassVar[str | None] = "bins"
    slots: ClassVar[tuple[str, ...]] = ("weights", "mu", "sigma")

    bins: int = Field(ge=1)
    axis: str | None = None

    def infer(self, weights: TensorType, mu: TensorType, sigma: TensorType) -> Inferred:
        """The other axes and `bin`; a distribution function where weights and sigma are proved to be what they must."""
        for i, x in enumerate((weights, mu, sigma)):
            floating(x, self.name, i)
        unit = common_unit((mu, sigma), self.name)
        axes, constraints = agree((weights, mu, sigma), self.name, numbers=False)
        place = self.place(TensorType(axes))
        warnings = positive(sigma, 2)
        shared = weights.facts.is_probabilities(weights.names[place])
        if not shared:
            message = f"the weights of a mixture sum to one, and that these do over `{axes[place].name}` is not proved"
            help = f"make them with `- softmax: {axes[place].name}`"
            append = f"softmax: {axes[place].name}"
            warnings += (Warned("NS341", message, at=0, help=help, append=append),)
        facts = Facts(low=0, high=1, nondecreasing=BIN) if shared and sigma.facts.low >= 0 else Facts()
        out = with_bins(TensorType(without(axes, place)), self.bins, self.name, unit)
        return Inferred((TensorType(out, "float32", facts),), constraints=constraints, warnings=warnings)

    def place(self, x: TensorType) -> int:
        """The position of the components."""
        if x.rank < 2:
            raise Problem(
                "NS254",
                f"`mixture_cdf` wants components along an axis, and this is {x.named()}",
                at=0,
                help="give it several numbers for each sample, such as the output of `linear: 5`",
            )
        return along(x, self.axis or x.names[-1], self.name)

    def views(self, *inputs: TensorType) -> tuple[Views | None, ...]:
        """All components, and one place of everything else."""
        component = inputs[0].names[self.place(inputs[0])]
        return tuple({**views, component: EVERYTHING} for views in pointwise_views(inputs))

    @staticmethod
    def samples() -> list[Sample]:
        """Components last and elsewhere, weights of which nothing is proved, and what does not fit."""
        shares = tensor(batch=2, component=3, facts=SHARES)
        mu = tensor(batch=2, component=3, unit="ml", facts=Facts(low=0, high=8))
        sigma = tensor(batch=2, component=3, unit="ml", facts=Facts(low=0.5, high=3))
        wide = tensor(batch=2, component=2, time=3)
        return [
            good(shares, mu, sigma, bins=9),
            good(
                wide.with_facts(SHARES),
                wide,
                wide.with_facts(Facts(low=0.5)),
                bins=4,
                axis="component",
            ),
            good(tensor(batch=2, component=3, facts=Facts(low=0, high=1)), mu, sigma, bins=5),
            bad("NS254", tensor(batch=2), tensor(batch=2), tensor(batch=2, facts=Facts(low=0.5)), bins=9),
            bad("NS256", shares, mu, sigma, bins=9, axis="batch"),
            bad("NS253", shares, mu, sigma, bins=9, axis="time"),
            bad("NS251", shares, mu, tensor(batch=2, component=4, facts=Facts(low=0.5)), bins=9),
            bad("NS311", shares, mu, tensor(batch=2, component=3, unit="mm", facts=Facts(low=0.5)), bins=9),
            bad("NS329", shares, mu, tensor(batch=2, component=3, facts=Facts(low=-1, high=0)), bins=9),
            bad("NS310", shares, mu, tensor("int64", batch=2, component=3), bins=9),
        ]


class LognormalCdf(Op):
    """The log-normal distribution function at the bins: `y[n] = Phi((log(n) - mu) / sigma)`, and 0 at n = 0.

    It is that of `exp(mu + sigma * z)`, z normal: for sizes that are never negative and whose errors grow with them. mu
    and sigma have the same axes and no unit, as logarithms have none, so that the bins it adds as the last axis have
    none. sigma must be positive: `softplus` and `exp` see to it. It is held as in `normal_cdf`.
    """

    name: ClassVar[str] = "lognormal_cdf"
    main: ClassVar[str | None] = "bins"
    slots: ClassVar[tuple[str, ...]] = ("mu", "sigma")
    pointwise: ClassVar[bool] = True

    bins: int = Field(ge=1)

    def infer(self, mu: TensorType, sigma: TensorType) -> Inferred:
        """The common axes and `bin`; a distribution function where sigma is proved not to be negative."""
        floating(mu, self.name, 0)
        floating(sigma, self.name, 1)
        axes, constraints = agree((mu, sigma), self.name, numbers=False)
        warnings = positive(sigma, 1)
        facts = Facts(low=0, high=1, nondecreasing=BIN if sigma.facts.low >= 0 else None)
        out = TensorType(with_bins(TensorType(axes), self.bins, self.name, None), "float32", facts)
        return Inferred((out,), constraints=constraints, warnings=warnings)

    @staticmethod
    def samples() -> list[Sample]:
        """A number for each sample, for each place, a single bin, and what is no standard deviation."""
        mu = tensor(batch=3, facts=Facts(low=-1, high=2))
        sigma = tensor(batch=3, facts=Facts(low=0.25, high=2))
        return [
            good(mu, sigma, bins=7),
            good(tensor(batch=2, time=2), tensor(batch=2, time=2, facts=Facts(low=0.5)), bins=4),
            good(mu, sigma, bins=1),
            bad("NS250", mu, tensor(batch=3, feature=1, facts=Facts(low=0.5)), bins=7),
            bad("NS251", mu, tensor(batch=4, facts=Facts(low=0.5)), bins=7),
            bad("NS254", TensorType(), TensorType(facts=Facts(low=0.5)), bins=7),
            bad("NS259", tensor(batch=3, bin=2), tensor(batch=3, bin=2, facts=Facts(low=0.5)), bins=7),
            bad("NS329", mu, tensor(batch=3, facts=Facts(low=-1, high=0)), bins=7),
            bad("NS310", mu, tensor("int64", batch=3), bins=7),
        ]


class OrdinalCdf(Op):
    """Learned thresholds that one number is measured by: `y[n] = sigmoid(theta[n] - x)` for n = 0 .. bins - 1.

    It is the cumulative link model, or proportional odds: `logit P(V <= n) = theta[n] - x` (McCullagh, J. R. Stat. Soc.
    B 42, 1980). `theta[n] = threshold + softplus(gap[0]) + ... + softplus(gap[n - 1])` rises by construction, where
    CORAL (Cao, Mirjalili and Raschka, 2020) has free thresholds that training puts in order. So a network says one
    number for each sample, and the shape of the distribution is learned once for all. `threshold` and the `bins - 1`
    numbers of `gap` are parameters, shared by all samples; they start where x = 0 makes all bins, and what lies beyond
    them, equally likely. Takes `[batch, ...]` and adds the last axis `bin`.
    """

    name: ClassVar[str] = "ordinal_cdf"
    pointwise: ClassVar[bool] = True
    main: ClassVar[str | None] = "bins"

    bins: int = Field(ge=2)

    def infer(self, x: TensorType) -> Inferred:
        """The input's axes and `bin`; a distribution function whatever comes in."""
        floating(x, self.name, 0)
        facts = Facts(low=0, high=1, nondecreasing=BIN)
        out = TensorType(with_bins(x, self.bins, self.name, None), "float32", facts)
        return Inferred((out,), (Parameter("threshold", (1,)), Parameter("gap", (self.bins - 1,))))

    def terms(self, at: Shapes) -> int:
        """The gradients of thresholds are sums over all samples and bins."""
        return at.all

    @staticmethod
    def samples() -> list[Sample]:
        """A number for each sample, for each place, the fewest bins, and what is no such number."""
        return [
            good(tensor(batch=3), bins=6),
            good(tensor(batch=2, time=3), bins=4),
            good(tensor(batch=4, unit="ml", facts=Facts(low=0, high=5)), bins=2),
            bad("NS254", TensorType(facts=Facts(low=1, high=1)), bins=6),
            bad("NS259", tensor(batch=3, bin=2), bins=6),
            bad("NS310", tensor("int64", batch=3), bins=6),
        ]


def positive(sigma: TensorType, at: int) -> tuple[Warned, ...]:
    """Problem NS329 where a standard deviation is never positive, a warning NS327 where that it is is not proved."""
    low, high = sigma.facts.low, sigma.facts.high
    if high <= 0:
        raise Problem(
            "NS329",
            f"`sigma` lies in [{low:g}, {high:g}], and a standard deviation is positive",
            at=at,
            help="make it with `softplus` or `exp`",
        )
    if low >= 0:
        return ()
    message = "`sigma` is not proved to be positive; where it is not, the result is no distribution function"
    return (Warned("NS327", message, at=at, help="make it with `softplus` or `exp`", append="softplus"),)
