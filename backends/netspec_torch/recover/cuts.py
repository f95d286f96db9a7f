"""Rules of parts: slices, single places, values joined, and the order along an axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from netspec.recover.draft import Unsaid
from netspec_torch.recover.held import Held, Size, dropped, gone
from netspec_torch.recover.pointwise import alone, along
from netspec_torch.recover.reading import Call, reads
from netspec_torch.recover.windows import plain, whole

END = 2**62
"""Sizes above stand for `to the end`."""


@reads("aten.slice", "aten.narrow")
def slice_(call: Call) -> Any:
    """A stretch of an axis."""
    source = call["self"]
    if not isinstance(source, Held):
        raise Unsaid("it cuts what is no value of the network")
    held, place = source, call["dim"] % len(source.dims)
    start, stop = call["start"] or 0, call.get("end")
    if call.name == "narrow":
        stop = call["start"] + call["length"]
    size = call.draw.size(held, place)
    step = call.get("step") or 1
    low = whole(start) if isinstance(start, Size) else int(start)
    high = size.hint if stop is None else stop.hint if isinstance(stop, Size) else min(int(stop), END)
    if low in (0, -size.hint) and step == 1 and (high >= size.hint):
        return held
    if held.dims[place] is None:
        raise Unsaid("it takes nothing of an axis of size 1")
    name = call.draw.axis(held, place)
    if isinstance(stop, Size) and stop.dim.value is None:
        return _cropped(call, held, place, stop, low)
    arguments: dict[str, Any] = {"axis": name}
    if low:
        arguments["start"] = low
    if high < size.hint:
        arguments["stop"] = high
    if step != 1:
        arguments["step"] = step
    return Held(call.draw.one("narrow", arguments, (held.value,)), held.dims)


def _cropped(call: Call, held: Held, place: int, stop: Size, low: int) -> Held:
    """A stretch as long as an axis of another value: `crop_like`, for all axes of space at once."""
    if not low and place >= 2:
        users = [getattr(user.target, "_opname", "") for user in call.users()]
        for like in call.reader.companions(call.node, len(held.dims)):
            pairs = zip(call.draw.space(like), call.draw.space(held), strict=True)
            others = [a for i, (a, b) in enumerate(pairs, start=2) if a != b and i != place]
            if call.draw.size(like, place).dim == stop.dim and (not others or users == ["slice"]):
                values = (call.draw.image(held), call.draw.image(like))
                return plain(call.draw.one("crop_like", {}, values), len(held.dims))
    raise Unsaid("it takes a stretch whose length depends on a free size of the input")


@reads("aten.select")
def select(call: Call) -> Held:
    """One place of an axis, which is gone then."""
    held, place = call.held("self"), call["dim"] % len(call.held("self").dims)
    if held.dims[place] is None:
        return Held(held.value, dropped(held.dims, [place], keep=False))
    arguments: dict[str, Any] = {"axis": call.draw.axis(held, place)}
    if index := whole(call["index"]):
        arguments["index"] = index
    made = call.draw.one("select", arguments, (held.value,))
    return Held(made, gone(held.dims, [place], keep=False))


@reads("aten.unbind")
def unbind(call: Call) -> tuple[Held, ...]:
    """All places of an axis apart."""
    held = call.held("self")
    place = call["dim"] % len(held.dims)
    values = call.draw.several("unbind", {"axis": call.draw.axis(held, place)}, (held.value,))
    return tuple(Held(value, gone(held.dims, [place], keep=False)) for value in values)


@reads("aten.chunk", "aten.split", "aten.split_with_sizes", "aten.tensor_split")
def split(call: Call) -> tuple[Held, ...]:
    """Parts of an axis."""
    held = call.held("self")
    place = call["dim"] % len(held.dims)
    arguments = along(call, held, place)
    size = call.draw.size(held, place)
    value = call.node.meta["val"]
    if call.name == "chunk" and size.hint % call["chunks"] == 0:
        made = call.draw.several("chunk", {"chunks": call["chunks"], **arguments}, (held.value,))
    elif isinstance(value, (list, tuple)) and size.dim.value is not None:
        sizes = [int(one.shape[place]) for one in value]
        made = call.draw.several("split", {"sizes": sizes, **arguments}, (held.value,))
    else:
        raise Unsaid("it cuts an axis whose size is free")
    return tuple(Held(one, held.dims) for one in made)


@reads("aten.cat", "aten.concat", "aten.concatenate")
def cat(call: Call) -> Held:
    """Values behind one another."""
    given = call["tensors"]
    if not all(isinstance(one, Held) for one in given):
        raise Unsaid("numbers of the module are joined to what goes through it")
    if len(given) == 1:
        return given[0]  # type: ignore[no-any-return]
    place = call["dim"] % len(given[0].dims)
    values, dims = _side_by_side(call, given, place)
    arguments = along(call, Held(values[0], dims), place)
    return Held(call.draw.one("concat", arguments, values), dims)


@reads("aten.stack")
def stack(call: Call) -> Held:
    """Values side by side along a new axis."""
    given = call["tensors"]
    if not all(isinstance(one, Held) for one in given):
        raise Unsaid("numbers of the module are joined to what goes through it")
    values, dims = _side_by_side(call, given, None)
    place = call["dim"] % (len(dims) + 1)
    if place == 0:
        raise Unsaid("it makes samples of what belongs to one sample")
    held = plain(call.draw.laid(Held(values[0], dims)), len(dims))
    values = (held.value, *(call.draw.laid(Held(one, dims)) for one in values[1:]))
    names = call.draw.type(held.value).names
    arguments: dict[str, Any] = {"axis": call.draw.unused(held.value, "part")}
    if place > 1:
        arguments["after"] = names[place - 1]
    return plain(call.draw.one("stack", arguments, values), len(dims) + 1)


def _side_by_side(
    call: Call, given: Sequence[Held], place: int | None
) -> tuple[tuple[str, ...], tuple[int | None, ...]]:
    """Values with the same axes in the same order, under the names of the first."""
    draw = call.draw
    dims = given[0].dims
    there = place is None or dims[place] is not None
    if there and all(one.dims == dims for one in given):
        return (*(draw.alike(one.value, given[0].value) for one in given),), dims
    laid = [draw.laid(one) for one in given]
    return (*(draw.alike(one, laid[0]) for one in laid),), tuple(range(len(dims)))


@reads("aten.flip")
def flip(call: Call) -> Held:
    """The order along axes turned round."""
    held = call.held("self")
    names = [call.draw.axis(held, i) for i in call["dims"] if held.dims[i] is not None]
    return alone(call, "flip", {"axis": names[0] if len(names) == 1 else names})


@reads("aten.roll")
def roll(call: Call) -> Held:
    """Places moved in a circle."""
    held = call.held("self")
    if not call["dims"]:
        raise Unsaid("it rolls all numbers as one line")
    axes = {call.draw.axis(held, i): whole(by) for i, by in zip(call["dims"], call["shifts"], strict=True)}
    return alone(call, "roll", axes)


@reads("aten.diff")
def diff(call: Call) -> Held:
    """The changes from each place to the next."""
    if call["n"] != 1 or call["prepend"] is not None or call["append"] is not None:
        raise Unsaid("netspec says the changes from one place to the next, once, of what is there")
    return alone(call, "frame_difference", along(call, call.held("self"), call["dim"]))
