"""Numbers looked at in another way, moved, chosen or joined: views share their memory, copies do not."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from netspec_torch.shadow.tensor import Shadow, in_order, made, packed


def _place(x: Shadow, dim: int, more: int = 0) -> int:
    return dim + x.rank + more if dim < 0 else dim


def _listed(sizes: tuple[Any, ...]) -> tuple[int, ...]:
    """Sizes given one by one, or as one sequence."""
    return tuple(sizes[0]) if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)) else sizes


def permute(x: Shadow, *order: Any) -> Shadow:
    """A view with its axes in another order."""
    places = [_place(x, one) for one in _listed(order)]
    return x.seen([x.shape[i] for i in places], [x.strides[i] for i in places])


def transpose(x: Shadow, first: int, second: int) -> Shadow:
    """A view with two axes exchanged."""
    order = list(range(x.rank))
    i, j = _place(x, first), _place(x, second)
    order[i], order[j] = order[j], order[i]
    return permute(x, *order)


def t(x: Shadow) -> Shadow:
    """A matrix with its axes exchanged."""
    return transpose(x, 0, 1)


def movedim(x: Shadow, source: int | tuple[int, ...], target: int | tuple[int, ...]) -> Shadow:
    """A view with axes at other places."""
    sources = [_place(x, one) for one in (source if isinstance(source, tuple) else (source,))]
    targets = [_place(x, one) for one in (target if isinstance(target, tuple) else (target,))]
    order: list[int | None] = [None] * x.rank
    for there, here in zip(targets, sources, strict=True):
        order[there] = here
    rest = iter(i for i in range(x.rank) if i not in sources)
    return permute(x, *(next(rest) if one is None else one for one in order))


def unsqueeze(x: Shadow, dim: int) -> Shadow:
    """A view with an axis of one place more."""
    at = _place(x, dim, 1)
    step = x.shape[at] * x.strides[at] if at < x.rank else 1
    return x.seen((*x.shape[:at], 1, *x.shape[at:]), (*x.strides[:at], step, *x.strides[at:]))


def squeeze(x: Shadow, dim: int) -> Shadow:
    """A view without an axis of one place."""
    at = _place(x, dim)
    if x.shape[at] != 1:
        return x
    return x.seen((*x.shape[:at], *x.shape[at + 1 :]), (*x.strides[:at], *x.strides[at + 1 :]))


def expand(x: Shadow, *sizes: Any) -> Shadow:
    """A view that shows axes of one place as many."""
    wanted = _listed(sizes)
    more = len(wanted) - x.rank
    shape = [
        (1, *x.shape)[1 + i - more] if i >= more and size == -1 else size for i, size in enumerate(wanted)
    ]
    strides = [
        0 if i < more or (x.shape[i - more] == 1 and size != 1) else x.strides[i - more]
        for i, size in enumerate(shape)
    ]
    return x.seen(shape, strides)


def expand_as(x: Shadow, like: Shadow) -> Shadow:
    """`expand` to the sizes of another."""
    return expand(x, *like.shape)


def reshape(x: Shadow, *sizes: Any) -> Shadow:
    """A view where the order of the numbers allows it, else a copy."""
    shape = _filled(x, _listed(sizes))
    strides = _strides_of_view(x, shape)
    return contiguous(x).seen(shape, packed(shape)) if strides is None else x.seen(shape, strides)


def view_(x: Shadow, *sizes: Any) -> Shadow:
    """As `reshape`."""
    return reshape(x, *sizes)


def contiguous(x: Shadow) -> Shadow:
    """The tensor itself, or a copy with its numbers one behind another."""
    return x if in_order(x) else made(x.shape, [x])


def _filled(x: Shadow, sizes: Sequence[int]) -> tuple[int, ...]:
    rest = prod(size for size in sizes if size != -1)
    return tuple((prod(x.shape) // rest if rest else 0) if size == -1 else size for size in sizes)


def _strides_of_view(x: Shadow, shape: Sequence[int]) -> tuple[int, ...] | None:
    """The strides of a view of these sizes; None where the numbers lie in no order that has one."""
    if in_order(x) or not prod(x.shape):
        return packed(shape)
    strides = [0] * len(shape)
    place = len(shape) - 1
    base, many, seen = x.strides[-1], 1, 1
    for i in range(x.rank - 1, -1, -1):
        many *= x.shape[i]
        if i and (x.shape[i - 1] == 1 or x.strides[i - 1] == many * base):
            continue
        while place >= 0 and (seen < many or shape[place] == 1):
            strides[place] = seen * base
            seen *= shape[place]
            place -= 1
        if seen != many:
            return None
        if i:
            base, many, seen = x.strides[i - 1], 1, 1
    return tuple(strides) if place < 0 else None


def clone(x: Shadow) -> Shadow:
    """A copy."""
    return made(x.shape, [x], like=x)


def flatten(x: Shadow, first: int = 0, last: int = -1) -> Shadow:
    """Axes laid into one."""
    low, high = _place(x, first), _place(x, last)
    if low == high:
        return x
    return reshape(x, *x.shape[:low], prod(x.shape[low : high + 1]), *x.shape[high + 1 :])


def unflatten(x: Shadow, dim: int, *given: Any) -> Shadow:
    """A view with one axis laid out as several."""
    at = _place(x, dim)
    sizes = _listed(given)
    rest = prod(size for size in sizes if size != -1)
    filled = [x.shape[at] // rest if size == -1 else size for size in sizes]
    step, strides = x.strides[at], list[int]()
    for size in reversed(filled):
        strides.insert(0, step)
        step *= size
    return x.seen(
        (*x.shape[:at], *filled, *x.shape[at + 1 :]), (*x.strides[:at], *strides, *x.strides[at + 1 :])
    )


def narrow(x: Shadow, dim: int, start: int, length: int) -> Shadow:
    """A view of a stretch."""
    del start
    at = _place(x, dim)
    return x.seen((*x.shape[:at], length, *x.shape[at + 1 :]), x.strides)


def split(x: Shadow, sizes: int | Sequence[int], dim: int = 0) -> tuple[Shadow, ...]:
    """Views of stretches."""
    at = _place(x, dim)
    whole = x.shape[at]
    if isinstance(sizes, int):
        sizes = [min(sizes, whole - start) for start in range(0, whole, sizes)]
    return tuple(narrow(x, at, 0, size) for size in sizes)


def chunk(x: Shadow, count: int, dim: int = 0) -> tuple[Shadow, ...]:
    """Views of equal stretches."""
    return split(x, -(-x.shape[_place(x, dim)] // count), dim)


def unbind(x: Shadow, dim: int = 0) -> tuple[Shadow, ...]:
    """A view for each place of an axis."""
    at = _place(x, dim)
    shape, strides = (*x.shape[:at], *x.shape[at + 1 :]), (*x.strides[:at], *x.strides[at + 1 :])
    return tuple(x.seen(shape, strides) for _ in range(x.shape[at]))


def unfold(x: Shadow, dim: int, size: int, step: int) -> Shadow:
    """A view of windows along an axis, their places behind all others."""
    at = _place(x, dim)
    shape = (*x.shape[:at], (x.shape[at] - size) // step + 1, *x.shape[at + 1 :], size)
    strides = (*x.strides[:at], x.strides[at] * step, *x.strides[at + 1 :], x.strides[at])
    return x.seen(shape, strides)


def getitem(x: Shadow, key: Any) -> Shadow:
    """`x[key]`: a view of slices, places and new axes; a copy of what tensors choose, which the gradient reads."""
    keys = key if isinstance(key, tuple) else (key,)
    if Ellipsis in [one for one in keys if not isinstance(one, Shadow)]:
        i = next(i for i, one in enumerate(keys) if one is Ellipsis)
        used = sum(1 for one in keys if one is not None and one is not Ellipsis)
        keys = (*keys[:i], *[slice(None)] * (x.rank - used), *keys[i + 1 :])
    shape, strides, place = list[int](), list[int](), 0
    chosen: list[tuple[int, Shadow]] = []
    for one in keys:
        if one is None:
            shape.append(1)
            strides.append(1)
            continue
        if isinstance(one, slice):
            taken = range(*one.indices(x.shape[place]))
            shape.append(len(taken))
            strides.append(x.strides[place] * taken.step)
        elif isinstance(one, Shadow):
            chosen.append((len(shape), one))
            shape.append(x.shape[place])
            strides.append(x.strides[place])
            if one.dtype == "bool":
                for more in range(1, one.rank):
                    shape.append(x.shape[place + more])
                    strides.append(x.strides[place + more])
                place += one.rank - 1
        place += 1
    shape.extend(x.shape[place:])
    strides.extend(x.strides[place:])
    seen = x.seen(shape, strides)
    return _chosen(seen, chosen) if chosen else seen


def _chosen(x: Shadow, at: list[tuple[int, Shadow]]) -> Shadow:
    """The elements that one tensor chooses; of a mask all that it may."""
    ((place, index),) = at
    if index.dtype == "bool":
        rows = prod(x.shape[place : place + index.rank])
        return made((*x.shape[:place], rows, *x.shape[place + index.rank :]), [x], [index])
    return made((*x.shape[:place], *index.shape, *x.shape[place + 1 :]), [x], [index])


def cat(parts: Sequence[Shadow], dim: int = 0) -> Shadow:
    """A join keeps nothing."""
    at = _place(parts[0], dim)
    total = sum(one.shape[at] for one in parts)
    return made((*parts[0].shape[:at], total, *parts[0].shape[at + 1 :]), parts)


def stack(parts: Sequence[Shadow], dim: int = 0) -> Shadow:
    """A join keeps nothing."""
    at = _place(parts[0], dim, 1)
    return made((*parts[0].shape[:at], len(parts), *parts[0].shape[at:]), parts)


def flip(x: Shadow, *_: Any) -> Shadow:
    """A copy in another order."""
    return made(x.shape, [x], like=x)


def roll(x: Shadow, *_: Any) -> Shadow:
    """A copy in another order."""
    return made(x.shape, [x])


def diff(x: Shadow, dim: int = -1) -> Shadow:
    """Differences of neighbours; nothing is kept."""
    at = _place(x, dim)
    return made((*x.shape[:at], x.shape[at] - 1, *x.shape[at + 1 :]), [x])


def channel_shuffle(x: Shadow, groups: int) -> Shadow:
    """A copy in another order."""
    del groups
    return made(x.shape, [x])


def repeat_interleave(x: Shadow, times: int | Shadow, dim: int) -> Shadow:
    """Rows repeated; where a mask was counted to say how often, their numbers are kept: at most as many as it has."""
    at = _place(x, dim)
    if isinstance(times, Shadow):
        rows = Shadow((times.most,), "int64")
        return index_select(x, at, rows)
    return made((*x.shape[:at], x.shape[at] * times, *x.shape[at + 1 :]), [x])


def index_select(x: Shadow, dim: int, index: Shadow) -> Shadow:
    """Places chosen by number, which are kept."""
    at = _place(x, dim)
    return made((*x.shape[:at], *index.shape, *x.shape[at + 1 :]), [x], [index])


def gather(x: Shadow, dim: int, index: Shadow) -> Shadow:
    """Places chosen by number; those and the input are kept."""
    del dim
    return made(index.shape, [x], [x, index])


def scatter(x: Shadow, dim: int, index: Shadow, source: Shadow) -> Shadow:
    """Numbers laid at places, which are kept."""
    del dim
    return made(x.shape, [x, source], [index])


def index_put(x: Shadow, at: tuple[Shadow, ...], source: Shadow) -> Shadow:
    """Numbers laid at places, which are kept."""
    return made(x.shape, [x, source], at)


def tril(x: Shadow) -> Shadow:
    """What lies below the diagonal."""
    return made(x.shape, [x])
