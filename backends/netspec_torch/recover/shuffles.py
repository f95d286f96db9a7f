"""`view`, `transpose`, `view` again: what people write out for a channel shuffle, found as the one op that it is."""

from __future__ import annotations

from torch.fx import Node

from netspec_torch.recover.held import Held
from netspec_torch.recover.reading import Call, reads
from netspec_torch.recover.windows import plain


def shuffled(call: Call, held: Held) -> Held | None:
    """`channel_shuffle`, where `[n, c, *space]` goes by `[n, g, c / g, *space]`, turned, back to its shape; else None.

    The last step of the three, which gives the result, is told what it is; the first stands for its input.
    """
    before, middle = call.reader.hints(_source(call.node)), call.shape
    if len(middle) != len(before) + 1 or len(before) < 3:
        return None
    if middle[0] != before[0] or middle[3:] != before[2:] or middle[1] * middle[2] != before[1]:
        return None
    turned = _only(call.node)
    if (
        turned is None
        or getattr(turned.target, "_opname", "") != "transpose"
        or {turned.args[1], turned.args[2]} != {1, 2}
    ):
        return None
    last = _only(turned)
    while last is not None and getattr(last.target, "_opname", "") in {"contiguous", "clone"}:
        last = _only(last)
    if last is None or getattr(last.target, "_opname", "") not in {"view", "reshape", "flatten"}:
        return None
    if call.reader.hints(last) != before:
        return None
    value = call.draw.one("channel_shuffle", {"groups": middle[1]}, (call.draw.image(held),))
    made = plain(value, len(before))
    step = turned
    while step is not last:
        call.reader.skipped[step] = made
        (step,) = step.users
    call.reader.skipped[last] = made
    return made


def _source(node: Node) -> Node:
    """The tensor that a view is of."""
    source = node.args[0]
    assert isinstance(source, Node)
    return source


def _only(node: Node) -> Node | None:
    """The one reader of a node."""
    return next(iter(node.users)) if len(node.users) == 1 else None


@reads("aten.channel_shuffle", "aten.native_channel_shuffle")
def channel_shuffle(call: Call) -> Held:
    """Channels of groups mixed."""
    held = call.held("self")
    made = call.draw.one("channel_shuffle", {"groups": call["groups"]}, (call.draw.image(held),))
    return plain(made, len(held.dims))


@reads("aten.pixel_shuffle", "aten.pixel_unshuffle")
def pixel_shuffle(call: Call) -> Held:
    """Channels dealt out over space, and gathered."""
    word = "upscale_factor" if call.name == "pixel_shuffle" else "downscale_factor"
    held = call.held("self")
    return plain(call.draw.one(call.name, {word: call[word]}, (call.draw.image(held),)), len(held.dims))
