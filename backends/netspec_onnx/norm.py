"""Normalisation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netspec.recover.draft import Unsaid
from netspec_onnx.file import Node
from netspec_onnx.reader import Reader, Rule, floats

Array = NDArray[Any]


def _batch_norm(r: Reader, node: Node) -> Sequence[str]:
    """The momentum of ONNX is what is kept, that of PyTorch what is taken over."""
    if node.attributes.get("training_mode", 0):
        raise Unsaid("a network in training")
    if not node.attributes.get("spatial", 1):
        raise Unsaid("a norm of every place by itself")
    scale, shift, mean, variance = (r.numbers(node, i) for i in (1, 2, 3, 4))
    arguments: dict[str, object] = {}
    eps, momentum = float(node.attributes.get("epsilon", 1e-5)), float(node.attributes.get("momentum", 0.9))
    if eps != 1e-5:
        arguments["eps"] = eps
    if not np.isclose(momentum, 0.9):
        arguments["momentum"] = round(1 - momentum, 6)
    weights = {"weight": scale, "bias": shift, "running_mean": mean, "running_var": variance}
    x = r.image(node.input(0))
    return r.draw(node, "batch_norm", arguments, (x,), weights=weights, keys=node.inputs[1:])


def _layer_norm(r: Reader, node: Node) -> Sequence[str]:
    """All axes from one on, measured together."""
    x = r.value(node.input(0))
    kind = r.draft.type(x)
    first = node.attributes.get("axis", -1) % kind.rank
    return _of_axes(r, node, "layer_norm", x, kind.names[first:], shift=True)


def _rms_norm(r: Reader, node: Node) -> Sequence[str]:
    """As a layer norm, without a mean and without a shift."""
    x = r.value(node.input(0))
    kind = r.draft.type(x)
    first = node.attributes.get("axis", -1) % kind.rank
    return _of_axes(r, node, "rms_norm", x, kind.names[first:], shift=False)


def _of_axes(r: Reader, node: Node, op: str, x: str, names: Sequence[str], *, shift: bool) -> Sequence[str]:
    """A norm over named axes, with a weight for each place along them."""
    kind = r.draft.type(x)
    shape = tuple(kind.size(name).value or 0 for name in names)
    weight = r.numbers(node, 1)
    if int(np.prod(weight.shape)) not in {1, int(np.prod(shape))}:
        raise Unsaid("weights for other places than those that are measured")
    weights = {"weight": np.broadcast_to(weight.reshape(weight.shape or (1,)), shape).copy()}
    arguments: dict[str, object] = {"axis": names[0] if len(names) == 1 else list(names)}
    if kind.rank == 2 and len(names) == 1:
        arguments = {}
    arguments["eps"] = float(node.attributes.get("epsilon", 1e-5))
    bias = r.array(node, 2) if shift else None
    if bias is not None:
        weights["bias"] = np.broadcast_to(floats(bias), shape).copy()
    elif shift:
        arguments["bias"] = False
    return r.draw(node, op, arguments, (x,), weights=weights, keys=node.inputs[1:])


def _instance_norm(r: Reader, node: Node) -> Sequence[str]:
    weights = {"weight": r.numbers(node, 1), "bias": r.numbers(node, 2)}
    arguments: dict[str, object] = {"eps": float(node.attributes.get("epsilon", 1e-5))}
    plain = bool((weights["weight"] == 1).all() and not weights["bias"].any())
    if not plain:
        arguments["affine"] = True
    x = r.image(node.input(0))
    return r.draw(
        node, "instance_norm", arguments, (x,), weights={} if plain else weights, keys=node.inputs[1:]
    )


def _group_norm(r: Reader, node: Node) -> Sequence[str]:
    """A weight for each channel; files of opset 18 have one for each group, which is another norm."""
    x = r.value(node.input(0))
    weight, bias = r.numbers(node, 1), r.numbers(node, 2)
    channels = r.draft.type(x).sizes[1].value
    groups = int(node.attributes["num_groups"])
    if weight.size == groups and groups != channels:
        weight, bias = (np.repeat(one, (channels or groups) // groups) for one in (weight, bias))
    arguments = {"num_groups": groups, "eps": float(node.attributes.get("epsilon", 1e-5))}
    return r.draw(
        node, "group_norm", arguments, (x,), weights={"weight": weight, "bias": bias}, keys=node.inputs[1:]
    )


def _local_response(r: Reader, node: Node) -> Sequence[str]:
    arguments = {
        "size": int(node.attributes["size"]),
        "alpha": float(node.attributes.get("alpha", 1e-4)),
        "beta": float(node.attributes.get("beta", 0.75)),
        "k": float(node.attributes.get("bias", 1.0)),
    }
    return r.draw(node, "local_response_norm", arguments, (r.value(node.input(0)),))


TABLE: dict[str, Rule] = {
    "BatchNormalization": _batch_norm,
    "LayerNormalization": _layer_norm,
    "RMSNormalization": _rms_norm,
    "InstanceNormalization": _instance_norm,
    "GroupNormalization": _group_norm,
    "LRN": _local_response,
}
