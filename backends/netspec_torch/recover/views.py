"""Rules of other shapes for the same numbers: `view`, `reshape`, `flatten`.

A view is read by its sizes: axes that come together are a `flatten`, axes that come apart a `reshape`; samples always
stay apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from netspec.ir.dim import Dim
from netspec.ir.types import CHANNEL, FEATURE
from netspec.recover.draft import Unsaid
from netspec_torch.recover.held import Held, Size
from netspec_torch.recover.reading import Call, reads
from netspec_torch.recover.shuffles import shuffled
from netspec_torch.recover.windows import plain


@reads("aten.view", "aten.reshape", "aten._unsafe_view")
def view(call: Call) -> Any:
    """The same numbers in another shape."""
    source = call["self"]
    if not isinstance(source, Held):
        return source
    if (made := shuffled(call, source)) is not None:
        return made
    return viewed(call, source, call.get("size") or call.get("shape"))


@reads("aten.view_as", "aten.reshape_as")
def view_as(call: Call) -> Held:
    """The same numbers in the shape of another tensor."""
    other = call.held("other")
    return viewed(call, call.held("self"), [call.draw.size(other, i) for i in range(len(other.dims))])


@reads("aten.flatten")
def flatten(call: Call) -> Held:
    """Neighbouring axes as one."""
    held = call.held("self")
    rank = len(held.dims)
    first, last = call["start_dim"] % rank, call["end_dim"] % rank
    if first == 0 and last > 0:
        raise Unsaid("it lays samples out along one axis with what belongs to them")
    sizes = [call.draw.size(held, i) for i in range(rank)]
    return viewed(call, held, [*sizes[:first], -1, *sizes[last + 1 :]])


@reads("aten.unflatten")
def unflatten(call: Call) -> Held:
    """One axis as several."""
    held = call.held("self")
    rank = len(held.dims)
    place = call["dim"] % rank
    sizes = [call.draw.size(held, i) for i in range(rank)]
    parts = list(call["sizes"])
    known = prod(_hint(one) for one in parts if one != -1)
    parts = [sizes[place].hint // known if one == -1 else one for one in parts]
    return viewed(call, held, [*sizes[:place], *parts, *sizes[place + 1 :]])


def viewed(call: Call, held: Held, target: Sequence[Any]) -> Held:
    """`held` in the shape `target`, sizes with at most one -1."""
    draw = call.draw
    before = [draw.size(held, i) for i in range(len(held.dims))]
    wanted = _resolved(before, target)
    if not held.dims or held.dims[0] != 0 or not wanted or wanted[0].dim != before[0].dim:
        raise Unsaid(f"it lays samples out with other axes: {_shape(before)} as {_shape(wanted)}")
    old = [(i, one) for i, one in enumerate(before) if i and one.hint != 1]
    new = [(i, one) for i, one in enumerate(wanted) if i and one.hint != 1]
    units = [axis for i, axis in enumerate(held.dims) if axis is not None and i and before[i].hint == 1]
    if [one.hint for _, one in old] == [one.hint for _, one in new]:
        if len(wanted) == 2 and units and (len(old) == 1 or not new):
            return plain(draw.one("flatten", {}, (draw.ordered(held),)), 2)
        return _moved_units(call, held, wanted, old, new)
    value = draw.ordered(_without_units(call, held, before))
    groups = _groups([one.hint for _, one in old], [one.hint for _, one in new])
    if groups is None:
        raise Unsaid(f"it cuts axes into pieces that do not fit: {_shape(before)} as {_shape(wanted)}")
    made = _regrouped(call, value, groups, [one for _, one in new])
    dims: list[int | None] = [0, *(None,) * (len(wanted) - 1)]
    for k, (i, _) in enumerate(new):
        dims[i] = k + 1
    return Held(made, tuple(dims))


def _resolved(before: Sequence[Size], target: Sequence[Any]) -> list[Size]:
    """The sizes of the target, that of the -1 worked out."""
    sizes = [one if isinstance(one, Size) else Size(Dim.of(one), one) for one in target]
    if not any(one.hint == -1 for one in sizes):
        return sizes
    left, divisor = [one.dim for one in before], Dim.of(1)
    for one in sizes:
        if one.hint == -1:
            continue
        if one.dim in left:
            left.remove(one.dim)
        else:
            divisor = divisor * one.dim
    total = Dim.of(1)
    for dim in left:
        total = total * dim
    hint = prod(one.hint for one in before) // -prod(one.hint for one in sizes)
    if divisor.value is None:
        raise Unsaid("what is left for -1 is no whole number of places for every size of the input")
    rest = Size(total // divisor.value, hint)
    return [rest if one.hint == -1 else one for one in sizes]


def _moved_units(
    call: Call,
    held: Held,
    wanted: Sequence[Size],
    old: Sequence[tuple[int, Size]],
    new: Sequence[tuple[int, Size]],
) -> Held:
    """Axes of size 1 made or dropped; those that the value has are kept where the target has one at their place."""
    places = {j: held.dims[i] for (i, _), (j, _) in zip(old, new, strict=True)}
    dims: list[int | None] = [0]
    units = _units_between(held, [i for i, _ in old])
    block = 0
    for j in range(1, len(wanted)):
        if j in places:
            dims.append(places[j])
            block += 1
        else:
            dims.append(units[block].pop(0) if units[block] else None)
    kept = {one for one in dims if one is not None}
    return squeezed(call, Held(held.value, tuple(dims)), [x for rest in units for x in rest if x not in kept])


def _units_between(held: Held, old: Sequence[int]) -> list[list[int]]:
    """The value's axes of size 1 before, between and behind the others."""
    found: list[list[int]] = [[] for _ in range(len(old) + 1)]
    block = 0
    for i, axis in enumerate(held.dims):
        if i in old:
            block += 1
        elif i and axis is not None:
            found[block].append(axis)
    return found


def _without_units(call: Call, held: Held, before: Sequence[Size]) -> Held:
    """Without its axes of size 1."""
    dims = tuple(
        axis for i, axis in enumerate(held.dims) if axis is not None and (not i or before[i].hint != 1)
    )
    return squeezed(call, Held(held.value, dims), [x for x in held.dims if x is not None and x not in dims])


def squeezed(call: Call, held: Held, axes: Sequence[int]) -> Held:
    """Without some axes of the value, which the source's tensor has no more."""
    value, dims = held.value, held.dims
    for axis in sorted(axes, reverse=True):
        value = call.draw.one("squeeze", {"axis": call.draw.type(value).names[axis]}, (value,))
        dims = tuple(None if one is None else one - (one > axis) for one in dims)
    return Held(value, dims)


def _groups(old: Sequence[int], new: Sequence[int]) -> list[tuple[list[int], list[int]]] | None:
    """Which old axes become which new ones, as runs of equal product; None where there are no such runs."""
    found: list[tuple[list[int], list[int]]] = []
    i = j = 0
    while i < len(old) or j < len(new):
        a, b = [i], [j]
        if i >= len(old) or j >= len(new):
            return None
        left, right = old[i], new[j]
        while left != right:
            if left < right:
                if a[-1] + 1 >= len(old):
                    return None
                a.append(a[-1] + 1)
                left *= old[a[-1]]
            else:
                if b[-1] + 1 >= len(new):
                    return None
                b.append(b[-1] + 1)
                right *= new[b[-1]]
        found.append((a, b))
        i, j = a[-1] + 1, b[-1] + 1
    return found


def _regrouped(
    call: Call, value: str, groups: Sequence[tuple[list[int], list[int]]], new: Sequence[Size]
) -> str:
    """The value with its axes brought together and apart, by `flatten` where that says it, else by `reshape`."""
    draw = call.draw
    names = draw.type(value).names[1:]
    together = [(a, b) for a, b in groups if len(a) > 1]
    if all(len(b) == 1 for _, b in groups) and len(together) == 1:
        (a, b) = together[0]
        if len(a) == len(names):
            return draw.one("flatten", {}, (value,))
        word = _joined([names[i] for i in a], [name for i, name in enumerate(names) if i not in a])
        return draw.one("flatten", {"axis": [names[i] for i in a], "to": word}, (value,))
    axes: dict[str, int | str] = {}
    taken = {names[a[0]] for a, b in groups if len(a) == len(b) == 1}
    open_size = False
    for a, b in groups:
        if len(a) == len(b) == 1:
            size = draw.type(value).axes[a[0] + 1].size
            axes[names[a[0]]] = names[a[0]] if size.value is None else size.value
            continue
        words = _parts([names[i] for i in a], len(b), taken)
        taken.update(words)
        for word, place in zip(words, b, strict=True):
            size = new[place].dim
            if size.value is None and open_size:
                raise Unsaid("more than one of the new axes depends on a free size of the input")
            open_size = open_size or size.value is None
            axes[word] = -1 if size.value is None else size.value
    return draw.one("reshape", axes, (value,))


def _joined(names: Sequence[str], others: Sequence[str]) -> str:
    """What an axis made of others is called."""
    word = CHANNEL if CHANNEL in names else FEATURE if FEATURE in names or len(names) == 0 else "place"
    count = 2
    while word in others:
        word, count = f"place{count}", count + 1
    return word


def _parts(names: Sequence[str], count: int, taken: set[str]) -> list[str]:
    """What the parts of an axis are called: space of a `place`, else the axis's own name last and `group` before."""
    if count == 1:
        return [_joined(names, [*taken])]
    if count == 2 and names[-1].startswith("place") and not {"height", "width"} & taken:
        return ["height", "width"]
    words = ["head", "part", "group"] if names[-1] == FEATURE else ["part", "group"]
    before = [*[f"part{i}" for i in range(2, count)], *words][-(count - 1) :] if count > 1 else []
    if names[-1] == FEATURE and count == 2:
        before = ["head"]
    found = [*before, names[-1]]
    return [one if one not in taken else f"{one}{len(taken)}" for one in found]


def _hint(size: Any) -> int:
    """A size at the example."""
    return size.hint if isinstance(size, Size) else int(size)


def _shape(sizes: Sequence[Size]) -> str:
    """Sizes for a message."""
    return f"[{', '.join(str(one.dim) for one in sizes)}]"
