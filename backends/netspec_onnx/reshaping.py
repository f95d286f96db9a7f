"""Other layouts of the same numbers, in the shortest words there are: a row, axes that come and go, axes that merge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from netspec.ir.dim import Dim
from netspec.ir.types import BATCH, TensorType
from netspec.recover.draft import Unsaid, axes_of
from netspec_onnx.file import Node
from netspec_onnx.reader import Laid, Reader, Rule


def _flatten(r: Reader, node: Node) -> Sequence[str | Laid]:
    laid = r.at(node.input(0))
    rank = r.rank(node.input(0))
    axis = node.attributes.get("axis", 1)
    if (axis + rank if axis < 0 else axis) != 1:
        raise Unsaid("the batch is laid out with other axes")
    return (_row(r, node, laid),)


def _row(r: Reader, node: Node, laid: Laid) -> str:
    """All of a sample as one axis."""
    kind = r.draft.type(laid.value)
    if kind.rank == 2:
        return laid.value
    if kind.rank == 1:
        return r.draw(node, "unsqueeze", {"axis": "feature"}, (laid.value,))[0]
    return r.draw(node, "flatten", {}, (laid.value,))[0]


def _reshape(r: Reader, node: Node) -> Sequence[str | Laid]:
    name = node.input(0)
    laid, kind = r.at(name), r.type(name)
    wanted = r.arrays.get(node.input(1)) if node.input(1) else None
    if wanted is None:
        found = node.attributes.get("shape")
        if found is None:
            raise Unsaid("a shape that the network itself computes")
        wanted = np.array(found)
    if node.attributes.get("allowzero", 0) and any(one == 0 for one in wanted):
        raise Unsaid("an axis without a place")
    shape = _settle(kind, [_size(one, kind, i) for i, one in enumerate(wanted)])
    shuffled = r.shuffled.get(name)
    if shuffled is not None and list(r.draft.type(shuffled).sizes[1:]) == list(shape):
        return (shuffled,)
    return (_reshaped(r, node, laid, kind, shape),)


def _size(one: Any, kind: TensorType, place: int) -> Dim:
    """A written size; 0 is the size that stands at this place."""
    if isinstance(one, Dim):
        return one
    if int(one) == 0:
        if place >= kind.rank:
            raise Unsaid("a size of an axis that is not there")
        return kind.sizes[place]
    return Dim.of(int(one))


def _settle(kind: TensorType, shape: list[Dim]) -> list[Dim]:
    """The sizes after the batch, -1 worked out; Unsaid where samples are mixed."""
    if not shape:
        raise Unsaid("a batch becomes one number")
    batch, rest = kind.sizes[0], shape[1:]
    own = [one for one in kind.sizes[1:] if one != 1]
    if shape[0] != batch and shape[0] != -1 and not _fixed_batch(kind, shape):
        raise Unsaid("samples are laid out among other axes")
    if -1 not in rest:
        if not _equal_products(own, rest):
            raise Unsaid("samples are laid out among other axes")
        return rest
    if shape[0] == -1:
        raise Unsaid("two sizes that are left open")
    left = list(own)
    known = []
    for one in rest:
        if any(one == size for size in (-1, 1)):
            continue
        if one in left:
            left.remove(one)
        else:
            known.append(one)
    total, divisor = _product(left), _product(known)
    if divisor.value is None or not divisor.value:
        raise Unsaid("a size that cannot be worked out")
    quotient = total // divisor
    if quotient * divisor != total:
        raise Unsaid("a size that is no whole number")
    return [quotient if one == -1 else one for one in rest]


def _fixed_batch(kind: TensorType, shape: list[Dim]) -> bool:
    """Whether the file was made for one size of the batch, which then is written at its place."""
    rest = shape[1:]
    return shape[0].value is not None and (-1 in rest or _equal_products(kind.sizes[1:], rest))


def _product(sizes: Sequence[Dim]) -> Dim:
    total = Dim.of(1)
    for one in sizes:
        total = total * one
    return total


def _equal_products(a: Sequence[Dim], b: Sequence[Dim]) -> bool:
    return _product(a) == _product(b)


def _reshaped(r: Reader, node: Node, laid: Laid, kind: TensorType, shape: Sequence[Dim]) -> str | Laid:
    """Another layout in the shortest words there are."""
    bare = r.draft.type(laid.value)
    if list(bare.sizes[1:]) == list(shape):
        return laid.value
    if list(kind.sizes[1:]) == list(shape):
        return laid
    if len(shape) == 1:
        return _row(r, node, laid)
    dense = [one for one in shape if one != 1]
    own = [one for one in bare.sizes[1:] if one != 1]
    if dense == own:
        return _ones_moved(r, node, laid, shape)
    x = r.full(laid) if laid.back is not None else laid.value
    names = _names(r.draft.type(x), shape)
    kept = {axis.name: axis.size for axis in r.draft.type(x).axes[1:]}
    written = {
        name: (name if kept.get(name) == size else size.value)
        for name, size in zip(names, shape, strict=True)
    }
    if any(one is None for one in written.values()):
        raise Unsaid("a layout of free sizes")
    run = _merged(r.draft.type(x), shape)
    if run is not None:
        first, last = run
        merged = list(r.draft.type(x).names[first : last + 1])
        arguments: dict[str, object] = {"axis": merged}
        if names[first - 1] != "feature":
            arguments["to"] = _free(names[first - 1], r.draft.type(x), merged)
        return r.draw(node, "flatten", arguments, (x,))[0]
    return r.draw(node, "reshape", written, (x,))[0]


def _free(name: str, kind: TensorType, merged: Sequence[str]) -> str:
    """A name that no axis has that stays."""
    others = [one for one in kind.names if one not in merged]
    return name if name not in others else Reader.fresh(kind.names)


def _merged(kind: TensorType, shape: Sequence[Dim]) -> tuple[int, int] | None:
    """The first and the last of axes that become one, if that is all that happens."""
    own = list(kind.sizes)[1:]
    less = len(own) - len(shape)
    if less < 1:
        return None
    for i, size in enumerate(shape):
        if (
            i < len(own)
            and own[i] == size
            and _equal_products([size], [own[i]])
            and own[: i + 1] == list(shape[: i + 1])
        ):
            continue
        if _product(own[i : i + less + 1]) == size and own[i + less + 1 :] == list(shape[i + 1 :]):
            return i + 1, i + 1 + less
        return None
    return None


def _ones_moved(r: Reader, node: Node, laid: Laid, shape: Sequence[Dim]) -> str:
    """Axes of one place come and go, and nothing else happens."""
    value = laid.value
    for name in r.draft.type(value).names[1:]:
        if r.draft.type(value).size(name) == 1:
            (value,) = r.draw(node, "squeeze", {"axis": name}, (value,))
    for place, size in enumerate(shape, 1):
        if size == 1:
            value = _new_axis(r, node, value, place, len(shape))
    return value


def _new_axis(r: Reader, node: Node, value: str, place: int, rank: int) -> str:
    """An axis of one place, called as images call theirs where that name is free."""
    names = r.draft.type(value).names
    wanted = axes_of(rank)[place - 1] if rank <= 4 else ""
    name = wanted if wanted and wanted not in names else Reader.fresh(names)
    after = names[place - 1] if place - 1 < len(names) else names[-1]
    arguments = {"axis": name} if after == BATCH else {"axis": name, "after": after}
    return r.draw(node, "unsqueeze", arguments, (value,))[0]


def _names(kind: TensorType, shape: Sequence[Dim]) -> tuple[str, ...]:
    """Names for the axes of a new layout: the old ones from both ends as far as sizes stay, then those of an image."""
    old, sizes = list(kind.names[1:]), list(kind.sizes[1:])
    found: list[str] = [""] * len(shape)
    low = 0
    while low < min(len(old), len(shape)) and sizes[low] == shape[low]:
        found[low] = old[low]
        low += 1
    for i in range(1, min(len(old), len(shape)) - low + 1):
        if sizes[-i] != shape[-i]:
            break
        found[-i] = old[-i]
    usual = axes_of(len(shape)) if len(shape) <= 4 else tuple("" for _ in shape)
    for i, name in enumerate(found):
        if not name:
            free = usual[i] if usual[i] and usual[i] not in found and usual[i] not in old else ""
            found[i] = free or Reader.fresh([*found, *old])
    return tuple(found)


TABLE: dict[str, Rule] = {"Flatten": _flatten, "Reshape": _reshape}
