"""Scores of whole distributions."""

from __future__ import annotations

from netspec.ops.distribution_loss import Crps, KlDiv
from netspec_torch.loss import reduced
from netspec_torch.rule import Lowered, Site, Value, call, lowers, method


@lowers(Crps)
def crps(op: Crps, at: Site) -> Lowered:
    """`crps(cdf, target).mean()`."""
    options: dict[str, Value] = {} if op.power == 2 else {"power": op.power}
    return reduced(op, at, call("crps", *at.inputs[:2], **options), ("step", "crps"))


@lowers(KlDiv)
def kl_div(op: KlDiv, at: Site) -> Lowered:
    """`F.kl_div(log_probabilities, target, reduction="none").sum(dim=1).mean()`."""
    return reduced(op, at, method(call("F.kl_div", *at.inputs[:2], reduction="none"), "sum", dim=1))
