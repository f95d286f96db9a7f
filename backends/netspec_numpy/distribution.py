"""Distribution functions over the bins 0, 1, 2, ..."""

from __future__ import annotations

from math import erfc, pi, sqrt
from typing import Any

import numpy as np

from netspec.ops.distribution import LEAST_SIGMA, NormalCdf, Quantile, Step
from netspec_numpy.elementwise import back, operands
from netspec_numpy.rule import Array, Arrays, Backward, Context, Forward, lowers

_erfc = np.frompyfunc(erfc, 1, 1)  # NumPy has no error function of its own


@lowers(Step)
def step(op: Step, inputs: Arrays, at: Context) -> Forward:
    """1 for the bins n >= x, 0 below."""
    del at
    (x,) = inputs
    return Forward((steps(x, op.bins),))


@step.backward
def step_backward(op: Step, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """It is level but for a jump, so it has no gradient."""
    del op, saved, grads, at
    return Backward((None,))


@lowers(NormalCdf)
def normal_cdf(op: NormalCdf, inputs: Arrays, at: Context) -> Forward:
    """`y[n] = Phi((n - mu) / sigma)`, with `Phi(z) = erfc(-z / sqrt(2)) / 2`, exact in both tails."""
    mu, sigma = operands(inputs, at)
    spread = np.maximum(np.asarray(sigma), LEAST_SIGMA).astype(np.result_type(sigma))[..., np.newaxis]
    places = np.arange(op.bins, dtype=np.result_type(mu, sigma))
    z = (places - np.asarray(mu)[..., np.newaxis]) / spread
    y = (_erfc(-z / sqrt(2)) / 2).astype(z.dtype)
    return Forward((y,), (mu, sigma, spread, z))


@normal_cdf.backward
def normal_cdf_backward(op: NormalCdf, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """`dz/dmu = -1 / sigma` and `dz/dsigma = -z / sigma`, times the density of z."""
    del op, at
    mu, sigma, spread, z = saved
    (g,) = grads
    dz = g * np.exp(-(z**2) / 2) / (sqrt(2 * pi) * spread)
    held = np.asarray(sigma) >= LEAST_SIGMA
    return Backward((back(mu, -dz.sum(axis=-1)), back(sigma, -(dz * z).sum(axis=-1) * held)))


@lowers(Quantile)
def quantile(op: Quantile, inputs: Arrays, at: Context) -> Forward:
    """How many bins lie below q, and at most the last bin."""
    del at
    (cdf,) = inputs
    below = (cdf < op.q).sum(axis=-1)
    return Forward((np.minimum(below, cdf.shape[-1] - 1).astype(cdf.dtype),))


@quantile.backward
def quantile_backward(op: Quantile, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """It moves by whole bins, so it has no gradient."""
    del op, saved, grads, at
    return Backward((None,))


def steps(x: Array, bins: int) -> Array:
    """`H(n - x)` for n = 0 .. bins - 1 as a last axis, H(0) = 1."""
    return (np.arange(bins) >= x[..., np.newaxis]).astype(x.dtype)
