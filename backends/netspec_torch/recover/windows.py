"""Rules of what slides over space, pads it, or gives it another size: convolutions, pools, `pad`, `interpolate`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import torch
from torch import nn
from torch.fx import Node

from netspec.ir.dim import Dim
from netspec.ir.dim_decide import decide
from netspec.recover.draft import Unsaid
from netspec_torch.recover.held import Held, Owned, Size
from netspec_torch.recover.reading import Call, reads


def short(values: Sequence[int]) -> int | list[int]:
    """One number where all are equal, as a person writes it."""
    return values[0] if len(set(values)) == 1 else list(values)


def spread(values: Any, rank: int) -> list[int]:
    """One number for every axis of space."""
    found = [whole(one) for one in (values if isinstance(values, (list, tuple)) else [values])]
    return found * rank if len(found) == 1 else found


def whole(size: Any) -> int:
    """A size that is a plain number; Unsaid where it depends on a free one."""
    if isinstance(size, int):
        return size
    if isinstance(size, Size) and size.dim.value is not None:
        return size.dim.value
    raise Unsaid("a number in it depends on a free size of the input")


def image(call: Call, rank: int, word: str = "input") -> str:
    """The input laid out, with its channels; Unsaid for a single picture without a batch."""
    held = call.held(word) if word in call.arguments else call.held("self")
    if len(held.dims) != rank + 2:
        raise Unsaid("its input has no batch")
    return call.draw.image(held)


def plain(value: str, rank: int) -> Held:
    """A result with all axes as they are."""
    return Held(value, tuple(range(rank)))


@reads("aten.conv1d", "aten.conv2d", "aten.conv3d")
def conv(call: Call) -> Held:
    """A convolution, with the padding that its own layer has put around the input before."""
    weight = call.owned("weight")
    if weight is None:
        raise Unsaid("it has no weight of its own")
    rank = weight.tensor.dim() - 2
    arguments: dict[str, Any] = {"out_channels": int(weight.tensor.shape[0])}
    arguments["kernel_size"] = short(list(weight.tensor.shape[2:]))
    _option(arguments, "stride", spread(call["stride"], rank), 1)
    around, value = _around(call, rank)
    padding = call["padding"]
    if isinstance(padding, str):
        around = None if padding == "valid" else padding
    elif around is None:
        _option(arguments, "padding", spread(padding, rank), 0)
    elif any(spread(padding, rank)):
        raise Unsaid("it pads what is padded already")
    if isinstance(around, str):
        arguments["padding"] = around
    elif around is not None:
        arguments |= around
    _option(arguments, "dilation", spread(call["dilation"], rank), 1)
    _option(arguments, "groups", [whole(call["groups"])], 1)
    weights = {"weight": weight, **_bias(call, arguments)}
    if not weight.key:
        weights |= _standardised(weight, arguments, call)
    return plain(call.draw.one("conv", arguments, (value,), weights), rank + 2)


def _around(call: Call, rank: int) -> tuple[Any, str]:
    """The padding that the layer itself put around its input, as arguments of `conv`, and what it was put around."""
    node = call.node.args[0]
    own = isinstance(call.layer, (nn.Conv1d, nn.Conv2d, nn.Conv3d)) and isinstance(node, Node)
    if (
        own
        and isinstance(node, Node)
        and node in call.reader.padded
        and call.reader.path(node) == call.draw.place
    ):
        held, pads, mode = call.reader.padded[node]
        pairs = [(pads[2 * i], pads[2 * i + 1]) for i in reversed(range(rank))]
        even = all(low == high for low, high in pairs)
        sizes: list[Any] = [low if low == high else [low, high] for low, high in pairs]
        padding = sizes[0] if even and len({low for low, _ in pairs}) == 1 else sizes
        options = {"padding": padding} | ({"padding_mode": mode} if mode != "constant" else {})
        return options, call.draw.image(held)
    return None, image(call, rank)


def _standardised(weight: Owned, arguments: dict[str, Any], call: Call) -> dict[str, Owned]:
    """The parameter behind a weight that is standardised in use; Unsaid for a weight that is computed otherwise."""
    state = call.reader.exported.program.state_dict
    if len(weight.of) == 1 and isinstance(source := state.get(weight.of[0]), torch.Tensor):
        dims = tuple(range(1, source.dim()))
        for eps in call.reader.numbers(call.node.args[1]):
            if source.shape != weight.tensor.shape or not 0 < eps < 0.1:
                continue
            var, mean = torch.var_mean(source, dims, correction=0, keepdim=True)
            if torch.allclose((source - mean) / torch.sqrt(var + eps), weight.tensor, rtol=1e-4, atol=1e-5):
                arguments["weight_standardisation"] = True
                _option(arguments, "eps", [eps], 1e-6)
                return {"weight": Owned(source.detach(), weight.of[0], learns=source.requires_grad)}
    raise Unsaid(
        "its weight is computed from others while it runs: take weight norms and parametrizations off first, "
        "`torch.nn.utils.parametrize.remove_parametrizations`"
    )


def _bias(call: Call, arguments: dict[str, Any]) -> Mapping[str, Owned]:
    """The bias, or the word that there is none."""
    bias = call.owned("bias")
    if bias is None:
        arguments["bias"] = False
        return {}
    return {"bias": bias}


@reads("aten.conv_transpose1d", "aten.conv_transpose2d", "aten.conv_transpose3d")
def conv_transpose(call: Call) -> Held:
    """A transposed convolution."""
    weight = call.owned("weight")
    if weight is None or not weight.key:
        raise Unsaid("its weight is computed from others while it runs")
    rank = weight.tensor.dim() - 2
    groups = whole(call["groups"])
    arguments: dict[str, Any] = {"out_channels": int(weight.tensor.shape[1]) * groups}
    arguments["kernel_size"] = short(list(weight.tensor.shape[2:]))
    for word, usual in (("stride", 1), ("padding", 0), ("output_padding", 0), ("dilation", 1)):
        _option(arguments, word, spread(call[word], rank), usual)
    _option(arguments, "groups", [groups], 1)
    weights = {"weight": weight, **_bias(call, arguments)}
    return plain(call.draw.one("conv_transpose", arguments, (image(call, rank),), weights), rank + 2)


def _option(arguments: dict[str, Any], word: str, values: Sequence[Any], usual: Any) -> None:
    """An argument, where it is not what the op takes by itself."""
    if set(values) != {usual}:
        arguments[word] = short(values)


@reads(*(f"aten.{kind}_pool{rank}d" for kind in ("max", "avg") for rank in (1, 2, 3)))
@reads(*(f"aten.max_pool{rank}d_with_indices" for rank in (1, 2, 3)))
def pool(call: Call) -> Any:
    """A pool, with the places it found where those are asked for."""
    rank = int(call.name.partition("_pool")[2][0])
    kind = "max_pool" if call.name.startswith("max") else "avg_pool"
    kernel = spread(call["kernel_size"], rank)
    stride = spread(call["stride"], rank) if call["stride"] else kernel
    arguments: dict[str, Any] = {"kernel_size": short(kernel)}
    if stride != kernel:
        arguments["stride"] = short(stride)
    _option(arguments, "padding", spread(call["padding"], rank), 0)
    if kind == "max_pool":
        _option(arguments, "dilation", spread(call["dilation"], rank), 1)
    elif not call["count_include_pad"] and any(spread(call["padding"], rank)):
        arguments["count_include_pad"] = False
    if call["ceil_mode"]:
        arguments["ceil_mode"] = True
    if (divisor := call.get("divisor_override")) is not None:
        arguments["divisor_override"] = divisor
    value = image(call, rank, "self")
    if call.name.endswith("indices") and call.reader.reads_second(call.node):
        arguments["return_indices"] = True
        made = call.draw.several(kind, arguments, (value,))
        call.reader.pooled[made[1]] = value
        return tuple(plain(one, rank + 2) for one in made)
    made = (call.draw.one(kind, arguments, (value,)),)
    found = plain(made[0], rank + 2)
    return (found, None) if call.name.endswith("indices") else found


@reads("aten.max_unpool2d", "aten.max_unpool3d")
def max_unpool(call: Call) -> Held:
    """Back to the places that a pool found, in the space that it pooled."""
    x, indices = call.held("self"), call.held("indices")
    like = call.reader.pooled.get(indices.value)
    wanted = [one if isinstance(one, int) else one.hint for one in call["output_size"]]
    if like is None or [call.draw.hint(one) for one in call.draw.type(like).sizes[2:]] != wanted:
        raise Unsaid("no pool of this module found its places in space of that size")
    return plain(call.draw.one("max_unpool", {}, (x.value, indices.value, like)), len(x.dims))


@reads(*(f"aten.adaptive_{kind}_pool{rank}d" for kind in ("max", "avg") for rank in (1, 2, 3)))
def adaptive_pool(call: Call) -> Any:
    """A pool to a size; over all of space `global_avg_pool` or its kin, where the axes of size 1 are dropped then."""
    rank = int(call.name.partition("_pool")[2][0])
    kind = "max" if "max" in call.name else "avg"
    value = image(call, rank, "self")
    wanted = spread(call["output_size"], rank)
    if set(wanted) == {1} and _drops_space(call.node):
        made = Held(call.draw.one(f"global_{kind}_pool", {}, (value,)), (0, 1, *(None,) * rank))
    else:
        made = plain(
            call.draw.one(f"adaptive_{kind}_pool", {"output_size": short(wanted)}, (value,)), rank + 2
        )
    if kind == "max":
        if call.reader.reads_second(call.node):
            raise Unsaid("the places that it found are used")
        return (made, None)
    return made


FORGETS = ("flatten", "view", "reshape", "squeeze")


def _drops_space(node: Node) -> bool:
    """Whether everything that reads the node drops axes of size 1."""
    passing = ("getitem", "dropout", "clone", "contiguous", "relu", "relu_", "dropout_")
    names = [
        (getattr(one.target, "_opname", None) or getattr(one.target, "__name__", ""), one)
        for one in node.users
    ]
    return bool(names) and all(
        name in FORGETS or (name in passing and _drops_space(one)) for name, one in names
    )


MODES = {"constant": "constant", "reflect": "reflect", "replicate": "replicate", "circular": "circular"}


@reads("aten.pad", "aten.constant_pad_nd")
def pad(call: Call) -> Held:
    """Places around; fewer than none takes places away, and as many as another value has is `pad_like`."""
    held = call.held("self")
    given = call["pad"]
    mode, value = MODES.get(call.get("mode", "constant"), ""), call.get("value")
    if not mode:
        raise Unsaid(f"its mode is `{call['mode']}`")
    if (like := _padded_like(call, held, given)) is not None:
        return like
    pads = [whole(one) for one in given]
    rank = len(pads) // 2
    if not any(pads):
        return held
    layer = call.layer
    alone = [getattr(user.target, "_opname", "")[:4] for user in call.users()] == ["conv"]
    if alone and isinstance(layer, (nn.Conv1d, nn.Conv2d, nn.Conv3d)) and layer.padding_mode != "zeros":
        call.reader.padded[call.node] = (held, pads, mode)
        return held
    if any(one < 0 for one in pads):
        raise Unsaid("it takes places away on some sides and adds some on others")
    x = call.draw.laid(held) if mode == "constant" else call.draw.image(held)
    names = call.draw.type(x).names
    pairs = {names[-1 - i]: (pads[2 * i], pads[2 * i + 1]) for i in reversed(range(rank))}
    arguments: dict[str, Any] = {
        axis: low if low == high else [low, high] for axis, (low, high) in pairs.items() if low or high
    }
    if rank == len(names) - 2 and len(set(pads)) == 1:
        arguments = {"padding": pads[0]}
        x = call.draw.image(held)
    if mode != "constant":
        arguments["mode"] = mode
    elif value:
        arguments["value"] = float(value)
    return plain(call.draw.one("pad", arguments, (x,)), len(held.dims))


def _padded_like(call: Call, held: Held, given: Sequence[Any]) -> Held | None:
    """`pad_like`, where what is added depends on a free size: as many as a value has more; None where it is not."""
    pads = [one.dim if isinstance(one, Size) else Dim.of(one) for one in given]
    space = len(held.dims) - 2
    if len(pads) != 2 * space or all(one.value is not None for one in pads):
        return None
    sides = [(pads[2 * i], pads[2 * i + 1]) for i in reversed(range(space))]
    own = call.draw.space(held)
    for like in call.reader.companions(call.node, len(held.dims)):
        more = [a - b for a, b in zip(call.draw.space(like), own, strict=True)]
        ends = sides == [(Dim.of(0), one) for one in more]
        if ends or sides == [(one // 2, one - one // 2) for one in more]:
            arguments = {} if ends else {"at": "center"}
            values = (call.draw.image(held), call.draw.image(like))
            return plain(call.draw.one("pad_like", arguments, values), len(held.dims))
    return None


_MODES = {
    "nearest": "nearest",
    "linear": "linear",
    "bilinear": "linear",
    "trilinear": "linear",
    "bicubic": "bicubic",
}


@reads(*(f"aten.upsample_nearest{rank}d" for rank in (1, 2, 3)))
@reads(*(f"aten._upsample_nearest_exact{rank}d" for rank in (1, 2, 3)))
@reads(
    "aten.upsample_linear1d",
    "aten.upsample_bilinear2d",
    "aten.upsample_trilinear3d",
    "aten.upsample_bicubic2d",
)
@reads("aten._upsample_bilinear2d_aa", "aten._upsample_bicubic2d_aa")
def resize(call: Call) -> Held:
    """Another size for space: by a factor, to a number, or to the size of another value."""
    held = call.held("input")
    rank = len(held.dims) - 2
    word = call.name.removeprefix("_").removeprefix("upsample_").removesuffix("_aa").rstrip("123d")
    arguments: dict[str, Any] = {}
    mode = "nearest_exact" if word == "nearest_exact" else _MODES[word]
    if mode != "nearest":
        arguments["mode"] = mode
    if call.get("align_corners"):
        arguments["align_corners"] = True
    if call.name.endswith("_aa"):
        arguments["antialias"] = True
    value = call.draw.image(held)
    sizes, factors = call.get("output_size"), call.get("scale_factors")
    if sizes:
        if (like := _sized_like(call, sizes, rank)) is not None:
            return plain(call.draw.one("resize_like", arguments, (value, call.draw.image(like))), rank + 2)
        arguments = {"size": short([whole(one) for one in sizes]), **arguments}
        return plain(call.draw.one("resize", arguments, (value,)), rank + 2)
    exact = [Fraction(one).limit_denominator(1000) for one in factors]
    for i, factor in enumerate(exact):
        size = call.draw.size(held, i + 2).dim
        if (
            factor.denominator > 1
            and decide(
                size * factor.numerator // factor.denominator * factor.denominator,
                "==",
                size * factor.numerator,
            )
            is not True
        ):
            raise Unsaid(
                f"a factor of {factors[i]:g} gives no whole size here, and PyTorch takes the factor for the ratio "
                "then; with `recompute_scale_factor=True` it takes the sizes, as netspec does"
            )
    numbers = [one.numerator if one.denominator == 1 else float(one) for one in exact]
    arguments = {"factor": short(numbers), **arguments}  # type: ignore[arg-type]  # factors may be broken numbers
    return plain(call.draw.one("resize", arguments, (value,)), rank + 2)


def _sized_like(call: Call, sizes: Sequence[Any], rank: int) -> Held | None:
    """The value whose space has the sizes: one that the result meets, or any where they depend on a free size."""
    wanted = tuple(one.dim if isinstance(one, Size) else Dim.of(one) for one in sizes)
    is_free = any(one.value is None for one in wanted)
    meets = {one for user in call.users() for one in user.all_input_nodes if one is not call.node}
    met = [found for one in meets if isinstance(found := call.reader.value(one), Held)]
    for like in call.reader.companions(call.node, rank + 2):
        if call.draw.space(like) == wanted and (is_free or like in met):
            return like
    return None
