"""Scores of whole distributions."""

from __future__ import annotations

from math import erf, pi, sqrt
from typing import Any

import numpy as np

from netspec.ops.distribution_loss import Crps, CrpsNormal, KlDiv
from netspec_numpy.distribution import steps
from netspec_numpy.loss import back, reduced, spread, weighed
from netspec_numpy.rule import Arrays, Backward, Context, Forward, lowers

_erf = np.frompyfunc(erf, 1, 1)  # NumPy has no error function of its own


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


@lowers(CrpsNormal)
def crps_normal(op: CrpsNormal, inputs: Arrays, at: Context) -> Forward:
    """`d * erf(z / sqrt(2)) + sigma * (2 * phi(z) - 1 / sqrt(pi))`, `d = target - mu` and `z = d / sigma`."""
    mu, sigma, target = inputs[:3]
    d = target - mu
    with np.errstate(over="ignore"):
        z = np.clip(
            d / np.maximum(sigma, np.finfo(d.dtype).tiny), -40, 40
        )  # beyond it is a step to the last bit
    inside = np.asarray(_erf(z / sqrt(2)), z.dtype)
    peak = np.asarray(np.exp(-(z**2) / 2) * sqrt(2 / pi) - 1 / sqrt(pi), z.dtype)
    parts = weighed(op, d * inside + sigma * peak, inputs, at)
    return Forward((reduced(op, parts),), (inside, peak, parts))


@crps_normal.backward
def crps_normal_backward(op: CrpsNormal, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """`erf(z / sqrt(2))` to the target, its opposite to mu, and `2 * phi(z) - 1 / sqrt(pi)` to sigma."""
    del at
    inside, peak, parts = saved
    each = spread(op, grads[0], parts)
    return Backward(back(op, grads[0], parts, -each * inside, each * peak, each * inside))


@lowers(KlDiv)
def kl_div(op: KlDiv, inputs: Arrays, at: Context) -> Forward:
    """The sum over the classes of `t * (log(t) - log_probabilities)`, nothing where t = 0."""
    log_p, t = inputs[0], inputs[1]
    if op.log_target:
        parts = weighed(op, (np.exp(t) * (t - log_p)).sum(axis=1), inputs, at)
        return Forward((reduced(op, parts),), (log_p, t, parts))
    with np.errstate(divide="ignore", invalid="ignore"):
        own = np.where(t == 0, 0.0, t * np.log(t))
    parts = weighed(op, (own - t * log_p).sum(axis=1), inputs, at)
    return Forward((reduced(op, parts),), (log_p, t, parts))


@kl_div.backward
def kl_div_backward(op: KlDiv, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """`-t` to the log-probabilities, `log(t) + 1 - log_probabilities` to the target; of logarithms the chain rule."""
    del at
    log_p, t, parts = saved
    each = spread(op, grads[0], parts)[:, np.newaxis]
    if op.log_target:
        shares = each * np.exp(t)
        return Backward(back(op, grads[0], parts, -shares, shares * (t - log_p + 1)))
    with np.errstate(divide="ignore", invalid="ignore"):
        dt = each * (np.log(t) + 1 - log_p)
    return Backward(back(op, grads[0], parts, -each * t, dt))
