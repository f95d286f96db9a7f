"""Convolutions and pools."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from netspec.ir.dim import Dim
from netspec.ir.facts import Facts
from netspec.ops.conv import Conv, ConvTranspose
from netspec.ops.lp import LpPool
from netspec.ops.pad import Pad
from netspec.ops.pool import AvgPool, GlobalAvgPool, GlobalMaxPool, MaxPool
from netspec.ops.slicing import Narrow
from netspec.ops.unpool import MaxUnpool
from tests.conformance.case import Array
from tests.conformance.onnx_nodes.node import Node
from tests.conformance.onnx_nodes.use import Unsaid, Use, image, number, use

SAME = ("SAME_UPPER", "SAME_LOWER")


def _conv(node: Node) -> Use:
    weight = node.given(1)
    kernel = weight.shape[2:]
    op = Conv(
        out_channels=weight.shape[0],
        kernel_size=kernel,
        stride=_list(node, "strides", len(kernel)),
        padding=_sides(node, kernel),
        dilation=_list(node, "dilations", len(kernel)),
        groups=node.attributes.get("group", 1),
        bias=node.input(2) is not None,
    )
    return use(op, image(node.given(0)), parameters=_weights(node))


def _conv_transpose(node: Node) -> Use:
    """What would be cut off one side alone is cut off afterwards; what is missing there is `output_padding`."""
    weight = node.given(1)
    kernel = weight.shape[2:]
    before, after, more = zip(*_ends(node, kernel), strict=True)
    even = before == after
    op = ConvTranspose(
        out_channels=weight.shape[1] * node.attributes.get("group", 1),
        kernel_size=kernel,
        stride=_list(node, "strides", len(kernel)),
        padding=before if even else 0,
        output_padding=more,
        dilation=_list(node, "dilations", len(kernel)),
        groups=node.attributes.get("group", 1),
        bias=node.input(2) is not None,
    )
    kind, x = image(node.given(0))
    cut = [] if even else list(zip(kind.names[2:], before, after, strict=True))
    then = [Narrow(axis=axis, start=low, stop=-high if high else None) for axis, low, high in cut]
    return use(op, (kind, x), parameters=_weights(node), then=then)


def _ends(node: Node, kernel: tuple[int, ...]) -> Iterator[tuple[int, int, int]]:
    """What is cut off before and after each axis of a transposed convolution, and what is added behind it."""
    count = len(kernel)
    stride, dilation = _list(node, "strides", count), _list(node, "dilations", count)
    more = _list(node, "output_padding", count, 0)
    pads = _list(node, "pads", 2 * count, 0)
    auto = node.attributes.get("auto_pad", "NOTSET")
    sizes = node.given(0).shape[2:]
    wanted = node.attributes.get("output_shape")
    if wanted is None and auto in SAME:
        wanted = tuple(size * step for size, step in zip(sizes, stride, strict=True))
    for i, size in enumerate(sizes):
        if wanted is None:
            yield pads[i], pads[count + i], more[i]
            continue
        total = stride[i] * (size - 1) + more[i] + dilation[i] * (kernel[i] - 1) + 1 - wanted[i]
        half = max(total, 0) // 2
        low = half if auto == "SAME_UPPER" else max(total, 0) - half
        yield low, max(total, 0) - low, more[i] + max(-total, 0)


def _weights(node: Node) -> dict[str, Array]:
    """The second input, and the third where there is one."""
    found = {"weight": node.given(1), "bias": node.input(2)}
    return {key: x.astype(np.float64) for key, x in found.items() if x is not None}


def _max_pool(node: Node) -> Use:
    """The places of the largest are a value of netspec where no two windows overlap."""
    kernel = node.attributes["kernel_shape"]
    stride = _list(node, "strides", len(kernel))
    by_rows = not node.attributes.get("storage_order", 0) and node.given(0).shape[:2] == (1, 1)
    placed = len(node.outputs) > 1 and stride == kernel and by_rows
    op = MaxPool(
        kernel_size=kernel,
        stride=stride,
        padding=_padding(node, kernel),
        dilation=_list(node, "dilations", len(kernel)),
        ceil_mode=bool(node.attributes.get("ceil_mode", 0)),
        return_indices=placed,
    )
    return use(op, image(node.given(0)), outputs=(0, 1) if placed else (0,))


def _max_unpool(node: Node) -> Use:
    """ONNX counts places through samples and channels too, of which its cases have one, and in what was pooled."""
    where, expected = node.given(1), node.outputs[0]
    assert expected is not None
    if expected.shape[:2] != (1, 1):
        raise Unsaid("places counted through samples and channels")
    sizes = tuple(map(Dim.of, expected.shape[2:]))
    kernel = node.attributes["kernel_shape"]
    steps = zip(where.shape[2:], _list(node, "strides", len(kernel)), kernel, strict=True)
    counted_in = tuple((size - 1) * stride + window for size, stride, window in steps)
    moved = np.ravel_multi_index(np.unravel_index(where, counted_in), expected.shape[2:])
    kind, places = image(moved.astype(np.int64))
    counted = kind.with_facts(Facts(low=0, high=float(expected.size - 1), places=sizes))
    like = image(np.zeros(expected.shape, np.float32))
    return use(MaxUnpool(), image(node.given(0)), (counted, places), like)


def _lp_pool(node: Node) -> Use:
    """Zeros around add nothing to a norm, so they are added before."""
    kernel = node.attributes["kernel_shape"]
    if set(_list(node, "dilations", len(kernel))) != {1}:
        raise Unsaid("a norm over places that are apart")
    pool = LpPool(
        kernel_size=kernel,
        norm_type=number(node, "p", 2.0),
        stride=_list(node, "strides", len(kernel)),
        ceil_mode=bool(node.attributes.get("ceil_mode", 0)),
    )
    kind, x = image(node.given(0))
    sides = {
        axis: list(pair) for axis, pair in zip(kind.names[2:], _sides(node, kernel), strict=True) if any(pair)
    }
    if not sides:
        return use(pool, (kind, x))
    return use(Pad.model_validate(sides), (kind, x), then=[pool])


def _avg_pool(node: Node) -> Use:
    kernel = node.attributes["kernel_shape"]
    if set(_list(node, "dilations", len(kernel))) != {1}:
        raise Unsaid("a mean over places that are apart")
    op = AvgPool(
        kernel_size=kernel,
        stride=_list(node, "strides", len(kernel)),
        padding=_padding(node, kernel),
        ceil_mode=bool(node.attributes.get("ceil_mode", 0)),
        count_include_pad=bool(node.attributes.get("count_include_pad", 0)),
    )
    return use(op, image(node.given(0)))


def _global(op: GlobalAvgPool | GlobalMaxPool) -> Callable[[Node], Use]:
    """A pool over all of space, whose axes ONNX keeps with one place each."""

    def said(node: Node) -> Use:
        ones = (1,) * (node.given(0).ndim - 2)
        return use(op, image(node.given(0)), back=lambda y: y.reshape(*y.shape, *ones))

    return said


def _list(node: Node, attribute: str, count: int, default: int = 1) -> tuple[int, ...]:
    """An attribute with one number for each axis of space."""
    found: tuple[int, ...] = node.attributes.get(attribute, (default,) * count)
    return found


def _padding(node: Node, kernel: tuple[int, ...]) -> tuple[int, ...]:
    """As many places on both sides of each axis, as a pool has them; Unsaid where the sides differ."""
    sides = _sides(node, kernel)
    if any(low != high for low, high in sides):
        raise Unsaid("more padding on one side than on the other")
    return tuple(low for low, _ in sides)


def _sides(node: Node, kernel: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    """Places before and after each axis. `auto_pad` adds as many as keep the size, rounded up by the stride."""
    count = len(kernel)
    auto = node.attributes.get("auto_pad", "NOTSET")
    if auto not in SAME:
        pads = _list(node, "pads", 2 * count, 0)
        return tuple(zip(pads[:count], pads[count:], strict=True))
    stride, dilation = _list(node, "strides", count), _list(node, "dilations", count)
    sides = []
    for i, size in enumerate(node.given(0).shape[2:]):
        extent = dilation[i] * (kernel[i] - 1) + 1
        total = max((-(-size // stride[i]) - 1) * stride[i] + extent - size, 0)
        less, rest = total // 2, total - total // 2
        sides.append((less, rest) if auto == "SAME_UPPER" else (rest, less))
    return tuple(sides)


TABLE: dict[str, Callable[[Node], Use]] = {
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "MaxPool": _max_pool,
    "MaxUnpool": _max_unpool,
    "LpPool": _lp_pool,
    "AveragePool": _avg_pool,
    "GlobalAveragePool": _global(GlobalAvgPool()),
    "GlobalMaxPool": _global(GlobalMaxPool()),
}
