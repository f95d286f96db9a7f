"""Cropping by slices; of a size that is free by `crop_to`, which refuses what is too small."""

from __future__ import annotations

from collections.abc import Mapping

from netspec.ops.crop import Crop, CropLike, crop_sizes
from netspec_torch.extent import by_place, size_of
from netspec_torch.rule import Lowered, Site, Value, call, lowers, subscript


@lowers(Crop)
def crop(op: Crop, at: Site) -> Lowered:
    """`x[:, :, 2:66]`, or `crop_to` where the size before is free."""
    return _cropped(op, at, {place: size for place, (size, _) in crop_sizes(op, at.types[0]).items()})


@lowers(CropLike)
def crop_like(op: CropLike, at: Site) -> Lowered:
    """`x[:, :, 2:66]`, or `crop_to` where a size is free."""
    x, like = at.types
    return _cropped(op, at, {i: size_of(at.inputs[1], like, i) for i in range(2, x.rank)})


def _cropped(op: Crop | CropLike, at: Site, sizes: Mapping[int, Value]) -> Lowered:
    """The stretches as slices where all of them are known; an axis that keeps its size is not sliced."""
    axes, made = at.types[0].axes, at.outputs[0].axes if at.outputs else ()
    stretches = [slice(None)] * len(axes)
    for place in sizes:
        size, kept = axes[place].size, made[place].size if made else None
        if kept is not None and size == kept:
            continue
        if size.value is None or kept is None or kept.value is None:
            center: dict[str, Value] = {"center": True} if op.at == "center" else {}
            return Lowered(call("crop_to", at.inputs[0], by_place(sizes), **center), support=("crop_to",))
        low = (size.value - kept.value) // 2 if op.at == "center" else 0
        stretches[place] = slice(low or None, low + kept.value)
    while stretches and stretches[-1] == slice(None):
        stretches.pop()
    return Lowered(subscript(at.inputs[0], *stretches) if stretches else at.inputs[0])
