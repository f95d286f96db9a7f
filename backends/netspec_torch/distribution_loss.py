"""Scores of whole distributions."""

from __future__ import annotations

from netspec.ops.distribution_loss import Crps, CrpsNormal, KlDiv
from netspec_torch.loss import reduced
from netspec_torch.rule import Lowered, Site, Value, call, lowers, method


@lowers(Crps)
def crps(op: Crps, at: Site) -> Lowered:
    """`crps(cdf, target).mean()`."""
    options: dict[str, Value] = {} if op.power == 2 else {"power": op.power}
    return reduced(op, at, call("crps", *at.inputs[:2], **options), ("step", "crps"))


@lowers(CrpsNormal)
def crps_normal(op: CrpsNormal, at: Site) -> Lowered:
    """`crps_normal(mu, sigma, target).mean()`."""
    return reduced(op, at, call("crps_normal", *at.inputs[:3]), ("crps_normal",))


@lowers(KlDiv)
def kl_div(op: KlDiv, at: Site) -> Lowered:
    """`F.kl_div(log_probabilities, target, reduction="none").sum(dim=1).mean()`."""
    options: dict[str, Value] = {"log_target": True} if op.log_target else {}
    each = call("F.kl_div", *at.inputs[:2], reduction="none", **options)
    return reduced(op, at, method(each, "sum", dim=1))
