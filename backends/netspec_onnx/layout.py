"""Axes and places: joined, cut, moved, laid out anew."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from netspec.ir.dim import Dim
from netspec.ir.types import BATCH, TensorType
from netspec.recover.draft import Unsaid, axes_of
from netspec_onnx.constants import axes_of as axes_given
from netspec_onnx.constants import slices, whole
from netspec_onnx.file import Node
from netspec_onnx.pointwise import renamed
from netspec_onnx.reader import Laid, Reader, Rule

LAST = 2**31
"""What exporters write for the end of an axis."""


def _concat(r: Reader, node: Node) -> Sequence[str | Laid]:
    laid = [r.at(name) for name in node.inputs]
    if len(laid) == 1:
        return (laid[0],)
    kind = r.type(node.input(0))
    place = node.attributes["axis"] % kind.rank
    if place == 0:
        raise Unsaid("samples are joined into one batch")
    first = laid[0]
    if first.ones and all(one.ones == first.ones for one in laid) and place not in first.ones:
        axis = kind.names[place]
        (value,) = r.draw(node, "concat", _axis(r, first.value, axis), [one.value for one in laid])
        return (Laid(value, first.ones, first.names),)
    values = [r.full(one) for one in laid]
    values = [values[0], *(renamed(r, node, one, r.draft.type(values[0])) for one in values[1:])]
    return r.draw(node, "concat", _axis(r, values[0], kind.names[place]), values)


def _axis(r: Reader, value: str, axis: str) -> dict[str, object]:
    """The axis, where it is not the first."""
    return {} if r.draft.type(value).names[1] == axis else {"axis": axis}


def _flatten(r: Reader, node: Node) -> Sequence[str | Laid]:
    laid = r.at(node.input(0))
    rank = r.rank(node.input(0))
    axis = node.attributes.get("axis", 1)
    if axis % (rank + 1) != 1:
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


def _transpose(r: Reader, node: Node) -> Sequence[str | Laid]:
    name = node.input(0)
    kind = r.type(name)
    order = node.attributes.get("perm", tuple(reversed(range(kind.rank))))
    if sorted(order) != list(range(kind.rank)):
        raise Unsaid("an order that is none")
    if order[0] != 0:
        raise Unsaid("samples change places with other axes")
    shuffled = _shuffle(r, node, order)
    if shuffled is not None:
        return (shuffled,)
    laid = r.at(name)
    if laid.ones:
        bare = [i for i in order if i not in laid.ones]
        if bare == sorted(bare):
            ones = tuple(order.index(one) for one in laid.ones)
            pairs = sorted(zip(ones, laid.names, strict=True))
            return (Laid(laid.value, tuple(a for a, _ in pairs), tuple(b for _, b in pairs)),)
    x = r.value(name)
    if list(order) == sorted(order):
        return (x,)
    names = r.draft.type(x).names
    return r.draw(node, "permute", {"axis": [names[i] for i in order[1:]]}, (x,))


def _shuffle(r: Reader, node: Node, order: Sequence[int]) -> str | None:
    """The middle of a channel shuffle: groups and their channels change places, between two reshapes."""
    before = r.maker(node.input(0), "Reshape")
    if before is None or list(order[:3]) != [0, 2, 1] or list(order[3:]) != list(range(3, len(order))):
        return None
    if not isinstance(r.laid.get(before.input(0)), Laid):
        return None
    kind, split = r.type(before.input(0)), r.type(node.input(0))
    if split.rank != kind.rank + 1 or split.sizes[3:] != kind.sizes[2:] or kind.rank < 3:
        return None
    x = r.value(before.input(0))
    (shuffled,) = r.draw(node, "channel_shuffle", {"groups": split.sizes[1].value}, (x,))
    r.shuffled[node.outputs[0]] = shuffled
    names = split.names
    back = {names[1]: split.sizes[2].value, names[2]: split.sizes[1].value}
    rest = {name: name for name in names[3:]}
    return r.draw(node, "reshape", {**back, **rest}, (shuffled,))[0]


def _squeeze(r: Reader, node: Node) -> Sequence[str | Laid]:
    """Axes of one place go; those that netspec never had are gone already."""
    name = node.input(0)
    laid, kind = r.at(name), r.type(name)
    given = axes_given(node, [r.arrays[one] for one in node.inputs[:1] if one in r.arrays] or _axes(r, node))
    places = sorted(one % kind.rank for one in given) or [i for i, n in enumerate(kind.sizes) if n == 1]
    if 0 in places:
        raise Unsaid("the axis of the batch goes")
    if laid.ones and set(laid.ones) <= set(places):
        rest = [i for i in places if i not in laid.ones]
        value = laid.value
        names = [kind.names[i] for i in rest]
    elif laid.ones and not set(laid.ones) & set(places):
        value, names = r.full(laid), [kind.names[i] for i in places]
    elif laid.ones:
        left = [(i, n) for i, n in zip(laid.ones, laid.names, strict=True) if i not in places]
        moved = tuple(i - sum(1 for p in places if p < i) for i, _ in left)
        if set(places) <= set(laid.ones):
            return (Laid(laid.value, moved, tuple(n for _, n in left)),)
        value, names = r.full(laid), [kind.names[i] for i in places]
    else:
        value, names = laid.value, [kind.names[i] for i in places]
    for one in names:
        (value,) = r.draw(node, "squeeze", {"axis": one}, (value,))
    return (value,)


def _axes(r: Reader, node: Node) -> list[Any]:
    """The inputs by which axes are given, the value itself aside."""
    given = r.array(node, 1)
    return [None] if given is None else [None, given]


def _unsqueeze(r: Reader, node: Node) -> Sequence[str | Laid]:
    """Axes of one place come, and are written only where somebody needs them."""
    name = node.input(0)
    laid, kind = r.at(name), r.type(name)
    given = axes_given(node, _axes(r, node))
    rank = kind.rank + len(given)
    places = sorted(one % rank for one in given)
    if places[0] == 0:
        raise Unsaid("an axis before the batch")
    whole = r.full(laid) if laid.ones else laid.value
    names: list[str] = []
    taken = list(r.draft.type(whole).names)
    usual = axes_of(rank - 1) if rank <= 5 else ()
    for place in places:
        wanted = usual[place - 1] if usual else ""
        names.append(wanted if wanted and wanted not in taken else Reader.fresh(taken))
        taken.append(names[-1])
    return (Laid(whole, tuple(places), tuple(names)),)


def _slice(r: Reader, node: Node) -> Sequence[str | Laid]:
    """One axis after another. A step backwards turns the axis round first."""
    name = node.input(0)
    kind = r.type(name)
    given = [r.array(node, i) for i in range(1, len(node.inputs))]
    cuts = slices(node, [np.zeros(0) if one is None else one for one in given], kind.rank)
    value = r.value(name)
    for place, start, stop, step in cuts:
        value = _stretch(r, node, value, place, (start, stop, step))
    return (value,)


def _stretch(r: Reader, node: Node, value: str, place: int, cut: tuple[int, int, int]) -> str:
    """One stretch along one axis."""
    start, stop, step = cut
    kind = r.draft.type(value)
    axis, size = kind.names[place], kind.sizes[place].value
    if place == 0:
        if start == 0 and stop >= LAST and step == 1:
            return value
        raise Unsaid("samples are left out of the batch")
    if size is not None:
        start, stop, step = slice(start, stop, step).indices(size)
        if step < 0:
            (value,) = r.draw(node, "flip", {"axis": axis}, (value,))
            start, stop, step = size - 1 - start, size - 1 - stop, -step
        if (start, stop, step) == (0, size, 1):
            return value
        last: int | None = None if stop == size else stop
        if last is not None and size - last < min(last, size // 2 + 1):
            last = last - size
    else:
        if step < 0:
            raise Unsaid("a free size is walked backwards")
        last = None if stop >= LAST else stop
    arguments: dict[str, object] = {"axis": axis, **({"start": start} if start else {})}
    arguments |= {**({} if last is None else {"stop": last}), **({"step": step} if step != 1 else {})}
    return r.draw(node, "narrow", arguments, (value,))[0] if len(arguments) > 1 else value


def _split(r: Reader, node: Node) -> Sequence[str]:
    name = node.input(0)
    kind, x = r.type(name), r.value(name)
    place = node.attributes.get("axis", 0) % kind.rank
    if place == 0:
        raise Unsaid("the batch is taken apart")
    axis = _axis(r, x, kind.names[place])
    parts = r.array(node, 1)
    sizes = node.attributes.get("split") if parts is None else whole(parts)
    size, count = kind.sizes[place].value, len(node.outputs)
    if size is None:
        raise Unsaid("an axis of a free size is taken apart")
    if sizes is None:
        each = -(-size // count)
        sizes = [min(each, size - i * each) for i in range(count)]
    if len(set(sizes)) == 1:
        return r.draw(node, "chunk", {"chunks": len(sizes), **axis}, (x,))
    return r.draw(node, "split", {"sizes": [int(one) for one in sizes], **axis}, (x,))


def _gather(r: Reader, node: Node) -> Sequence[str]:
    """One place along an axis; any other choice of places has no word."""
    name = node.input(0)
    kind, x = r.type(name), r.value(name)
    places, axis = r.array(node, 1), node.attributes.get("axis", 0) % kind.rank
    if places is None or places.dtype == object:
        raise Unsaid("places that the network itself computes")
    if places.ndim == 0 and axis > 0:
        return r.draw(node, "select", {"axis": kind.names[axis], "index": int(places)}, (x,))
    run = places.ravel()
    if places.ndim == 1 and axis > 0 and len(run) > 1 and (np.diff(run) == np.diff(run)[0]).all():
        step = int(run[1] - run[0])
        if step > 0:
            return (_stretch(r, node, x, axis, (int(run[0]), int(run[-1]) + 1, step)),)
    raise Unsaid("a choice of places")


def _expand(r: Reader, node: Node) -> Sequence[str | Laid]:
    """A value that is as large as it should be already."""
    laid = r.at(node.input(0))
    wanted = r.arrays.get(node.input(1))
    if wanted is None:
        raise Unsaid("a shape that the network itself computes")
    kind = r.type(node.input(0))
    for own, one in zip(reversed(kind.sizes), reversed(list(wanted)), strict=False):
        if one not in (1, own):
            raise Unsaid("a value is repeated")
    if len(wanted) > kind.rank:
        raise Unsaid("a value is repeated along new axes")
    return (laid,)


# ------------------------------------------------------------------------------------------------ matrices


def _gemm(r: Reader, node: Node) -> Sequence[str]:
    """A row of each sample times weights, which bring their factors with them."""
    if node.attributes.get("transA", 0):
        raise Unsaid("samples are transposed")
    weight = r.numbers(node, 1)
    weight = weight if node.attributes.get("transB", 0) else weight.T
    if node.attributes.get("alpha", 1.0) != 1.0:
        weight = weight * np.float32(node.attributes["alpha"])
    bias = r.array(node, 2)
    if bias is not None:
        bias = r.numbers(node, 2) * np.float32(node.attributes.get("beta", 1.0))
        if bias.size not in {1, weight.shape[0]} or (bias.ndim > 1 and bias.shape[0] != 1):
            raise Unsaid("another bias for each sample")
        bias = np.broadcast_to(bias.reshape(-1), weight.shape[:1]).copy()
    return linear(r, node, node.input(0), weight, bias, [one for one in node.inputs[1:] if one])


def linear(r: Reader, node: Node, name: str, weight: Any, bias: Any, keys: Sequence[str]) -> Sequence[str]:
    """A linear layer on the last axis."""
    laid = r.at(name)
    x = laid.value if r.draft.type(laid.value).rank == 2 and len(r.shape(name)) == 2 else r.full(laid)
    arguments: dict[str, object] = {"out_features": int(weight.shape[0])}
    weights = {"weight": np.ascontiguousarray(weight)}
    if bias is None:
        arguments["bias"] = False
    else:
        weights["bias"] = bias
    return r.draw(node, "linear", arguments, (x,), weights=weights, keys=keys)


def _matmul(r: Reader, node: Node) -> Sequence[str]:
    """Times a constant matrix it is a linear layer, to which the `Add` behind it brings a bias."""
    if node.input(1) in r.arrays and r.arrays[node.input(1)].ndim == 2:
        return linear(r, node, node.input(0), r.numbers(node, 1).T, None, [node.input(1)])
    x, y = r.value(node.input(0)), r.value(node.input(1))
    a, b = r.draft.type(x), r.draft.type(y)
    if a.rank != b.rank:
        raise Unsaid(f"matrices of {a.rank} and of {b.rank} axes meet")
    broadcast = {"broadcast": True} if a.sizes[:-2] != b.sizes[:-2] else {}
    return r.draw(node, "matmul", broadcast, (x, y))


TABLE: dict[str, Rule] = {
    "Concat": _concat,
    "Flatten": _flatten,
    "Reshape": _reshape,
    "Transpose": _transpose,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Slice": _slice,
    "Split": _split,
    "Gather": _gather,
    "Expand": _expand,
    "Gemm": _gemm,
    "MatMul": _matmul,
}
