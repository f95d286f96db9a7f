"""Scores of whole distributions: of a curve against what came, and of shares against shares."""

from dataclasses import replace
from typing import ClassVar, Literal

from netspec.ir.facts import Facts
from netspec.ir.op import Inferred, Sample, bad, good
from netspec.ir.problem import Problem
from netspec.ir.types import TensorType, tensor
from netspec.ops.density import positive
from netspec.ops.distribution import curve, is_cdf, same_bins, within_bins
from netspec.ops.elementwise import agree, common_unit, floating
from netspec.ops.loss import Loss, weight_samples


class Crps(Loss):
    """The continuous ranked probability score: the squared area between a curve and the true step.

    `loss = mean over n of |cdf[n] - H(n - target)| ** power` for the bins n = 0 .. bins - 1 along the last axis of
    `cdf`, H(0) = 1; the target has the other axes, and the unit of the bins. Then `reduction` over those. With power 2
    it is the score of the Second Annual Data Science Bowl; see T. Gneiting and A. E. Raftery, J. Am. Stat. Assoc. 102
    (2007), section 4.2. With power 1 it is the plain area, which is least for a step at the median and so asks for no
    spread; its slope is 0 where there is no gap. The target has no gradient.
    """

    name: ClassVar[str] = "crps"
    slots: ClassVar[tuple[str, ...]] = ("cdf", "target", "weights?")

    power: Literal[1, 2] = 2
    """2 for the squared area, 1 for the plain one."""

    def infer(self, cdf: TensorType, target: TensorType, weights: TensorType | None = None) -> Inferred:
        """One number, or the target's axes; the curve must be a distribution function, the target within the bins."""
        floating(cdf, self.name, 0)
        floating(target, self.name, 1)
        bins = curve(cdf, self.name).size.value
        axes, constraints = agree((cdf.with_axes(cdf.axes[:-1]), target), self.name, numbers=False)
        same_bins(cdf, target, self.name)
        warnings = is_cdf(cdf, self.name)
        if bins is not None:
            warnings += within_bins(target, bins, self.name, 1)
        return self.reduced(TensorType(axes, "float32", Facts(low=0, high=1)), weights, constraints, warnings)

    @staticmethod
    def samples() -> list[Sample]:
        """Each reduction, both powers, more axes, weights, and every contradiction."""
        cdf = tensor(batch=3, bin=6, facts=Facts(low=0, high=1, nondecreasing="bin"))
        volume = tensor(batch=3, unit="ml", facts=Facts(low=0, high=5))
        return [
            good(cdf, volume),
            good(cdf, volume, reduction="sum"),
            good(cdf, volume, reduction="none"),
            good(cdf, volume, power=1),
            good(tensor(batch=3, feature=6, facts=Facts(low=0, high=1)), volume),
            good(
                tensor(batch=2, time=2, bin=4, facts=Facts(low=0, high=1, nondecreasing="bin")),
                tensor(batch=2, time=2, facts=Facts(low=0, high=3)),
            ),
            *weight_samples(cdf, volume),
            bad("NS319", tensor(batch=3, bin=6), volume),
            bad("NS319", tensor(batch=3, bin=6, facts=Facts(low=0, high=1, sums_to_one="bin")), volume),
            bad("NS311", replace(cdf, axes=(*cdf.axes[:-1], replace(cdf.axes[-1], unit="mm"))), volume),
            bad("NS321", cdf, tensor(batch=3, facts=Facts(low=0, high=600))),
            bad("NS250", cdf, tensor(batch=3, feature=1, facts=Facts(low=0, high=5))),
            bad("NS251", cdf, tensor(batch=4, facts=Facts(low=0, high=5))),
            bad("NS254", tensor(batch=3, facts=Facts(low=0, high=1)), volume),
            bad("NS310", cdf, tensor("int64", batch=3, facts=Facts(low=0, high=4, classes=5))),
        ]


class CrpsNormal(Loss):
    """The CRPS of a normal distribution in closed form: `d * erf(z / sqrt(2)) + sigma * (2 * phi(z) - 1 / sqrt(pi))`.

    `d = target - mu`, `z = d / sigma`, phi the normal density (Gneiting and others, Mon. Weather Rev. 133, 2005,
    equation 5; Gneiting and Raftery, J. Am. Stat. Assoc. 102, 2007, section 4.2). It is the whole area, in the unit of
    the target: what `crps` of `normal_cdf` comes to, times the number of bins, as the bins grow narrow against sigma.
    All three have the same axes and unit. Where sigma is 0 it is the absolute error.
    """

    name: ClassVar[str] = "crps_normal"
    slots: ClassVar[tuple[str, ...]] = ("mu", "sigma", "target", "weights?")

    def infer(
        self, mu: TensorType, sigma: TensorType, target: TensorType, weights: TensorType | None = None
    ) -> Inferred:
        """One number, or the common axes, in the unit of the target; sigma must not be negative."""
        for i, x in enumerate((mu, sigma, target)):
            floating(x, self.name, i)
        unit = common_unit((mu, sigma, target), self.name)
        if not mu.rank:
            raise Problem(
                "NS254", "`crps_normal` of one number", at=0, help="give it a value for every sample"
            )
        axes, constraints = agree((mu, sigma, target), self.name, numbers=False)
        warnings = positive(sigma, 1)
        return self.reduced(TensorType(axes, "float32", Facts(low=0), unit), weights, constraints, warnings)

    @staticmethod
    def samples() -> list[Sample]:
        """Each reduction, more axes, weights, and what is no standard deviation."""
        mu, target = tensor(batch=3, unit="ml"), tensor(batch=3, unit="ml", facts=Facts(low=0, high=3))
        sigma = tensor(batch=3, unit="ml", facts=Facts(low=0.25, high=2))
        return [
            good(mu, sigma, target),
            good(mu, sigma, target, reduction="sum"),
            good(mu, sigma, target, reduction="none"),
            good(
                tensor(batch=2, time=2),
                tensor(batch=2, time=2, facts=Facts(low=0.5)),
                tensor(batch=2, time=2),
            ),
            *weight_samples(mu, sigma, target),
            bad("NS250", mu, tensor(batch=3, feature=1, facts=Facts(low=0.5)), target),
            bad("NS251", mu, sigma, tensor(batch=4)),
            bad("NS254", TensorType(), TensorType(facts=Facts(low=0.5)), TensorType()),
            bad("NS310", mu, sigma, tensor("int64", batch=3, facts=Facts(low=0, high=4, classes=5))),
            bad("NS311", mu, sigma, tensor(batch=3, unit="mm")),
            bad("NS329", mu, tensor(batch=3, facts=Facts(low=-2, high=0)), target),
        ]


class KlDiv(Loss):
    """The Kullback-Leibler divergence of a target from a prediction: `sum of t * (log(t) - log_probabilities)`.

    Takes log-probabilities `[batch, class, *space]`, the output of `log_softmax`, and probabilities t of the same axes,
    and sums over the classes; t = 0 adds nothing. With `log_target` the target are log-probabilities too, as those of
    a teacher may be: `sum of exp(t) * (t - log_probabilities)`. The mean is over the sums, so that it is the divergence
    itself: PyTorch calls that `batchmean` where there is no space, and its own `mean` divides by the number of classes
    as well.
    """

    name: ClassVar[str] = "kl_div"
    slots: ClassVar[tuple[str, ...]] = ("log_probabilities", "target", "weights?")

    log_target: bool = False
    """Whether the target are logarithms of probabilities."""

    def infer(
        self, log_probabilities: TensorType, target: TensorType, weights: TensorType | None = None
    ) -> Inferred:
        """One number, or the axes without that of the classes; both sides must be proved to be distributions."""
        floating(log_probabilities, self.name, 0)
        floating(target, self.name, 1)
        if log_probabilities.rank < 2:
            raise Problem(
                "NS254",
                f"`kl_div` wants a number for every class on the axis after the batch, not {log_probabilities.named()}",
                at=0,
                help="give it the output of `log_softmax`",
            )
        axes, constraints = agree((log_probabilities, target), self.name, numbers=False)
        axis = log_probabilities.axes[1].name
        if log_probabilities.facts.log_probabilities != axis:
            raise Problem(
                "NS316",
                f"`kl_div` wants log_probabilities over `{axis}`, and that these are is not proved",
                at=0,
                help="end with `- log_softmax`",
            )
        self._are_shares(target)
        element = TensorType((axes[0], *axes[2:]), "float32", Facts(low=0))
        return self.reduced(element, weights, constraints)

    def _are_shares(self, target: TensorType) -> None:
        """Problem NS316 or NS341 unless the target is proved to be a distribution in the form that is asked for."""
        axis, facts = target.axes[1].name, target.facts
        if facts.log_probabilities == axis:
            if not self.log_target:
                message = (
                    f"`kl_div` wants probabilities as target, and these are log_probabilities over `{axis}`"
                )
                raise Problem("NS341", message, at=1, help="write `log_target=true`")
        elif self.log_target:
            raise Problem(
                "NS316",
                f"`kl_div` with `log_target` wants log_probabilities over `{axis}`, and that these are is not proved",
                at=1,
                help="leave `log_target` out for probabilities, or make the target with `log_softmax`",
            )
        elif not facts.is_probabilities(axis):
            raise Problem(
                "NS341",
                f"`kl_div` wants a target that sums to one over `{axis}`, and that this one does is not proved",
                at=1,
                help="declare it `kind: probabilities`, or make it with `softmax`; for single classes use `nll`",
            )

    @staticmethod
    def samples() -> list[Sample]:
        """Each reduction, images of shares, logarithms of shares, weights, and what is no distribution."""
        logs, shares = Facts(high=0, log_probabilities="channel"), Facts(low=0, high=1, sums_to_one="channel")
        p, t = tensor(batch=3, channel=4, facts=logs), tensor(batch=3, channel=4, facts=shares)
        image = tensor(batch=2, channel=3, height=2, width=2)
        return [
            good(p, t),
            good(p, t, reduction="sum"),
            good(p, t, reduction="none"),
            good(image.with_facts(logs), image.with_facts(shares)),
            good(p, p, log_target=True),
            good(image.with_facts(logs), image.with_facts(logs), log_target=True, reduction="none"),
            *weight_samples(p, t),
            bad("NS316", tensor(batch=3, channel=4), t),
            bad("NS316", p, t, log_target=True),
            bad("NS341", p, p),
            bad("NS341", p, tensor(batch=3, channel=4, facts=Facts(low=0, high=1))),
            bad("NS250", p, tensor(batch=3)),
            bad("NS254", tensor(batch=3), tensor(batch=3)),
            bad("NS310", p, tensor("int64", batch=3, channel=4)),
        ]
