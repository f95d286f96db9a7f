"""Products of matrices: with constant weights they are linear layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from netspec.recover.draft import Unsaid
from netspec_onnx.file import Node
from netspec_onnx.reader import Reader, Rule


def _gemm(r: Reader, node: Node) -> Sequence[str]:
    """A row of each sample times weights, which bring their factors with them."""
    if node.attributes.get("transA", 0):
        raise Unsaid("samples are transposed")
    weight = r.numbers(node, 1)
    weight = weight if node.attributes.get("transB", 0) else weight.T
    if node.attributes.get("alpha", 1.0) != 1.0:
        weight = weight * np.float32(node.attributes["alpha"])
    bias = r.array(node, 2)
    if bias is not None:
        bias = r.numbers(node, 2) * np.float32(node.attributes.get("beta", 1.0))
        if bias.size not in {1, weight.shape[0]} or (bias.ndim > 1 and bias.shape[0] != 1):
            raise Unsaid("another bias for each sample")
        bias = np.broadcast_to(bias.reshape(-1), weight.shape[:1]).copy()
    return linear(r, node, node.input(0), weight, bias, [one for one in node.inputs[1:] if one])


def linear(r: Reader, node: Node, name: str, weight: Any, bias: Any, keys: Sequence[str]) -> Sequence[str]:
    """A linear layer on the last axis."""
    laid = r.at(name)
    x = laid.value if r.draft.type(laid.value).rank == 2 and len(r.shape(name)) == 2 else r.full(laid)
    arguments: dict[str, object] = {"out_features": int(weight.shape[0])}
    weights = {"weight": np.ascontiguousarray(weight)}
    if bias is None:
        arguments["bias"] = False
    else:
        weights["bias"] = bias
    return r.draw(node, "linear", arguments, (x,), weights=weights, keys=keys)


def _matmul(r: Reader, node: Node) -> Sequence[str]:
    """Times a constant matrix it is a linear layer, to which the `Add` behind it brings a bias."""
    if node.input(1) in r.arrays and r.arrays[node.input(1)].ndim == 2:
        return linear(r, node, node.input(0), r.numbers(node, 1).T, None, [node.input(1)])
    x, y = r.value(node.input(0)), r.value(node.input(1))
    a, b = r.draft.type(x), r.draft.type(y)
    if a.rank != b.rank:
        raise Unsaid(f"matrices of {a.rank} and of {b.rank} axes meet")
    broadcast = {"broadcast": True} if a.sizes[:-2] != b.sizes[:-2] else {}
    return r.draw(node, "matmul", broadcast, (x, y))


TABLE: dict[str, Rule] = {"Gemm": _gemm, "MatMul": _matmul}
