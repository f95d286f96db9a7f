"""Axes and places: joined, cut, moved, laid out anew."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

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


TABLE: dict[str, Rule] = {
    "Concat": _concat,
    "Transpose": _transpose,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Slice": _slice,
    "Split": _split,
    "Gather": _gather,
    "Expand": _expand,
}
