"""Convolutions and pools."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from netspec.ops.conv import Conv, ConvTranspose
from netspec.ops.pool import AvgPool, GlobalAvgPool, GlobalMaxPool, MaxPool
from netspec.ops.slicing import Narrow
from tests.conformance.case import Array
from tests.conformance.onnx_nodes.node import Node
from tests.conformance.onnx_nodes.use import Unsaid, Use, image, use

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
    """The places of the largest numbers, where a case asks for them too, are no value of netspec."""
    kernel = node.attributes["kernel_shape"]
    op = MaxPool(
        kernel_size=kernel,
        stride=_list(node, "strides", len(kernel)),
        padding=_padding(node, kernel),
        dilation=_list(node, "dilations", len(kernel)),
        ceil_mode=bool(node.attributes.get("ceil_mode", 0)),
    )
    return use(op, image(node.given(0)))


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
    "AveragePool": _avg_pool,
    "GlobalAveragePool": _global(GlobalAvgPool()),
    "GlobalMaxPool": _global(GlobalMaxPool()),
}
