"""Space made larger and smaller: resized, padded, dealt out of channels and back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from netspec.ir.dim import Dim
from netspec.recover.draft import Unsaid
from netspec_onnx.constants import whole
from netspec_onnx.file import Node
from netspec_onnx.reader import Reader, Rule, floats
from netspec_onnx.window import plain


def _upsample(r: Reader, node: Node) -> Sequence[str]:
    """An op of old files: nearest neighbours, or linear ones that PyTorch does not have."""
    scales = tuple(node.attributes.get("scales") or floats(r.numbers(node, 1)).tolist())
    if node.attributes.get("mode", "nearest") != "nearest" or scales[:2] != (1, 1):
        raise Unsaid("an `Upsample` of other than nearest neighbours over space")
    return r.draw(node, "resize", {"factor": plain_factors(scales[2:])}, (r.value(node.input(0)),))


def plain_factors(scales: Sequence[float]) -> object:
    """Factors as a person writes them."""
    found = [int(one) if float(one).is_integer() else float(str(np.float32(one))) for one in scales]
    return found[0] if len(set(found)) == 1 else found


def _resize(r: Reader, node: Node) -> Sequence[str]:
    """By sizes or by scales; coordinates must be read as PyTorch reads them."""
    mode = _resize_mode(node)
    x, kind = r.image(node.input(0)), r.type(node.input(0))
    arguments: dict[str, object] = {} if mode == "nearest" else {"mode": mode}
    if node.attributes.get("coordinate_transformation_mode") == "align_corners" and mode != "nearest":
        arguments["align_corners"] = True
    if node.attributes.get("antialias", 0):
        raise Unsaid("neighbours taken against aliasing otherwise than PyTorch takes them")
    wanted = r.arrays.get(node.input(3)) if node.input(3) else None
    if node.input(3) and wanted is None:
        raise Unsaid("sizes that the network itself computes")
    if wanted is not None:
        space = list(wanted)[2:] if len(wanted) == kind.rank else list(wanted)
        if all(isinstance(one, (int, np.integer)) for one in space):
            return r.draw(node, "resize", {"size": plain([int(one) for one in space]), **arguments}, (x,))
        like = _of_size(r, space, x)
        return r.draw(node, "resize_like", arguments, (x, like))
    scales = r.array(node, 2 if len(node.inputs) > 2 or r.model.opset > 10 else 1)
    if scales is None or not scales.size:
        raise Unsaid("neither sizes nor scales")
    factors = floats(scales).tolist()
    if len(factors) == kind.rank:
        if any(one != 1 for one in factors[:2]):
            raise Unsaid("batch or channels are resized")
        factors = factors[2:]
    return r.draw(node, "resize", {"factor": plain_factors(factors), **arguments}, (x,))


def _of_size(r: Reader, space: Sequence[object], x: str) -> str:
    """The latest value that has this space, whose sizes are free."""
    for step in reversed(r.draft.steps):
        for value in step.outputs:
            kind = r.draft.type(value)
            if kind.rank == len(space) + 2 and list(kind.sizes[2:]) == list(space) and value != x:
                return value
    for name in r.inputs:
        if list(r.draft.type(name).sizes[2:]) == list(space):
            return name
    raise Unsaid("a size that no value has")


def _resize_mode(node: Node) -> str:
    """Netspec's word for the mode; Unsaid for coordinates that PyTorch does not have."""
    mode = node.attributes.get("mode", "nearest")
    read = node.attributes.get("coordinate_transformation_mode", "half_pixel")
    if node.attributes.get("exclude_outside", 0):
        raise Unsaid("weights of neighbours that are not there are spread over others")
    if mode == "nearest":
        rounding = node.attributes.get("nearest_mode", "round_prefer_floor")
        if read == "asymmetric" and rounding == "floor":
            return "nearest"
        if read in {"half_pixel", "pytorch_half_pixel"} and rounding.startswith("round_prefer"):
            return "nearest_exact"  # ties alone are rounded apart, and twice, three times have none
        raise Unsaid(f"nearest neighbours of `{read}` coordinates, rounded as `{rounding}`")
    if read not in {"half_pixel", "pytorch_half_pixel", "align_corners"}:
        raise Unsaid(f"`{mode}` neighbours of `{read}` coordinates")
    if mode == "cubic":
        if node.attributes.get("cubic_coeff_a", -0.75) != -0.75:
            raise Unsaid("another cubic than PyTorch's")
        return "bicubic"
    return "linear"


def _depth_to_space(r: Reader, node: Node) -> Sequence[str]:
    """By default a tile comes before the channels; `channel_shuffle` puts it behind, as PyTorch has it."""
    size, x = int(node.attributes["blocksize"]), r.value(node.input(0))
    if node.attributes.get("mode", "DCR") != "CRD":
        (x,) = r.draw(node, "channel_shuffle", {"groups": size * size}, (x,))
    return r.draw(node, "pixel_shuffle", {"upscale_factor": size}, (x,))


def _space_to_depth(r: Reader, node: Node) -> Sequence[str]:
    """The other way round: the tile's places come first."""
    x = r.value(node.input(0))
    channels = r.draft.type(x).sizes[1].value
    (y,) = r.draw(node, "pixel_unshuffle", {"downscale_factor": int(node.attributes["blocksize"])}, (x,))
    return r.draw(node, "channel_shuffle", {"groups": channels}, (y,))


def _pad_node(r: Reader, node: Node) -> Sequence[str]:
    """A constant pads any axis but the batch, the others those of space."""
    modes = {"constant": "constant", "reflect": "reflect", "edge": "replicate", "wrap": "circular"}
    mode = modes.get(node.attributes.get("mode", "constant"), "")
    if not mode:
        raise Unsaid(f"padding of mode `{node.attributes['mode']}`")
    kind = r.type(node.input(0))
    pads = node.attributes.get("pads") or r.array(node, 1)
    axes = r.array(node, 3)
    places = list(range(kind.rank)) if axes is None else [one % kind.rank for one in whole(axes)]
    if pads is None or len(pads) != 2 * len(places):
        raise Unsaid("padding of other axes than there are")
    count = len(places)
    before, after = list(pads)[:count], list(pads)[count:]
    if not all(isinstance(one, (int, np.integer)) for one in pads):
        return _pad_like(r, node, mode, {p: (b, a) for p, b, a in zip(places, before, after, strict=True)})
    by_axis = {
        kind.names[place]: plain([int(low), int(high)])
        for place, low, high in zip(places, before, after, strict=True)
        if low or high
    }
    if "batch" in by_axis:
        raise Unsaid("samples are added to the batch")
    if not by_axis:
        return (r.value(node.input(0)),)
    value = r.number(node.input(2)) if node.input(2) else float(node.attributes.get("value", 0.0))
    if value is None:
        raise Unsaid("a value to pad with that the network computes")
    extra: dict[str, object] = {} if mode == "constant" else {"mode": mode}
    extra |= {"value": value} if value and mode == "constant" else {}
    x = r.value(node.input(0))
    if any(low < 0 or high < 0 for low, high in zip(before, after, strict=True)):
        return _cut(r, node, x, by_axis)
    space = kind.names[2:]
    amounts = {str(by_axis.get(axis)) for axis in space}
    if len(amounts) == 1 and set(by_axis) == set(space) and isinstance(by_axis[space[0]], int):
        return r.draw(node, "pad", {"padding": by_axis[space[0]], **extra}, (x,))
    return r.draw(node, "pad", {**by_axis, **extra}, (x,))


def _cut(r: Reader, node: Node, x: str, by_axis: dict[str, int | list[int]]) -> Sequence[str]:
    """Less than no padding takes places away."""
    for axis, amount in by_axis.items():
        low, high = (amount, amount) if isinstance(amount, int) else amount
        if low > 0 or high > 0:
            raise Unsaid("padding on one side and cutting on the other")
        cut = {"axis": axis, **({"start": -low} if low else {}), **({"stop": high} if high else {})}
        (x,) = r.draw(node, "narrow", cut, (x,))
    return (x,)


def _pad_like(
    r: Reader, node: Node, mode: str, sides: dict[int, tuple[int | Dim, int | Dim]]
) -> Sequence[str]:
    """Places that depend on sizes with letters: as many as make this value as large as another."""
    kind = r.type(node.input(0))
    x = r.value(node.input(0))
    space = [
        size + sides.get(i + 2, (0, 0))[0] + sides.get(i + 2, (0, 0))[1]
        for i, size in enumerate(kind.sizes[2:])
    ]
    low = [sides.get(i, (0, 0))[0] for i in range(kind.rank)]
    if any(one != 0 for one in low) or any(
        one != 0 for pair in (sides.get(0), sides.get(1)) for one in pair or ()
    ):
        raise Unsaid("padding of free sizes before the first place")
    like = _of_size(r, space, x)
    return r.draw(node, "pad_like", {} if mode == "constant" else {"mode": mode}, (x, like))


TABLE: dict[str, Rule] = {
    "Upsample": _upsample,
    "Resize": _resize,
    "DepthToSpace": _depth_to_space,
    "SpaceToDepth": _space_to_depth,
    "Pad": _pad_node,
}
