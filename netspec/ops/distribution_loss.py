"""Scores of whole distributions: of a curve against what came, and of shares against shares."""

from dataclasses import replace
from typing import ClassVar, Literal

from netspec.ir.facts import Facts
from netspec.ir.op import Inferred, Sample, bad, good
from netspec.ir.problem import Problem
from netspec.ir.types import TensorType, tensor
from netspec.ops.distribution import curve, is_cdf, same_bins, within_bins
from netspec.ops.elementwise import agree, floating
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


class KlDiv(Loss):
    """The Kullback-Leibler divergence of a target from a prediction: `sum of t * (log(t) - log_probabilities)`.

    Takes log-probabilities `[batch, class, *space]`, the output of `log_softmax`, and probabilities t of the same axes,
    and sums over the classes; t = 0 adds nothing. The mean is over the sums, so that it is the divergence itself:
    PyTorch calls that `batchmean` where there is no space, and its own `mean` divides by the number of classes as well.
    """

    name: ClassVar[str] = "kl_div"
    slots: ClassVar[tuple[str, ...]] = ("log_probabilities", "target", "weights?")

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
        if not target.facts.is_probabilities(target.axes[1].name):
            raise Problem(
                "NS341",
                f"`kl_div` wants a target that sums to one over `{axis}`, and that this one does is not proved",
                at=1,
                help="declare it `kind: probabilities`, or make it with `softmax`; for single classes use `nll`",
            )
        element = TensorType((axes[0], *axes[2:]), "float32", Facts(low=0))
        return self.reduced(element, weights, constraints)

    @staticmethod
    def samples() -> list[Sample]:
        """Each reduction, images of shares, weights, and what is no distribution."""
        logs, shares = Facts(high=0, log_probabilities="channel"), Facts(low=0, high=1, sums_to_one="channel")
        p, t = tensor(batch=3, channel=4, facts=logs), tensor(batch=3, channel=4, facts=shares)
        image = tensor(batch=2, channel=3, height=2, width=2)
        return [
            good(p, t),
            good(p, t, reduction="sum"),
            good(p, t, reduction="none"),
            good(image.with_facts(logs), image.with_facts(shares)),
            *weight_samples(p, t),
            bad("NS316", tensor(batch=3, channel=4), t),
            bad("NS341", p, tensor(batch=3, channel=4, facts=Facts(low=0, high=1))),
            bad("NS250", p, tensor(batch=3)),
            bad("NS254", tensor(batch=3), tensor(batch=3)),
            bad("NS310", p, tensor("int64", batch=3, channel=4)),
        ]
