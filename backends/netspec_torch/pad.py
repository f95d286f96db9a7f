"""Padding by `F.pad`; up to a size that is free by `pad_to`, which refuses to crop."""

from __future__ import annotations

from collections.abc import Mapping

from netspec.ops.pad import Pad, Padding, PadLike, PadToMultiple, pad_amounts
from netspec.ops.window import spatial
from netspec_torch.extent import by_place, known_sizes, rounded_up, size_of
from netspec_torch.rule import Lowered, Site, Value, call, lowers


@lowers(Pad)
def pad(op: Pad, at: Site) -> Lowered:
    """`F.pad`."""
    return _padded(op, at, pad_amounts(op, at.types[0]))


@lowers(PadToMultiple)
def pad_to_multiple(op: PadToMultiple, at: Site) -> Lowered:
    """`F.pad`, or `pad_to` where sizes are free."""
    (x,) = at.types
    multiples = dict(enumerate(spatial(op.multiple, x, "multiple", least=1), start=2))
    if known_sizes(x):
        return _padded(
            op, at, {i: _shared(-int(x.axes[i].size) % one, op.at) for i, one in multiples.items()}
        )
    sizes: dict[int, Value] = {
        i: rounded_up(size_of(at.inputs[0], x, i), one) for i, one in multiples.items() if one > 1
    }
    return _padded_to(op, at, sizes)


@lowers(PadLike)
def pad_like(op: PadLike, at: Site) -> Lowered:
    """`F.pad`, or `pad_to` where sizes are free."""
    x, like = at.types
    if known_sizes(x, like):
        missing = {i: int(like.axes[i].size) - int(x.axes[i].size) for i in range(2, x.rank)}
        return _padded(op, at, {i: _shared(one, op.at) for i, one in missing.items()})
    return _padded_to(op, at, {i: size_of(at.inputs[1], like, i) for i in range(2, x.rank)})


def _shared(amount: int, at: str) -> tuple[int, int]:
    """How many of so many places lie before, and how many after."""
    low = amount // 2 if at == "center" else 0
    return low, amount - low


def _options(op: Padding) -> dict[str, Value]:
    """What differs from zeros."""
    options: dict[str, Value] = {}
    if op.mode != "constant":
        options["mode"] = op.mode
    if op.value != 0:
        options["value"] = op.value
    return options


def _padded(op: Padding, at: Site, amounts: Mapping[int, tuple[int, int]]) -> Lowered:
    """`F.pad` lists the last axis first, and in its other modes wants all axes of space; nothing is left as it is."""
    if not any(low or high for low, high in amounts.values()):
        return Lowered(at.inputs[0])
    rank = at.types[0].rank
    first = min(i for i, (low, high) in amounts.items() if low or high) if op.mode == "constant" else 2
    listed = [amounts.get(i, (0, 0)) for i in range(rank - 1, first - 1, -1)]
    return Lowered(call("F.pad", at.inputs[0], tuple(one for pair in listed for one in pair), **_options(op)))


def _padded_to(op: PadToMultiple | PadLike, at: Site, sizes: Mapping[int, Value]) -> Lowered:
    """`pad_to` of the sizes that are known when the model runs."""
    if not sizes:
        return Lowered(at.inputs[0])
    center: dict[str, Value] = {"center": True} if op.at == "center" else {}
    return Lowered(
        call("pad_to", at.inputs[0], by_place(sizes), **center, **_options(op)), support=("pad_to",)
    )
