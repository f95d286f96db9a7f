"""Normalisation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from netspec.ir.op import Op
from netspec.ops.axis_norm import LayerNorm, RmsNorm
from netspec.ops.norm import BatchNorm, GroupNorm, InstanceNorm
from netspec.ops.response import LocalResponseNorm
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


def _rms_norm(node: Node) -> Use:
    """As a layer norm, without a mean and without a shift."""
    x = node.given(0)
    axis = node.attributes.get("axis", -1) % x.ndim
    kind, array = lifted(x) if axis == 0 else typed(("batch", *named(range(1, x.ndim))), x)
    return use(
        RmsNorm(axis=kind.names[axis or 1 :], eps=number(node, "epsilon", 1e-5)),
        (kind, array),
        parameters={"weight": node.given(1).astype(np.float64)},
        back=dropped if axis == 0 else lambda y: y,
    )


def _of_channels(make: Callable[[Node], Op]) -> Callable[[Node], Use]:
    """A norm of each sample, with a scale and a shift of each channel."""

    def said(node: Node) -> Use:
        parameters = {key: node.given(i).astype(np.float64) for i, key in ((1, "weight"), (2, "bias"))}
        return use(make(node), image(node.given(0)), parameters=parameters)

    return said


def _local_response(node: Node) -> Use:
    op = LocalResponseNorm(
        size=node.attributes["size"],
        alpha=number(node, "alpha", 1e-4),
        beta=number(node, "beta", 0.75),
        k=number(node, "bias", 1.0),
    )
    return use(op, image(node.given(0)))


def _mean_variance(node: Node) -> Use:
    """Over the batch and space: a batch norm that remembers nothing. ONNX adds 1e-9 to the root."""
    if tuple(node.attributes.get("axes", (0, 2, 3))) != (0, 2, 3):
        raise Unsaid("other axes than the batch and space")
    op = BatchNorm(eps=1e-18, affine=False, track_running_stats=False)
    return use(op, image(node.given(0)))


TABLE: dict[str, Callable[[Node], Use]] = {
    "BatchNormalization": _batch_norm,
    "LayerNormalization": _layer_norm,
    "RMSNormalization": _rms_norm,
    "LRN": _local_response,
    "MeanVarianceNormalization": _mean_variance,
    "InstanceNormalization": _of_channels(
        lambda node: InstanceNorm(eps=number(node, "epsilon", 1e-5), affine=True)
    ),
    "GroupNormalization": _of_channels(
        lambda node: GroupNorm(num_groups=node.attributes["num_groups"], eps=number(node, "epsilon", 1e-5))
    ),
}
