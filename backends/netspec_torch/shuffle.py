"""Channels dealt out anew: among groups by `torch.channel_shuffle`, over space by exchanging axes."""

from __future__ import annotations

from netspec.ops.shuffle import ChannelShuffle, PixelShuffle, PixelUnshuffle
from netspec.ops.window import channels
from netspec_torch.rule import Lowered, Site, call, lowers, method


@lowers(ChannelShuffle)
def channel_shuffle(op: ChannelShuffle, at: Site) -> Lowered:
    """`torch.channel_shuffle`."""
    return Lowered(call("torch.channel_shuffle", *at.inputs, op.groups))


@lowers(PixelShuffle)
def pixel_shuffle(op: PixelShuffle, at: Site) -> Lowered:
    """Tiles as axes of their own, exchanged and flattened: `F.pixel_shuffle` fails backward on a batch of nothing."""
    r = op.upscale_factor
    tiles = method(at.inputs[0], "unflatten", 1, (channels(at.types[0], op.name) // (r * r), r, r))
    exchanged = method(tiles, "permute", 0, 1, 4, 2, 5, 3)
    return Lowered(method(method(exchanged, "flatten", 4, 5), "flatten", 2, 3))


@lowers(PixelUnshuffle)
def pixel_unshuffle(op: PixelUnshuffle, at: Site) -> Lowered:
    """Tiles as axes of their own, exchanged and flattened, as `pixel_shuffle`."""
    r = op.downscale_factor
    tiles = method(method(at.inputs[0], "unflatten", 3, (-1, r)), "unflatten", 2, (-1, r))
    exchanged = method(tiles, "permute", 0, 1, 3, 5, 2, 4)
    return Lowered(method(exchanged, "flatten", 1, 3))
