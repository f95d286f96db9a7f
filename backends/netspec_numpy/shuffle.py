"""Channels dealt out anew: an axis is split, two are exchanged, and all is laid together again."""

from __future__ import annotations

from typing import Any

from netspec.ops.shuffle import ChannelShuffle, PixelShuffle
from netspec_numpy.rule import Array, Arrays, Backward, Context, Forward, lowers


@lowers(ChannelShuffle)
def channel_shuffle(op: ChannelShuffle, inputs: Arrays, at: Context) -> Forward:
    """Channels as a table with a row for each group, read column by column."""
    del at
    return Forward((_dealt(inputs[0], op.groups),))


@channel_shuffle.backward
def channel_shuffle_backward(
    op: ChannelShuffle, saved: tuple[Any, ...], grads: Arrays, at: Context
) -> Backward:
    """Dealt back: with as many groups as a group had channels."""
    del saved
    (g,) = grads
    return Backward((_dealt(g, g.shape[1] // op.groups) if at.types[0].dtype == "float32" else None,))


@lowers(PixelShuffle)
def pixel_shuffle(op: PixelShuffle, inputs: Arrays, at: Context) -> Forward:
    """`y[c, h * r + i, w * r + j] = x[c * r * r + i * r + j, h, w]`."""
    del at
    (x,) = inputs
    r, (n, c, h, w) = op.upscale_factor, x.shape
    tiles = x.reshape(n, c // (r * r), r, r, h, w).transpose(0, 1, 4, 2, 5, 3)  # [n, c, h, i, w, j]
    return Forward((tiles.reshape(n, c // (r * r), h * r, w * r),), (x.shape,))


@pixel_shuffle.backward
def pixel_shuffle_backward(op: PixelShuffle, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """The same numbers where they came from."""
    (shape,) = saved
    if at.types[0].dtype != "float32":
        return Backward((None,))
    r, (n, c, h, w) = op.upscale_factor, shape
    tiles = grads[0].reshape(n, c // (r * r), h, r, w, r).transpose(0, 1, 3, 5, 2, 4)  # [n, c, i, j, h, w]
    return Backward((tiles.reshape(shape),))


def _dealt(x: Array, groups: int) -> Array:
    """Channel i of group j at place i * groups + j."""
    table = x.reshape(x.shape[0], groups, x.shape[1] // groups, *x.shape[2:])
    return table.swapaxes(1, 2).reshape(x.shape)
