"""Rules of arithmetic, comparisons and choices: what PyTorch spreads without a word is spread where netspec says so."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from netspec.ir.types import BATCH
from netspec.recover.draft import Unsaid
from netspec_torch.recover.drawing import SPREADING
from netspec_torch.recover.held import Held, Level, Noise, Owned, Size
from netspec_torch.recover.reading import Call, reads

_BINARY = {
    "add": "add",
    "sub": "sub",
    "subtract": "sub",
    "mul": "mul",
    "multiply": "mul",
    "div": "div",
    "true_divide": "div",
    "divide": "div",
    "pow": "pow",
    "minimum": "minimum",
    "maximum": "maximum",
    "lt": "less",
    "less": "less",
    "le": "less_equal",
    "gt": "greater",
    "greater": "greater",
    "ge": "greater_equal",
    "eq": "equal",
}


@reads(*(f"aten.{name}" for name in _BINARY))
def binary(call: Call) -> Any:
    """Arithmetic of two values, numbers, or what the module holds."""
    a, b = call["self"], call.get("other", call.get("exponent"))
    if call.get("rounding_mode") is not None:
        raise Unsaid("it rounds")
    factor = call.get("alpha", 1)
    if factor != 1:
        b = meet(call, "mul", b, float(factor))
    return meet(call, _BINARY[call.name], a, b)


@reads("aten.rsub")
def rsub(call: Call) -> Any:
    """The second less the first."""
    return meet(call, "sub", call["other"], call["self"])


@reads("aten.reciprocal")
def reciprocal(call: Call) -> Any:
    """One over it."""
    return meet(call, "div", 1.0, call["self"])


@reads("aten.rsqrt")
def rsqrt(call: Call) -> Any:
    """One over the root."""
    return meet(call, "pow", call["self"], -0.5)


@reads("aten.square")
def square(call: Call) -> Any:
    """The second power."""
    return meet(call, "pow", call["self"], 2.0)


def meet(call: Call, op: str, a: Any, b: Any) -> Any:
    """Two operands as one value: spread as PyTorch spreads them, by name and said where it happens."""
    if isinstance(a, Noise) or isinstance(b, Noise):
        return _left_out(call, op, a, b)
    if isinstance(a, (int, float, Level, Size)) and isinstance(b, (int, float, Level, Size)):
        return _of_numbers(op, _number(a), _number(b))
    like = next((one for one in (a, b) if isinstance(one, Held) and one.dims), None)
    like = like or next((one for one in (a, b) if isinstance(one, Held)), None)
    if like is None:
        raise Unsaid("no tensor of the network takes part")
    if op == "mul" and (scaled := _scaled(call, a, b)) is not None:
        return scaled
    a, b = (call.draw.owned(one, like) if isinstance(one, Owned) else one for one in (a, b))
    given = [one if isinstance(one, Held) else Held(call.draw.plain(_number(one)), ()) for one in (a, b)]
    if not all(one.dims for one in given):
        dims = given[0].dims or given[1].dims
        return Held(call.draw.one(op, {}, tuple(one.value for one in given)), dims)
    return joined(call, op, given[0], given[1])


def joined(call: Call, op: str, a: Held, b: Held) -> Held:
    """Two values with axes."""
    values, dims, broadcast = brought(call, [a, b], spreads=op in SPREADING)
    arguments = {"broadcast": True} if broadcast else {}
    return Held(call.draw.one(op, arguments, values), dims)


def brought(
    call: Call, given: list[Held], *, spreads: bool
) -> tuple[tuple[str, ...], tuple[int | None, ...], bool]:
    """Values with the axes of the largest, in its order and under its names; whether sizes of 1 are left to spread."""
    draw = call.draw
    rank = max(len(one.dims) for one in given)
    given = [Held(one.value, (None,) * (rank - len(one.dims)) + one.dims) for one in given]
    there = [{place for place in range(rank) if one.dims[place] is not None} for one in given]
    first = max(range(len(given)), key=lambda i: len(there[i]))
    large = given[first]
    for i, one in enumerate(given):
        for place in there[i]:
            other = large.dims[place]
            batch = [draw.type(x.value).names[x.dims[place] or 0] == BATCH for x in (one, large)]
            if other is not None and batch[0] is not batch[1]:
                raise Unsaid(
                    "its tensors meet with samples along one axis of one and another axis of the other"
                )
    if any(not part <= there[first] for part in there):
        laid = [draw.laid(one) for one in given]
        large = Held(laid[first], tuple(range(rank)))
        return (*(draw.alike(one, laid[first]) for one in laid),), large.dims, True
    values: list[str] = []
    broadcast = False
    for i, one in enumerate(given):
        value = one.value if i == first else _led(call, one, large)
        if there[i] != there[first]:
            value = draw.expanded(_narrow(call, value, large), large.value)
        elif _differ(call, value, large.value):
            broadcast = True
        values.append(value)
    if broadcast and not spreads:
        raise Unsaid(
            "it spreads an axis of size 1, which arithmetic and `minimum`, `maximum` alone do in netspec"
        )
    return tuple(values), large.dims, broadcast


def _led(call: Call, one: Held, large: Held) -> str:
    """The value with its axes in the order and under the names of the large one."""
    draw = call.draw
    pairs = [(axis, large.dims[place]) for place, axis in enumerate(one.dims) if axis is not None]
    order = [axis for axis, _ in sorted(pairs, key=lambda pair: pair[1] if pair[1] is not None else -1)]
    value = one.value
    if order != sorted(order):
        if order[0] != 0:
            raise Unsaid("samples are not along the first axis of the tensor")
        names = draw.type(value).names
        value = draw.one("permute", {"axis": [names[axis] for axis in order[1:]]}, (value,))
    wanted = sorted(other for _, other in pairs if other is not None)
    names, others = draw.type(value).names, draw.type(large.value).names
    whole = len(wanted) == len(others)
    if whole:
        return draw.alike(value, large.value)
    return draw.renamed(
        value, {i: others[other] for i, other in enumerate(wanted) if names[i] != others[other]}
    )


def _narrow(call: Call, value: str, large: Held) -> str:
    """Without the axes of size 1 that `expand` would refuse."""
    draw = call.draw
    for axis in draw.type(value).axes:
        place = draw.type(large.value).find(axis.name)
        if place is not None and axis.size == 1 and draw.type(large.value).sizes[place] != 1:
            value = draw.one("squeeze", {"axis": axis.name}, (value,))
    return value


def _differ(call: Call, a: str, b: str) -> bool:
    """Whether an axis of size 1 meets a larger one."""
    pairs = zip(call.draw.type(a).sizes, call.draw.type(b).sizes, strict=True)
    return any((x == 1) is not (y == 1) for x, y in pairs)


def _scaled(call: Call, a: Any, b: Any) -> Held | None:
    """`layer_scale`, where a value meets a learned factor for each place along one axis."""
    held, one = (a, b) if isinstance(a, Held) else (b, a)
    if not isinstance(held, Held) or not isinstance(one, Owned) or not (one.learns and one.is_whole):
        return None
    sizes = (1,) * (len(held.dims) - one.tensor.dim()) + tuple(one.tensor.shape)
    places = [place for place, size in enumerate(sizes) if size != 1]
    if len(places) != 1 or len(sizes) != len(held.dims):
        return None
    axis = held.dims[places[0]]
    kind = call.draw.type(held.value)
    if axis is None or axis == 0 or kind.sizes[axis] != sizes[places[0]]:
        return None
    weight = one.tensor.detach().reshape(-1, *(1,) * (kind.rank - axis - 1))
    arguments = {} if axis == 1 else {"axis": kind.names[axis]}
    weights = {"weight": Owned(weight, one.key, None, one.learns)}
    return Held(call.draw.one("layer_scale", arguments, (held.value,), weights), held.dims)


def _left_out(call: Call, op: str, a: Any, b: Any) -> Any:
    """A branch that is left out by chance: `stochastic_depth`."""
    noise, other = (a, b) if isinstance(a, Noise) else (b, a)
    if op == "div" and noise is a and isinstance(other, (int, float)) and abs(other - (1 - noise.p)) < 1e-9:
        return replace(noise, scaled=True)
    if (
        op == "mul"
        and isinstance(other, Held)
        and isinstance(noise, Noise)
        and (noise.scaled or noise.p == 0)
    ):
        if noise.p == 0:
            return other
        arguments: dict[str, Any] = {"p": round(noise.p, 12), **({"mode": "batch"} if noise.alone else {})}
        return Held(call.draw.one("stochastic_depth", arguments, (other.value,)), other.dims)
    raise Unsaid("it draws by chance in a way that netspec has no word for")


def _number(one: Any) -> float:
    """A plain number; Unsaid for a size that is free."""
    if isinstance(one, Level):
        return one.number
    if isinstance(one, Size):
        if one.dim.value is None:
            raise Unsaid("a free size of the input takes part in arithmetic")
        return float(one.dim.value)
    if isinstance(one, (bool, int, float)):
        return float(one)
    raise Unsaid("what it meets is no real number")


def _of_numbers(op: str, a: float, b: float) -> Level:
    """Arithmetic of two numbers that spread over anything."""
    made: Any = {
        "add": torch.add,
        "sub": torch.sub,
        "mul": torch.mul,
        "div": torch.div,
        "pow": torch.pow,
        "minimum": torch.minimum,
        "maximum": torch.maximum,
    }.get(op)
    if made is None:
        raise Unsaid("it compares two numbers that are always the same")
    return Level(float(made(torch.tensor(a, dtype=torch.float64), torch.tensor(b, dtype=torch.float64))))


@reads("aten.where")
def where(call: Call) -> Held:
    """Choose by a mask."""
    return chosen(call, call.held("condition"), call["self"], call["other"])


@reads("aten.masked_fill")
def masked_fill(call: Call) -> Held:
    """A number where the mask holds."""
    return chosen(call, call.held("mask"), call["value"], call["self"])


def chosen(call: Call, mask: Held, a: Any, b: Any) -> Held:
    """`where(mask, a, b)` of values and numbers."""
    a, b = (call.draw.owned(one, mask) if isinstance(one, Owned) else one for one in (a, b))
    shaped = [one for one in (mask, a, b) if isinstance(one, Held) and one.dims]
    values, dims, _ = brought(call, shaped, spreads=False)
    found = dict(zip(map(id, shaped), values, strict=True))
    sides = [
        found[id(one)]
        if id(one) in found
        else one.value
        if isinstance(one, Held)
        else call.draw.plain(_number(one))
        for one in (a, b)
    ]
    return Held(call.draw.one("where", {}, (found[id(mask)], *sides)), dims)
