"""Rules of products of matrices and attention, and of the calls that were kept whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn

from netspec.recover.draft import Unsaid
from netspec_torch.recover.arithmetic import brought
from netspec_torch.recover.held import Held, Owned, gone
from netspec_torch.recover.leaves import Leaf
from netspec_torch.recover.pointwise import along
from netspec_torch.recover.reading import Call, reads
from netspec_torch.recover.windows import plain


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
    last = (
        others[-1] if others[-1] not in wanted.values() and others[-1] not in names else draw.unused(x, "key")
    )
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
    key = draw.renamed(
        key, {i: names[i] for i in range(rank) if i != rank - 2 or _one_size(call, query, key)}
    )
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
    if found.name.endswith("_cdf"):
        return _curve(call, found, given)
    (held,) = given
    return _function(call, found, held)


def _curve(call: Call, found: Leaf, given: Sequence[Held]) -> Held:
    """A distribution function over bins, which are a new last axis; a mixture's parts are gone."""
    values, dims, _ = brought(call, list(given), spreads=False)
    held = Held(values[0], dims)
    arguments: dict[str, Any] = {"bins": found.arguments["bins"]}
    if found.name == "mixture_cdf":
        place = int(str(found.arguments["dim"]))
        arguments |= along(call, held, place)
        dims = gone(dims, [place], keep=False)
    made = call.draw.one(found.name, arguments, values)
    return Held(made, (*dims, call.draw.type(made).rank - 1))


def _function(call: Call, found: Leaf, held: Held) -> Held:
    """A function of `torch.nn.functional` by its own arguments."""
    said: dict[str, Any] = {
        key: list(one) if isinstance(one, tuple) else one for key, one in found.arguments.items()
    }
    if found.name == "local_response_norm":
        usual = {"alpha": 1e-4, "beta": 0.75, "k": 1.0}
        options = {word: float(said[word]) for word in usual if said[word] != usual[word]}
        made = call.draw.one(found.name, {"size": said["size"], **options}, (call.draw.image(held),))
        return plain(made, len(held.dims))
    if found.name.startswith("lp_pool"):
        options = {"kernel_size": said["kernel_size"], "norm_type": float(said["norm_type"])}
        options |= {word: said[word] for word in ("stride", "ceil_mode") if said[word]}
        return plain(call.draw.one("lp_pool", options, (call.draw.image(held),)), len(held.dims))
    if found.name == "softmin":
        if not isinstance(said["dim"], int):
            raise Unsaid("it does not say along which axis")
        return Held(call.draw.one("softmin", along(call, held, said["dim"]), (held.value,)), held.dims)
    return Held(call.draw.one(found.name, {}, (held.value,)), held.dims)


def _attention(call: Call, layer: nn.MultiheadAttention, given: Sequence[Held], said: Any) -> Held:
    """`multi_head_attention`, samples first whatever the layer's own order is."""
    if said["masks"]:
        raise Unsaid(
            "it takes a mask; netspec's takes one that says which places take part, as an input of the spec"
        )
    if layer.bias_k is not None or layer.add_zero_attn:
        raise Unsaid("it adds keys of its own")
    draw = call.draw
    if len(given[0].dims) != 3:
        raise Unsaid("its input has no batch")
    first = [
        one if layer.batch_first else Held(one.value, (one.dims[1], one.dims[0], one.dims[2]))
        for one in given
    ]
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
    if "in_proj_bias" not in call.reader.parameters(layer):
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
