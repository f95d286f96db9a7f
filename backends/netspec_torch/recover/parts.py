"""Rules of parts and wholes: slices, joins, reductions, products of matrices, attention."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn

from netspec.ir.types import CHANNEL, SPATIAL
from netspec.recover.draft import Unsaid
from netspec_torch.recover.held import Held, Owned, Size
from netspec_torch.recover.pointwise import alone, along, joined, meet
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
        for like in call.reader.companions(call.node, len(held.dims)):
            if call.draw.size(like, place).dim == stop.dim:
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
    return Held(made, _gone(held.dims, [place], keep=False))


@reads("aten.unbind")
def unbind(call: Call) -> tuple[Held, ...]:
    """All places of an axis apart."""
    held = call.held("self")
    place = call["dim"] % len(held.dims)
    values = call.draw.several("unbind", {"axis": call.draw.axis(held, place)}, (held.value,))
    return tuple(Held(value, _gone(held.dims, [place], keep=False)) for value in values)


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


def _side_by_side(call: Call, given: Sequence[Held], place: int | None) -> tuple[tuple[str, ...], tuple[int | None, ...]]:
    """Values with the same axes in the same order, under the names of the first."""
    draw = call.draw
    dims = given[0].dims
    there = place is None or dims[place] is not None
    if there and all(one.dims == dims for one in given):
        return (*(draw.alike(one.value, given[0].value) for one in given),), dims
    laid = [draw.laid(one) for one in given]
    return (*(draw.alike(one, laid[0]) for one in laid),), tuple(range(len(dims)))


# ---------------------------------------------------------------------------------------------------------- reductions


def dropped(dims: Sequence[int | None], places: Sequence[int], *, keep: bool) -> tuple[int | None, ...]:
    """The axes without some, or with ones of size 1 in their place."""
    if keep:
        return tuple(None if i in places else axis for i, axis in enumerate(dims))
    return tuple(axis for i, axis in enumerate(dims) if i not in places)


def _gone(dims: Sequence[int | None], places: Sequence[int], *, keep: bool) -> tuple[int | None, ...]:
    """As `dropped`, of a value that has lost these axes too: those behind have moved up."""
    lost = [axis for i in places if (axis := dims[i]) is not None]
    moved = [None if one is None else one - sum(axis < one for axis in lost) for one in dims]
    return dropped(moved, places, keep=keep)


_REDUCTIONS = {"mean": "mean", "sum": "sum", "amax": "amax", "amin": "amin", "max": "amax", "min": "amin"}


@reads(*(f"aten.{name}" for name in _REDUCTIONS))
def reduce(call: Call) -> Any:
    """A reduction over some axes; the mean or largest over all of space is the global pool."""
    if "other" in call.arguments:
        return meet(call, {"max": "maximum", "min": "minimum"}[call.name], call["self"], call["other"])
    held = call.held("self")
    given = call.get("dim")
    if given is None or given == []:
        raise Unsaid("it reduces the batch with everything else to one number, and samples do not see one another")
    rank = len(held.dims)
    places = sorted({one % rank for one in (given if isinstance(given, list) else [given])})
    made = reduced(call, _REDUCTIONS[call.name], held, places, keep=bool(call.get("keepdim")))
    if "indices" not in str(call.node.target._schema):  # type: ignore[union-attr]
        return made
    if not call.reader.reads_second(call.node):
        return (made, None)
    where = call.draw.one("argmax", along(call, held, places[0]), (held.value,)) if call.name == "max" else None
    if where is None or call.get("keepdim"):
        raise Unsaid("the places that it found are used")
    return (made, Held(where, _gone(held.dims, places, keep=False)))


def reduced(call: Call, op: str, held: Held, places: Sequence[int], *, keep: bool) -> Held:
    """One op over some of the source's axes."""
    axes = [i for i in places if held.dims[i] is not None]
    dims = _gone(held.dims, places, keep=keep)
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
        call.draw.one("argmax", along(call, held, place), (held.value,)), _gone(held.dims, [place], keep=False)
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
        return reduced(call, "sum", Held(call.draw.one("abs", {}, (held.value,)), held.dims), places, keep=keep)
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


# -------------------------------------------------------------------------------------------------- order along an axis


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


# ---------------------------------------------------------------------------------------------------------- products


@reads("aten.matmul", "aten.bmm", "aten.mm")
def matmul(call: Call) -> Held:
    """Products of matrices; a learned matrix is a `parameter`."""
    a, b = call["self"], call.get("other", call.get("mat2"))
    draw = call.draw
    if isinstance(a, Held) and isinstance(b, Owned) and b.tensor.dim() == 2:
        x = draw.laid(a)
        names = draw.type(x).names
        shape = {names[-1]: int(b.tensor.shape[0]), draw.unused(x, "feature"): int(b.tensor.shape[1])}
        y = draw.one("parameter", {"shape": shape}, (), {"value": b})
        return plain(draw.one("matmul", {}, (x, y)), len(a.dims))
    x_held, y_held = call.held("self"), call.held("other" if "other" in call.arguments else "mat2")
    if len(x_held.dims) < 3 or len(x_held.dims) != len(y_held.dims):
        raise Unsaid("it multiplies matrices over samples, or tensors with different numbers of axes")
    x, y = draw.laid(x_held), draw.laid(y_held)
    rank = len(x_held.dims)
    names, others = draw.type(x).names, draw.type(y).names
    wanted = {i: names[i] for i in range(rank - 2)} | {rank - 2: names[-1]}
    last = others[-1] if others[-1] not in wanted.values() and others[-1] not in names else draw.unused(x, "key")
    y = draw.renamed(y, wanted | {rank - 1: last})
    sizes = list(zip(draw.type(x).sizes[:-2], draw.type(y).sizes[:-2], strict=True))
    spreads = any((p == 1) is not (q == 1) for p, q in sizes)
    return plain(draw.one("matmul", {"broadcast": True} if spreads else {}, (x, y)), rank)


@reads("aten.scaled_dot_product_attention")
def scaled_dot_product_attention(call: Call) -> Held:
    """Attention of queries, keys and values that are cut into heads already."""
    if call["attn_mask"] is not None:
        raise Unsaid("its mask is computed in the module; netspec takes masks as inputs")
    draw = call.draw
    query, key, value = (draw.laid(call.held(word)) for word in ("query", "key", "value"))
    names = draw.type(query).names
    rank = len(names)
    key = draw.renamed(key, {i: names[i] for i in range(rank) if i != rank - 2 or _one_size(call, query, key)})
    value = draw.renamed(value, dict(enumerate(draw.type(key).names)))
    arguments: dict[str, Any] = {"is_causal": True} if call["is_causal"] else {}
    if call["dropout_p"]:
        arguments["dropout"] = float(call["dropout_p"])
    if call["scale"] is not None:
        arguments["scale"] = float(call["scale"])
    made = draw.one("scaled_dot_product_attention", arguments, (query, key, value))
    return plain(made, rank)


def _one_size(call: Call, a: str, b: str) -> bool:
    """Whether queries and keys have as many places."""
    return call.draw.type(a).sizes[-2] == call.draw.type(b).sizes[-2]


@reads("netspec.leaf")
def leaf(call: Call) -> Held:
    """A call that was kept whole."""
    found = call.reader.exported.leaves[call["key"]]
    given = [one for one in call["inputs"] if isinstance(one, Held)]
    if isinstance(found.layer, nn.MultiheadAttention):
        return _attention(call, found.layer, given, found.arguments)
    if found.name == "weights of attention":
        raise Unsaid("its second result, the weights, is used, and netspec gives the values alone")
    (held,) = given
    arguments = dict(found.arguments)
    rank = len(held.dims) - 2
    if found.name == "local_response_norm":
        usual = {"alpha": 1e-4, "beta": 0.75, "k": 1.0}
        options = {word: float(arguments[word]) for word in usual if arguments[word] != usual[word]}  # type: ignore[arg-type]
        made = call.draw.one(found.name, {"size": arguments["size"], **options}, (call.draw.image(held),))
        return plain(made, len(held.dims))
    if found.name.startswith("lp_pool"):
        options = {"kernel_size": arguments["kernel_size"]}  # type: ignore[dict-item]
        for word, given_word in (("norm_type", "norm_type"), ("stride", "stride"), ("ceil_mode", "ceil_mode")):
            if arguments[given_word]:
                options[word] = arguments[given_word]  # type: ignore[assignment]
        options["norm_type"] = float(options["norm_type"])
        lists = {key: list(one) if isinstance(one, tuple) else one for key, one in options.items()}
        return plain(call.draw.one("lp_pool", lists, (call.draw.image(held),)), rank + 2)
    if found.name == "softmin":
        place = arguments["dim"]
        if not isinstance(place, int):
            raise Unsaid("it does not say along which axis")
        return Held(call.draw.one("softmin", along(call, held, place), (held.value,)), held.dims)
    return Held(call.draw.one(found.name, {}, (held.value,)), held.dims)


def _attention(call: Call, layer: nn.MultiheadAttention, given: Sequence[Held], said: Any) -> Held:
    """`multi_head_attention`, samples first whatever the layer's own order is."""
    if said["masks"]:
        raise Unsaid("it takes a mask; netspec's takes one that says which places take part, as an input of the spec")
    if layer.bias_k is not None or layer.add_zero_attn:
        raise Unsaid("it adds keys of its own")
    draw = call.draw
    if len(given[0].dims) != 3:
        raise Unsaid("its input has no batch")
    first = given if layer.batch_first else [Held(one.value, (one.dims[1], one.dims[0], one.dims[2])) for one in given]
    laid = [draw.laid(one) for one in first]
    query, key = laid[0], laid[1]
    place = draw.type(query).names[1]
    laid[1:] = [
        draw.renamed(one, dict(enumerate(draw.type(query).names)))
        if one != query and draw.type(one).sizes == draw.type(query).sizes
        else one
        for one in laid[1:]
    ]
    if draw.type(key).sizes[1] != draw.type(query).sizes[1] and draw.type(key).names[1] == place:
        word = draw.unused(key, "seen")
        laid[1:] = [draw.renamed(one, {1: word}) for one in laid[1:]]
    arguments: dict[str, Any] = {"num_heads": layer.num_heads}
    if layer.dropout:
        arguments["dropout"] = float(layer.dropout)
    if layer.in_proj_bias is None:
        arguments["bias"] = False
    if said.get("is_causal"):
        raise Unsaid("its mask is computed in the module")
    prefix = f"{draw.place}." if draw.place else ""
    weights = {
        name: Owned(one.detach(), prefix + name, learns=one.requires_grad)
        for name, one in call.reader.parameters(layer).items()
    }
    made = draw.one("multi_head_attention", arguments, tuple(laid), weights)
    return Held(made, (0, 1, 2) if layer.batch_first else (1, 0, 2))
