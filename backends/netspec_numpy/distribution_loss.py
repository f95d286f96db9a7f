"""Scores of whole distributions."""

from __future__ import annotations

from typing import Any

import numpy as np

from netspec.ops.distribution_loss import Crps, KlDiv
from netspec_numpy.distribution import steps
from netspec_numpy.loss import back, reduced, spread, weighed
from netspec_numpy.rule import Arrays, Backward, Context, Forward, lowers


@lowers(Crps)
def crps(op: Crps, inputs: Arrays, at: Context) -> Forward:
    """The mean over the bins of `|cdf[n] - H(n - target)| ** power`."""
    cdf, target = inputs[0], inputs[1]
    error = cdf - steps(target, cdf.shape[-1])
    each = (error**2 if op.power == 2 else np.abs(error)).mean(axis=-1)
    parts = weighed(op, each, inputs, at)
    return Forward((reduced(op, parts),), (error, parts))


@crps.backward
def crps_backward(op: Crps, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """`2 / bins * error`, of the plain area its sign over the bins; the step has no gradient."""
    del at
    error, parts = saved
    each = spread(op, grads[0], parts)[..., np.newaxis] / error.shape[-1]
    dx = each * (2 * error if op.power == 2 else np.sign(error))
    return Backward(back(op, grads[0], parts, dx, None))


@lowers(KlDiv)
def kl_div(op: KlDiv, inputs: Arrays, at: Context) -> Forward:
    """The sum over the classes of `t * (log(t) - log_probabilities)`, nothing where t = 0."""
    log_p, t = inputs[0], inputs[1]
    with np.errstate(divide="ignore", invalid="ignore"):
        own = np.where(t == 0, 0.0, t * np.log(t))
    parts = weighed(op, (own - t * log_p).sum(axis=1), inputs, at)
    return Forward((reduced(op, parts),), (log_p, t, parts))


@kl_div.backward
def kl_div_backward(op: KlDiv, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """`-t` to the log-probabilities, `log(t) + 1 - log_probabilities` to the target."""
    del at
    log_p, t, parts = saved
    each = spread(op, grads[0], parts)[:, np.newaxis]
    with np.errstate(divide="ignore", invalid="ignore"):
        dt = each * (np.log(t) + 1 - log_p)
    return Backward(back(op, grads[0], parts, -each * t, dt))
