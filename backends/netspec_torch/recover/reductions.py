"""Rules of what makes one number of many along axes: means, sums, the largest, norms and variances."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from netspec.ir.types import CHANNEL, SPATIAL
from netspec.recover.draft import Unsaid
from netspec_torch.recover.arithmetic import brought, joined, meet
from netspec_torch.recover.held import Held, gone
from netspec_torch.recover.pointwise import along
from netspec_torch.recover.reading import Call, reads
from netspec_torch.recover.windows import whole

_REDUCTIONS = {"mean": "mean", "sum": "sum", "amax": "amax", "amin": "amin", "max": "amax", "min": "amin"}


@reads(*(f"aten.{name}" for name in _REDUCTIONS))
def reduce(call: Call) -> Any:
    """A reduction over some axes; the mean or largest over all of space is the global pool."""
    if "other" in call.arguments:
        return meet(call, {"max": "maximum", "min": "minimum"}[call.name], call["self"], call["other"])
    held = call.held("self")
    given = call.get("dim")
    if given is None or given == []:
        raise Unsaid(
            "it reduces the batch with everything else to one number, and samples do not see one another"
        )
    rank = len(held.dims)
    places = sorted({one % rank for one in (given if isinstance(given, list) else [given])})
    made = reduced(call, _REDUCTIONS[call.name], held, places, keep=bool(call.get("keepdim")))
    if not isinstance(call.node.meta["val"], (list, tuple)):
        return made
    if not call.reader.reads_second(call.node):
        return (made, None)
    where = (
        call.draw.one("argmax", along(call, held, places[0]), (held.value,)) if call.name == "max" else None
    )
    if where is None or call.get("keepdim"):
        raise Unsaid("the places that it found are used")
    return (made, Held(where, gone(held.dims, places, keep=False)))


def reduced(call: Call, op: str, held: Held, places: Sequence[int], *, keep: bool) -> Held:
    """One op over some of the source's axes."""
    axes = [i for i in places if held.dims[i] is not None]
    dims = gone(held.dims, places, keep=keep)
    if not axes:
        return Held(held.value, dims)
    names = [call.draw.axis(held, i) for i in axes]
    kind = call.draw.type(held.value)
    space = kind.names[2:]
    is_image = kind.names[1:2] == (CHANNEL,) and bool(space) and set(space) <= set(SPATIAL)
    if is_image and op in {"mean", "amax"} and sorted(names) == sorted(space):
        pool = "global_avg_pool" if op == "mean" else "global_max_pool"
        return Held(call.draw.one(pool, {}, (held.value,)), dims)
    arguments = {"axis": names[0] if len(names) == 1 else names}
    return Held(call.draw.one(op, arguments, (held.value,)), dims)


@reads("aten.argmax")
def argmax(call: Call) -> Held:
    """The place of the largest."""
    held = call.held("self")
    if call["dim"] is None or call["keepdim"]:
        raise Unsaid("it counts places of a whole tensor, or keeps their axis")
    place = call["dim"] % len(held.dims)
    return Held(
        call.draw.one("argmax", along(call, held, place), (held.value,)),
        gone(held.dims, [place], keep=False),
    )


@reads("aten.linalg_vector_norm", "aten.norm")
def vector_norm(call: Call) -> Held:
    """The root of the sum of squares, or the sum of magnitudes, over some axes."""
    held, order = call.held("self"), call.get("ord", call.get("p"))
    given = call.get("dim")
    if order not in (1, 2) or given is None:
        raise Unsaid("netspec says norms of one or two, over named axes")
    places = [one % len(held.dims) for one in (given if isinstance(given, list) else [given])]
    keep = bool(call["keepdim"])
    if order == 1:
        return reduced(
            call, "sum", Held(call.draw.one("abs", {}, (held.value,)), held.dims), places, keep=keep
        )
    squares = joined(call, "mul", held, held)
    total = reduced(call, "sum", squares, places, keep=keep)
    return Held(call.draw.one("sqrt", {}, (total.value,)), total.dims)


@reads("aten.var", "aten.std")
def variance(call: Call) -> Held:
    """The mean square of what differs from the mean, with PyTorch's own divisor."""
    held, given = call.held("self"), call.get("dim")
    if not given:
        raise Unsaid("it reduces the batch with everything else to one number")
    places = [one % len(held.dims) for one in given]
    sizes = [call.draw.size(held, i) for i in places]
    count = 1
    for one in sizes:
        count *= whole(one)
    correction = call.get("correction", 1 if call.get("unbiased", True) else 0)
    correction = 1 if correction is None else correction
    mean = reduced(call, "mean", held, places, keep=True)
    apart = joined(call, "sub", held, mean)
    square = joined(call, "mul", apart, apart)
    made = reduced(call, "mean", square, places, keep=bool(call["keepdim"]))
    if correction:
        made = meet(call, "mul", made, count / (count - correction))
    return made if call.name == "var" else Held(call.draw.one("sqrt", {}, (made.value,)), made.dims)


@reads("aten.cosine_similarity")
def cosine_similarity(call: Call) -> Held:
    """The cosine of two vectors."""
    a, b = call.held("x1"), call.held("x2")
    values, dims, _ = brought(call, [a, b], spreads=False)
    held = Held(values[0], dims)
    arguments = along(call, held, call["dim"])
    if call["eps"] != 1e-8:
        arguments["eps"] = call["eps"]
    place = call["dim"] % len(dims)
    return Held(call.draw.one("cosine_similarity", arguments, values), gone(dims, [place], keep=False))
