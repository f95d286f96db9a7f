"""Normalisation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from netspec.ops.axis_norm import LayerNorm
from netspec.ops.norm import BatchNorm
from tests.conformance.onnx_nodes.node import Node
from tests.conformance.onnx_nodes.use import Unsaid, Use, dropped, image, lifted, named, number, typed, use


def _batch_norm(node: Node) -> Use:
    """ONNX moves the running variance by that of the batch divided by n, PyTorch by that divided by n - 1."""
    if node.attributes.get("training_mode", 0):
        raise Unsaid("the running variance is another one")
    scale, shift, mean, var = (node.given(i).astype(np.float64) for i in (1, 2, 3, 4))
    return use(
        BatchNorm(eps=number(node, "epsilon", 1e-5)),
        image(node.given(0)),
        parameters={"weight": scale, "bias": shift},
        state={"running_mean": mean, "running_var": var, "num_batches_tracked": np.array(0)},
    )


def _layer_norm(node: Node) -> Use:
    """All axes from one on, measured together. A shift that ONNX leaves out is a shift by nothing."""
    x = node.given(0)
    axis = node.attributes.get("axis", -1) % x.ndim
    if axis == 0:
        kind, array = lifted(x)
    else:
        kind, array = typed(("batch", *named(range(1, x.ndim))), x)
    axes = kind.names[axis or 1 :]
    shift = node.input(2)
    parameters = {"weight": node.given(1), "bias": shift}
    return use(
        LayerNorm(axis=axes, eps=number(node, "epsilon", 1e-5), bias=shift is not None),
        (kind, array),
        parameters={key: one.astype(np.float64) for key, one in parameters.items() if one is not None},
        back=dropped if axis == 0 else lambda y: y,
    )


TABLE: dict[str, Callable[[Node], Use]] = {
    "BatchNormalization": _batch_norm,
    "LayerNormalization": _layer_norm,
}
