"""Cropping: a stretch of every axis, whose gradient stands in zeros."""

from __future__ import annotations

from typing import Any

import numpy as np

from netspec.ops.crop import Crop, CropLike, crop_sizes
from netspec_numpy.pad import shared
from netspec_numpy.rule import Array, Arrays, Backward, Context, Forward, lowers


@lowers(Crop)
def crop(op: Crop, inputs: Arrays, at: Context) -> Forward:
    """`y[i] = x[i + low]`, low being half of what is too much."""
    (x,) = inputs
    sizes = {place: size for place, (size, _) in crop_sizes(op, at.types[0]).items()}
    kept = _kept(x, sizes, op.at)
    return Forward((x[kept],), (x.shape, kept))


@crop.backward
def crop_backward(op: Crop, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """The gradient stands where the numbers stood."""
    del op
    return Backward((_back(saved, grads[0]) if at.types[0].dtype == "float32" else None,))


@lowers(CropLike)
def crop_like(op: CropLike, inputs: Arrays, at: Context) -> Forward:
    """As `crop`, to the sizes of `like`; its numbers do not matter."""
    del at
    x, like = inputs
    kept = _kept(x, {place: like.shape[place] for place in range(2, x.ndim)}, op.at)
    return Forward((x[kept],), (x.shape, kept))


@crop_like.backward
def crop_like_backward(op: CropLike, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """As `crop`; none for `like`."""
    del op
    return Backward((_back(saved, grads[0]) if at.types[0].dtype == "float32" else None, None))


def _kept(x: Array, sizes: dict[int, int], at: str) -> tuple[slice, ...]:
    """The stretch of every axis that stays."""
    stretches = [slice(None)] * x.ndim
    for place, size in sizes.items():
        low, _ = shared(x.shape[place] - size, at)
        stretches[place] = slice(low, low + size)
    return tuple(stretches)


def _back(saved: tuple[Any, ...], g: Array) -> Array:
    """The gradient in its place among zeros."""
    shape, kept = saved
    dx = np.zeros(shape, dtype=g.dtype)
    dx[kept] = g
    return dx
