"""Convolutions and pools."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from netspec.recover.draft import Unsaid
from netspec_onnx.file import Node
from netspec_onnx.reader import Laid, Reader, Rule, floats

Sides = tuple[tuple[int, int], ...]

SAME = ("SAME_UPPER", "SAME_LOWER")

LEAST = -3.4028234663852886e38
"""The least float32, which no number of a window is below."""


def plain(values: Sequence[int]) -> int | list[int]:
    """One number where all are equal, as a person writes it."""
    return values[0] if len(set(values)) == 1 else list(values)


def _conv(r: Reader, node: Node) -> Sequence[str]:
    weight = r.numbers(node, 1)
    x = r.image(node.input(0))
    if weight.ndim != r.rank(node.input(0)):
        raise Unsaid(f"a filter of {weight.ndim - 2} axes of space over {r.rank(node.input(0)) - 2}")
    kernel = weight.shape[2:]
    bias = r.array(node, 2)
    arguments: dict[str, object] = {"out_channels": int(weight.shape[0]), "kernel_size": plain(kernel)}
    _put(arguments, "stride", of(node, "strides", len(kernel)), 1)
    arguments |= _padded(sides(r, node, kernel))
    _put(arguments, "dilation", of(node, "dilations", len(kernel)), 1)
    _put(arguments, "groups", (node.attributes.get("group", 1),), 1)
    keys = [node.input(1)]
    weights = {"weight": weight}
    if bias is None or not (np.any(bias) or r.words.learned(node.input(2))):
        arguments["bias"] = False  # some exporters write zeros where there is none
    else:
        weights["bias"] = floats(bias)
        keys.append(node.input(2))
    return r.draw(node, "conv", arguments, (x,), weights=weights, keys=keys)


def _padded(found: Sides) -> dict[str, object]:
    """The padding of a convolution: a number, one for each axis, or a pair for each."""
    if all(low == high for low, high in found):
        lows = [low for low, _ in found]
        return {} if not any(lows) else {"padding": plain(lows)}
    return {"padding": [list(pair) for pair in found]}


def _conv_transpose(r: Reader, node: Node) -> Sequence[str]:
    """What is cut off one side alone is cut off afterwards."""
    weight, x = r.numbers(node, 1), r.image(node.input(0))
    kernel = weight.shape[2:]
    count = len(kernel)
    if node.attributes.get("output_shape") is not None or node.attributes.get("auto_pad", "NOTSET") in SAME:
        raise Unsaid("`output_shape` and `auto_pad` of a transposed convolution")
    pads, more = of(node, "pads", 2 * count, 0), of(node, "output_padding", count, 0)
    before, after = pads[:count], pads[count:]
    groups = node.attributes.get("group", 1)
    bias = r.array(node, 2)
    arguments: dict[str, object] = {
        "out_channels": int(weight.shape[1]) * groups,
        "kernel_size": plain(kernel),
    }
    _put(arguments, "stride", of(node, "strides", count), 1)
    if before == after:
        _put(arguments, "padding", before, 0)
    _put(arguments, "output_padding", more, 0)
    _put(arguments, "dilation", of(node, "dilations", count), 1)
    _put(arguments, "groups", (groups,), 1)
    weights = {"weight": weight}
    if bias is None:
        arguments["bias"] = False
    else:
        weights["bias"] = floats(bias)
    keys = [node.input(1), *([node.input(2)] if bias is not None else [])]
    (value,) = r.draw(node, "conv_transpose", arguments, (x,), weights=weights, keys=keys)
    if before != after:
        axes = r.draft.type(value).names[2:]
        for axis, low, high in zip(axes, before, after, strict=True):
            cut = {"axis": axis, **({"start": low} if low else {}), **({"stop": -high} if high else {})}
            if low or high:
                (value,) = r.draw(node, "narrow", cut, (value,))
    return (value,)


def _max_pool(r: Reader, node: Node) -> Sequence[str]:
    if len(node.outputs) > 1 and r.uses.get(node.outputs[1]):
        raise Unsaid("the places of the largest, counted through samples and channels")
    kernel = tuple(node.attributes["kernel_shape"])
    x = r.image(node.input(0))
    arguments = _pooled(node, kernel)
    found = sides(r, node, kernel)
    if all(low == high for low, high in found):
        _put(arguments, "padding", [low for low, _ in found], 0)
    else:
        value = 0.0 if r.draft.type(x).facts.low >= 0 else LEAST
        x = _pad(r, node, x, found, value)
    _put(arguments, "dilation", of(node, "dilations", len(kernel)), 1)
    if node.attributes.get("ceil_mode", 0):
        arguments["ceil_mode"] = True
    return r.draw(node, "max_pool", arguments, (x,))


def _avg_pool(r: Reader, node: Node) -> Sequence[str]:
    kernel = tuple(node.attributes["kernel_shape"])
    if set(of(node, "dilations", len(kernel))) != {1}:
        raise Unsaid("a mean over places that are apart")
    x = r.image(node.input(0))
    arguments = _pooled(node, kernel)
    found = sides(r, node, kernel)
    counted = bool(node.attributes.get("count_include_pad", 0))
    if all(low == high for low, high in found):
        _put(arguments, "padding", [low for low, _ in found], 0)
        if not counted and any(low for low, _ in found):
            arguments["count_include_pad"] = False
    elif counted:
        x = _pad(r, node, x, found, 0.0)
    else:
        raise Unsaid("a mean with more padding on one side than on the other, which does not count")
    if node.attributes.get("ceil_mode", 0):
        arguments["ceil_mode"] = True
    return r.draw(node, "avg_pool", arguments, (x,))


def _lp_pool(r: Reader, node: Node) -> Sequence[str]:
    kernel = tuple(node.attributes["kernel_shape"])
    if set(of(node, "dilations", len(kernel))) != {1}:
        raise Unsaid("a norm over places that are apart")
    x = _pad(r, node, r.image(node.input(0)), sides(r, node, kernel), 0.0)
    arguments = _pooled(node, kernel)
    if node.attributes.get("p", 2) != 2:
        arguments["norm_type"] = float(node.attributes["p"])
    if node.attributes.get("ceil_mode", 0):
        arguments["ceil_mode"] = True
    return r.draw(node, "lp_pool", arguments, (x,))


def _pad(r: Reader, node: Node, x: str, found: Sides, value: float) -> str:
    """Places around a pool that has them on one side."""
    axes = r.draft.type(x).names[2:]
    by_axis = {axis: list(pair) for axis, pair in zip(axes, found, strict=True) if any(pair)}
    if not by_axis:
        return x
    arguments = {**by_axis, **({"value": value} if value else {})}
    return r.draw(node, "pad", arguments, (x,), name="")[0]


def _global(op: str, adaptive: str) -> Rule:
    """A pool over all of space, whose axes ONNX keeps with one place each."""

    def said(r: Reader, node: Node) -> Sequence[Laid]:
        return (over_space(r, node, op, adaptive),)

    return said


def over_space(r: Reader, node: Node, op: str, adaptive: str) -> Laid:
    """The pool, and the word for it where its axes are wanted."""
    x = r.image(node.input(0))
    kind = r.draft.type(x)
    (value,) = r.draw(node, op, {}, (x,))
    ones = tuple(range(2, kind.rank))

    def back() -> str:
        return r.draw(node, adaptive, {"output_size": 1}, (x,))[0]

    return Laid(value, ones, kind.names[2:], back if adaptive else None)


def of(node: Node, attribute: str, count: int, default: int = 1) -> tuple[int, ...]:
    """An attribute with one number for each axis of space; Unsaid where it has another number of them."""
    found = tuple(node.attributes.get(attribute) or (default,) * count)
    if len(found) != count:
        raise Unsaid(f"`{attribute}` has {len(found)} numbers, and {count} are wanted")
    return found


def _pooled(node: Node, kernel: tuple[int, ...]) -> dict[str, object]:
    """The window of a pool, and its stride where that is not the window."""
    stride = of(node, "strides", len(kernel))
    step = {} if stride == kernel else {"stride": plain(stride)}
    return {"kernel_size": plain(kernel), **step}


def _put(arguments: dict[str, object], name: str, values: Sequence[int], default: int) -> None:
    """An argument that is written where it differs from the default."""
    if any(one != default for one in values):
        arguments[name] = plain([int(one) for one in values])


def sides(r: Reader, node: Node, kernel: Sequence[int]) -> Sides:
    """Places before and after each axis. `auto_pad` adds as many as keep the size, rounded up by the stride."""
    count = len(kernel)
    auto = node.attributes.get("auto_pad", "NOTSET")
    if auto not in SAME:
        pads = of(node, "pads", 2 * count, 0)
        return tuple(zip(pads[:count], pads[count:], strict=True))
    stride, dilation = of(node, "strides", count), of(node, "dilations", count)
    found = []
    for i, size in enumerate(r.shape(node.input(0))[2:]):
        extent = dilation[i] * (kernel[i] - 1) + 1
        if size.value is None and stride[i] != 1:
            raise Unsaid(f"`auto_pad` with a stride of {stride[i]} over a free size")
        number = size.value or 1
        total = max((-(-number // stride[i]) - 1) * stride[i] + extent - number, 0)
        if stride[i] == 1:
            total = extent - 1
        less, rest = total // 2, total - total // 2
        found.append((less, rest) if auto == "SAME_UPPER" else (rest, less))
    return tuple(found)


TABLE: dict[str, Rule] = {
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "MaxPool": _max_pool,
    "AveragePool": _avg_pool,
    "LpPool": _lp_pool,
    "GlobalAveragePool": _global("global_avg_pool", "adaptive_avg_pool"),
    "GlobalMaxPool": _global("global_max_pool", "adaptive_max_pool"),
}
