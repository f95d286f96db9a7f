"""Normalisation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from netspec.ops.norm import BatchNorm
from tests.conformance.onnx_nodes.node import Node
from tests.conformance.onnx_nodes.use import Unsaid, Use, image, number, use


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


TABLE: dict[str, Callable[[Node], Use]] = {"BatchNormalization": _batch_norm}
