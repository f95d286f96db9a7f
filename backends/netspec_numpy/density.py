"""Distribution functions with a shape of their own over the bins 0, 1, 2, ..."""

from __future__ import annotations

from math import erfc, pi, sqrt
from typing import Any

import numpy as np

from netspec.ops.density import LognormalCdf, MixtureCdf, OrdinalCdf
from netspec.ops.distribution import LEAST_SIGMA
from netspec_numpy.rule import Array, Arrays, Backward, Context, Forward, lowers

_erfc = np.frompyfunc(erfc, 1, 1)  # NumPy has no error function of its own


@lowers(MixtureCdf)
def mixture_cdf(op: MixtureCdf, inputs: Arrays, at: Context) -> Forward:
    """The weighted sum over the components of `Phi((n - mu) / sigma)`."""
    weights, mu, sigma = inputs
    place, wide = op.place(at.types[0]), _held(sigma)
    z = (np.arange(op.bins, dtype=mu.dtype) - mu[..., np.newaxis]) / wide
    each = _phi(z)
    return Forward(
        ((weights[..., np.newaxis] * each).sum(axis=place),), (weights, sigma, wide, z, each, place)
    )


@mixture_cdf.backward
def mixture_cdf_backward(op: MixtureCdf, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """To the weights each curve; to mu and sigma what a normal curve of that weight sends."""
    del op, at
    weights, sigma, wide, z, each, place = saved
    g = np.expand_dims(grads[0], place)
    dz = g * weights[..., np.newaxis] * _density(z) / wide
    dsigma = -(dz * z).sum(axis=-1) * (sigma >= LEAST_SIGMA)
    return Backward(((g * each).sum(axis=-1), -dz.sum(axis=-1), dsigma))


@lowers(LognormalCdf)
def lognormal_cdf(op: LognormalCdf, inputs: Arrays, at: Context) -> Forward:
    """`Phi((log(n) - mu) / sigma)`, and 0 at n = 0."""
    del at
    mu, sigma = inputs
    places, wide = np.log(np.arange(1, op.bins, dtype=mu.dtype)), _held(sigma)
    z = (places - mu[..., np.newaxis]) / wide
    return Forward(
        (np.concatenate([np.zeros_like(mu)[..., np.newaxis], _phi(z)], axis=-1),), (sigma, wide, z)
    )


@lognormal_cdf.backward
def lognormal_cdf_backward(op: LognormalCdf, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """As `normal_cdf`, at the logarithms of the bins."""
    del op, at
    sigma, wide, z = saved
    dz = grads[0][..., 1:] * _density(z) / wide
    return Backward((-dz.sum(axis=-1), -(dz * z).sum(axis=-1) * (sigma >= LEAST_SIGMA)))


@lowers(OrdinalCdf)
def ordinal_cdf(op: OrdinalCdf, inputs: Arrays, at: Context) -> Forward:
    """`sigmoid(theta[n] - x)`, theta the running sum of the first threshold and of gaps made positive by `softplus`."""
    del op
    (x,) = inputs
    first, gap = at.parameters["threshold"], at.parameters["gap"]
    theta = np.cumsum(np.concatenate([first, np.logaddexp(gap, 0)]))
    z = theta - x[..., np.newaxis]
    return Forward((_sigmoid(z),), (z,))


@ordinal_cdf.backward
def ordinal_cdf_backward(op: OrdinalCdf, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """`sigmoid(z) * sigmoid(-z)` to each threshold and against x; a gap moves all thresholds above it."""
    del op
    (z,) = saved
    dz = grads[0] * _sigmoid(z) * _sigmoid(-z)
    theta = dz.sum(axis=tuple(range(dz.ndim - 1)))
    above = np.cumsum(theta[::-1])[::-1]
    gaps = above[1:] * _sigmoid(at.parameters["gap"])
    return Backward((-dz.sum(axis=-1),), {"threshold": above[:1], "gap": gaps})


def _held(sigma: Array) -> Array:
    """Standard deviations that can be divided by, as wide as the bins."""
    return np.maximum(sigma, LEAST_SIGMA).astype(sigma.dtype)[..., np.newaxis]


def _sigmoid(z: Array) -> Array:
    """`1 / (1 + exp(-z))`, without an overflow."""
    small = np.exp(-np.abs(z))
    return np.where(z >= 0, 1 / (1 + small), small / (1 + small))


def _phi(z: Array) -> Array:
    """The normal distribution function, `erfc(-z / sqrt(2)) / 2`, exact in both tails."""
    return np.asarray(_erfc(-z / sqrt(2)), z.dtype) / 2


def _density(z: Array) -> Array:
    """The normal density."""
    return np.asarray(np.exp(-(z**2) / 2) / sqrt(2 * pi), z.dtype)
