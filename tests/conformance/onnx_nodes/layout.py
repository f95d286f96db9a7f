"""Axes and places: joined, cut, moved, padded, resized; and linear layers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from netspec.ir.op import Op
from netspec.ops.expand import Expand
from netspec.ops.join import Concat
from netspec.ops.linear import Linear
from netspec.ops.order import Flip, Permute
from netspec.ops.pad import Pad
from netspec.ops.parts import Chunk, Split
from netspec.ops.reshape import Reshape
from netspec.ops.resize import Resize
from netspec.ops.shape import Flatten, Squeeze, Unsqueeze
from netspec.ops.shuffle import ChannelShuffle, PixelShuffle, PixelUnshuffle
from netspec.ops.slicing import Narrow
from tests.conformance.case import Array
from tests.conformance.onnx_nodes.node import Node
from tests.conformance.onnx_nodes.use import (
    Given,
    Unsaid,
    Use,
    dropped,
    image,
    lifted,
    moved,
    named,
    number,
    typed,
    use,
)

MODES = {"constant": "constant", "reflect": "reflect", "edge": "replicate", "wrap": "circular"}


def _concat(node: Node) -> Use:
    arrays = [x for x in node.inputs if x is not None]
    (axis,) = named([node.attributes["axis"] % arrays[0].ndim])
    return use(Concat(axis=axis), *map(lifted, arrays), back=dropped)


def _flatten(node: Node) -> Use:
    """The axes before one are laid out as one, and those from it on; where there are none an axis of size 1 is made."""
    x = node.given(0)
    axis = node.attributes.get("axis", 1) % x.ndim if node.attributes.get("axis", 1) != x.ndim else x.ndim
    first, last = named(range(axis)), named(range(axis, x.ndim))
    then: list[Op] = [Flatten(axis=first, to="first")] if len(first) > 1 else []
    then += [Flatten(axis=last, to="last")] if len(last) > 1 else []
    then += [Unsqueeze(axis="first")] if not first else []
    then += [Unsqueeze(axis="last", after="first")] if not last else []
    return use(then[0], lifted(x), then=then[1:], back=dropped)


def _reshape(node: Node) -> Use:
    x = node.given(0)
    sizes = [int(one) for one in node.given(1)]
    if 0 in sizes and node.attributes.get("allowzero", 0):
        raise Unsaid("an axis without a place")
    new = {f"b{i}": size or f"a{i}" for i, size in enumerate(sizes)}
    return use(Reshape.model_validate(new), lifted(x), back=dropped)


def _transpose(node: Node) -> Use:
    rank = node.given(0).ndim
    order = node.attributes.get("perm", tuple(range(rank))[::-1])
    return use(Permute(axis=named(order)), lifted(node.given(0)), back=dropped)


def _squeeze(node: Node) -> Use:
    """One axis after another."""
    x = node.given(0)
    ops = [Squeeze(axis=axis) for axis in named([int(one) % x.ndim for one in node.given(1)])]
    return use(ops[0], lifted(x), then=ops[1:], back=dropped)


def _unsqueeze(node: Node) -> Use:
    """One axis after another, from the first place to the last."""
    x, rank = node.given(0), node.given(0).ndim + node.given(1).size
    new = sorted(int(one) % rank for one in node.given(1))
    old = iter(named(range(x.ndim)))
    axes = [f"new{place}" if place in new else next(old) for place in range(rank)]
    ops = [Unsqueeze(axis=f"new{place}", after=axes[place - 1] if place else None) for place in new]
    return use(ops[0], lifted(x), then=ops[1:], back=dropped)


def _slice(node: Node) -> Use:
    """One axis after another. ONNX cuts a stretch off at the end; a step backwards turns the axis round first."""
    x = node.given(0)
    starts, stops, axes, steps = node.given(1), node.given(2), node.input(3), node.input(4)
    ops: list[Op] = []
    for i, start in enumerate(starts):
        place = (i if axes is None else int(axes[i])) % x.ndim
        step = 1 if steps is None else int(steps[i])
        low, high, step = slice(int(start), int(stops[i]), step).indices(x.shape[place])
        if step < 0:
            ops.append(Flip(axis=named([place])))
            low, high, step = (x.shape[place] - 1 - low, x.shape[place] - 1 - high, -step)
        ops.append(Narrow(axis=named([place])[0], start=low, stop=high, step=step))
    return use(ops[0], lifted(x), then=ops[1:], back=dropped)


def _split(node: Node) -> Use:
    x = node.given(0)
    (axis,) = named([node.attributes.get("axis", 0) % x.ndim])
    count, sizes = len(node.outputs), node.input(1)
    if sizes is not None:
        op: Op = Split(sizes=tuple(map(int, sizes)), axis=axis)
    elif x.shape[node.attributes.get("axis", 0)] % count:
        op = Split(sizes=-(-x.shape[node.attributes.get("axis", 0)] // count), axis=axis)
    else:
        op = Chunk(chunks=count, axis=axis)
    return use(op, lifted(x), outputs=tuple(range(count)), back=dropped)


def _crop_or_pad(node: Node) -> Use:
    """Larger axes are cropped and smaller ones padded, one after another."""
    x, axes = node.given(0), node.attributes.get("axes")
    ops: list[Op] = []
    for i, wanted in enumerate(map(int, node.given(1))):
        place = (i if axes is None else axes[i]) % x.ndim
        size, (axis,) = x.shape[place], named([place])
        less = abs(size - wanted) // 2
        if wanted < size:
            ops.append(Narrow(axis=axis, start=less, stop=less + wanted))
        if wanted > size:
            ops.append(Pad(axes=((axis, (less, wanted - size - less)),)))
    return use(ops[0], lifted(x), then=ops[1:], back=dropped)


def _pad(node: Node) -> Use:
    """A constant pads any axis, the others those of space."""
    x = moved(node.given(0))
    mode = MODES[node.attributes.get("mode", "constant")]
    value, axes = node.input(2), node.input(3)
    places = [int(one) % x.ndim for one in (range(x.ndim) if axes is None else axes)]
    pads = [int(one) for one in node.given(1)]
    sides = dict(zip(places, zip(pads[: len(places)], pads[len(places) :], strict=True), strict=True))
    kind, array = lifted(x) if mode == "constant" else image(x)
    first = 1 if mode == "constant" else 0
    written = {kind.names[place + first]: list(pair) for place, pair in sides.items() if any(pair)}
    op = Pad.model_validate({**written, "mode": mode, "value": 0.0 if value is None else float(value)})
    return use(op, (kind, array), back=dropped if first else lambda y: y)


def _expand(node: Node) -> Use:
    """`expand` repeats along axes that are not there: those of size 1 that grow are taken off first."""
    x = node.given(0)
    sizes = np.broadcast_shapes(x.shape, tuple(int(one) for one in node.given(1)))
    wide = x.reshape((1,) * (len(sizes) - x.ndim) + x.shape)
    kept = [i for i, (a, b) in enumerate(zip(wide.shape, sizes, strict=True)) if a == b]
    small = typed(("batch", *named(kept)), wide.reshape(1, *(wide.shape[i] for i in kept)))
    return use(Expand(), small, lifted(np.zeros(sizes, np.float32)), back=dropped)


def _depth_to_space(node: Node) -> Use:
    """By default a tile comes before the channels; `channel_shuffle` puts it behind, as PyTorch has it."""
    r = node.attributes["blocksize"]
    shuffle = PixelShuffle(upscale_factor=r)
    if node.attributes.get("mode", "DCR") == "CRD":
        return use(shuffle, image(node.given(0)))
    return use(ChannelShuffle(groups=r * r), image(node.given(0)), then=[shuffle])


def _space_to_depth(node: Node) -> Use:
    """The other way round: the tile's places come first."""
    gather = PixelUnshuffle(downscale_factor=node.attributes["blocksize"])
    return use(gather, image(node.given(0)), then=[ChannelShuffle(groups=node.given(0).shape[1])])


def _resize(node: Node) -> Use:
    """Sizes are taken as they are; netspec's ratio is always that of the sizes."""
    x, attributes = node.given(0), node.attributes
    _resize_is_plain(node)
    mode = {"nearest": "nearest", "linear": "linear", "cubic": "bicubic"}[attributes.get("mode", "nearest")]
    expected = node.outputs[0]
    assert expected is not None
    if expected.shape[:2] != x.shape[:2]:
        raise Unsaid("batch or channels are resized")
    corners = attributes.get("coordinate_transformation_mode", "half_pixel") == "align_corners"
    op = Resize.model_validate(
        {
            "size": expected.shape[2:],
            "mode": mode,
            "align_corners": corners and mode != "nearest",
            "antialias": bool(attributes.get("antialias", 0)),
        }
    )
    return use(op, image(x))


def _resize_is_plain(node: Node) -> None:
    """Unsaid where coordinates are read otherwise than PyTorch reads them."""
    attributes = node.attributes
    if attributes.get("exclude_outside", 0):
        raise Unsaid("weights of neighbours that are not there are spread over others")
    if attributes.get("coordinate_transformation_mode", "half_pixel") in (
        "tf_crop_and_resize",
        "half_pixel_symmetric",
    ):
        raise Unsaid("coordinates that PyTorch does not have")
    if attributes.get("mode") == "cubic" and number(node, "cubic_coeff_a", -0.75) != -0.75:
        raise Unsaid("another cubic")


def _upsample(node: Node) -> Use:
    scales = tuple(float(one) for one in node.given(1))
    return use(Resize(factor=scales[2:]), image(node.given(0)))


def _gemm(node: Node) -> Use:
    """A matrix times weights, which bring their factors with them: those are no business of the layer."""
    a, b = (node.given(i).T if node.attributes.get(f"trans{'AB'[i]}", 0) else node.given(i) for i in (0, 1))
    weight = b.T.astype(np.float64) * number(node, "alpha", 1.0)
    added = node.input(2)
    if added is None:
        return use(Linear(out_features=b.shape[1], bias=False), _rows(a), parameters={"weight": weight})
    if added.ndim > 1 and added.shape[0] > 1:
        raise Unsaid("another bias for each sample")
    bias = np.broadcast_to(added.astype(np.float64).ravel() * number(node, "beta", 1.0), b.shape[1:])
    return use(Linear(out_features=b.shape[1]), _rows(a), parameters={"weight": weight, "bias": bias.copy()})


def _rows(array: Array) -> Given:
    return typed(("batch", "feature"), array)


TABLE: dict[str, Callable[[Node], Use]] = {
    "CenterCropPad": _crop_or_pad,
    "Concat": _concat,
    "Reshape": _reshape,
    "Split": _split,
    "Transpose": _transpose,
    "Flatten": _flatten,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Slice": _slice,
    "Pad": _pad,
    "Expand": _expand,
    "DepthToSpace": _depth_to_space,
    "SpaceToDepth": _space_to_depth,
    "Resize": _resize,
    "Upsample": _upsample,
    "Gemm": _gemm,
}
