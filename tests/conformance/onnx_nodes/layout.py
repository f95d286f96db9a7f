"""Axes and places: joined, cut, moved, padded, resized; and linear layers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from netspec.ops.expand import Expand
from netspec.ops.join import Concat
from netspec.ops.linear import Linear
from netspec.ops.pad import Pad
from netspec.ops.resize import Resize
from netspec.ops.shape import Flatten, Squeeze, Unsqueeze
from netspec.ops.shuffle import PixelShuffle
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
    """`flatten` keeps the first axis, the batch, and lays out all others."""
    x = node.given(0)
    if node.attributes.get("axis", 1) % x.ndim != 1:
        raise Unsaid("the first axes are laid out as well")
    return use(Flatten(), typed(("batch", *named(range(1, x.ndim))), x))


def _squeeze(node: Node) -> Use:
    axes = [int(one) % node.given(0).ndim for one in node.given(1)]
    if len(axes) > 1:
        raise Unsaid("several axes at once")
    return use(Squeeze(axis=named(axes)[0]), lifted(node.given(0)), back=dropped)


def _unsqueeze(node: Node) -> Use:
    """A new axis comes first, behind the batch."""
    rank = node.given(0).ndim + node.given(1).size
    if [int(one) % rank for one in node.given(1)] != [0]:
        raise Unsaid("a new axis behind others")
    return use(Unsqueeze(axis="new"), lifted(node.given(0)), back=dropped)


def _slice(node: Node) -> Use:
    """`narrow` takes a stretch of one axis."""
    x = node.given(0)
    starts, stops = node.given(1), node.given(2)
    axes, steps = node.input(3), node.input(4)
    places = [int(one) % x.ndim for one in (range(len(starts)) if axes is None else axes)]
    if len(places) > 1 or (steps is not None and set(map(int, steps)) != {1}):
        raise Unsaid("several axes, or steps over places")
    return use(
        Narrow(axis=named(places)[0], start=int(starts[0]), stop=int(stops[0])), lifted(x), back=dropped
    )


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
    if node.attributes.get("mode", "DCR") != "CRD":
        raise Unsaid("channels are dealt out in another order")
    return use(PixelShuffle(upscale_factor=node.attributes["blocksize"]), image(node.given(0)))


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
        {"size": expected.shape[2:], "mode": mode, "align_corners": corners and mode != "nearest"}
    )
    return use(op, image(x))


def _resize_is_plain(node: Node) -> None:
    """Unsaid where coordinates are read otherwise than PyTorch reads them."""
    attributes = node.attributes
    if attributes.get("antialias", 0) or attributes.get("exclude_outside", 0):
        raise Unsaid("weights of neighbours that are not there, or are too near, are spread over others")
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
    "Concat": _concat,
    "Flatten": _flatten,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Slice": _slice,
    "Pad": _pad,
    "Expand": _expand,
    "DepthToSpace": _depth_to_space,
    "Resize": _resize,
    "Upsample": _upsample,
    "Gemm": _gemm,
}
