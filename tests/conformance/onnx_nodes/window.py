"""Convolutions and pools."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from netspec.ops.conv import Conv, ConvTranspose
from netspec.ops.pool import AvgPool, GlobalAvgPool, GlobalMaxPool, MaxPool
from tests.conformance.case import Array
from tests.conformance.onnx_nodes.node import Node
from tests.conformance.onnx_nodes.use import Unsaid, Use, image, use

Same = Literal["same", "valid"]


def _conv(node: Node) -> Use:
    weight = node.given(1)
    kernel = weight.shape[2:]
    op = Conv(
        out_channels=weight.shape[0],
        kernel_size=kernel,
        stride=_list(node, "strides", len(kernel)),
        padding=_conv_padding(node, len(kernel)),
        dilation=_list(node, "dilations", len(kernel)),
        groups=node.attributes.get("group", 1),
        bias=node.input(2) is not None,
    )
    return use(op, image(node.given(0)), parameters=_weights(node))


def _conv_transpose(node: Node) -> Use:
    weight = node.given(1)
    kernel = weight.shape[2:]
    if "output_shape" in node.attributes:
        raise Unsaid("`output_shape` pads one side by more than the other")
    op = ConvTranspose(
        out_channels=weight.shape[1] * node.attributes.get("group", 1),
        kernel_size=kernel,
        stride=_list(node, "strides", len(kernel)),
        padding=_padding(node, len(kernel)),
        output_padding=_list(node, "output_padding", len(kernel), 0),
        dilation=_list(node, "dilations", len(kernel)),
        groups=node.attributes.get("group", 1),
        bias=node.input(2) is not None,
    )
    return use(op, image(node.given(0)), parameters=_weights(node))


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
        padding=_padding(node, len(kernel)),
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
        padding=_padding(node, len(kernel)),
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


def _padding(node: Node, count: int) -> tuple[int, ...]:
    """As many places on both sides of each axis; Unsaid where the sides differ, or the size says how many."""
    auto = node.attributes.get("auto_pad", "NOTSET")
    if auto not in ("NOTSET", "VALID"):
        raise Unsaid(f"`auto_pad` {auto} takes the padding from the size of the input")
    pads = _list(node, "pads", 2 * count, 0)
    if pads[:count] != pads[count:]:
        raise Unsaid("more padding on one side than on the other")
    return pads[:count]


def _conv_padding(node: Node, count: int) -> tuple[int, ...] | Same:
    """`same` is one way of `auto_pad`, where nothing is skipped."""
    still = set(_list(node, "strides", count)) == {1}
    if node.attributes.get("auto_pad") == "SAME_UPPER" and still:
        return "same"
    return _padding(node, count)


TABLE: dict[str, Callable[[Node], Use]] = {
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "MaxPool": _max_pool,
    "AveragePool": _avg_pool,
    "GlobalAveragePool": _global(GlobalAvgPool()),
    "GlobalMaxPool": _global(GlobalMaxPool()),
}
