"""Channels dealt out anew: an axis is split, two are exchanged, and all is laid together again."""

from __future__ import annotations

from typing import Any

from netspec.ops.shuffle import ChannelShuffle, PixelShuffle, PixelUnshuffle
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
    return Forward((_spread(inputs[0], op.upscale_factor),))


@pixel_shuffle.backward
def pixel_shuffle_backward(op: PixelShuffle, saved: tuple[Any, ...], grads: Arrays, at: Context) -> Backward:
    """The same numbers where they came from."""
    del saved
    return Backward((_gathered(grads[0], op.upscale_factor) if at.types[0].dtype == "float32" else None,))


@lowers(PixelUnshuffle)
def pixel_unshuffle(op: PixelUnshuffle, inputs: Arrays, at: Context) -> Forward:
    """`y[c * r * r + i * r + j, h, w] = x[c, h * r + i, w * r + j]`."""
    del at
    return Forward((_gathered(inputs[0], op.downscale_factor),))


@pixel_unshuffle.backward
def pixel_unshuffle_backward(
    op: PixelUnshuffle, saved: tuple[Any, ...], grads: Arrays, at: Context
) -> Backward:
    """The same numbers where they came from."""
    del saved
    return Backward((_spread(grads[0], op.downscale_factor) if at.types[0].dtype == "float32" else None,))


def _spread(x: Array, r: int) -> Array:
    """Every r * r channels as a tile of places."""
    n, c, h, w = x.shape
    tiles = x.reshape(n, c // (r * r), r, r, h, w).transpose(0, 1, 4, 2, 5, 3)  # [n, c, h, i, w, j]
    return tiles.reshape(n, c // (r * r), h * r, w * r)


def _gathered(x: Array, r: int) -> Array:
    """Every tile of places as r * r channels."""
    n, c, h, w = x.shape
    tiles = x.reshape(n, c, h // r, r, w // r, r).transpose(0, 1, 3, 5, 2, 4)  # [n, c, i, j, h, w]
    return tiles.reshape(n, c * r * r, h // r, w // r)


def _dealt(x: Array, groups: int) -> Array:
    """Channel i of group j at place i * groups + j."""
    table = x.reshape(x.shape[0], groups, x.shape[1] // groups, *x.shape[2:])
    return table.swapaxes(1, 2).reshape(x.shape)
