"""Norms folded into the layers before them, where a model only predicts: what is multiplied twice is multiplied once.

In evaluation a batch norm multiplies and shifts each channel by numbers that no longer change. A convolution, its
transpose or a linear layer right before it can do that in its own weights. The training graph stays as it is; this is
another graph, with other weights.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from netspec.ir.folding import Fold, Inference
from netspec.ir.graph import Graph, GraphParameter, Node, Ref
from netspec.ops.conv import Conv, ConvTranspose
from netspec.ops.linear import Linear
from netspec.ops.norm import BatchNorm
from netspec.passes.simplify import simplify


def fold(graph: Graph) -> Inference:
    """The graph as it predicts, its norms folded where that gives the same numbers, and what is to be done to weights.

    A norm stays where its layer is read by others too or shares its weights, where it takes the batch's own statistics,
    and behind a layer whose weights are standardised. Of the entries only `predict` is kept, and no layer that is idle.
    """
    graph = simplify(graph)
    nodes = list(graph.nodes)
    entry = graph.entry("predict")
    readers = Counter(ref for node in nodes for ref in node.inputs)
    readers.update(entry.values())
    owners = Counter(key for node in nodes for key in node.parameters.values())
    folds: dict[str, Fold] = {}
    merged: dict[str, Node] = {}
    for norm in nodes:
        layer = graph.node(norm.inputs[0].path) if norm.inputs else None
        if layer is not None and _folds(norm, layer, readers, owners):
            folds[norm.path], merged[layer.path] = _fold(norm, layer), norm
    return Inference(_graph(graph, nodes, folds, merged), tuple(folds.values()))


def _folds(norm: Node, layer: Node, readers: Counter[Ref], owners: Counter[str]) -> bool:
    """Whether a norm can go into the layer that it reads."""
    if not isinstance(norm.op, BatchNorm) or not norm.op.track_running_stats:
        return False
    if readers[Ref(layer.path)] != 1 or any(owners[key] != 1 for key in layer.parameters.values()):
        return False
    if isinstance(layer.op, Conv):
        return not layer.op.weight_standardisation
    if isinstance(layer.op, Linear):
        return layer.types[0].rank == 2  # else the norm's channels are not what the layer makes
    return isinstance(layer.op, ConvTranspose)


def _fold(norm: Node, layer: Node) -> Fold:
    assert isinstance(norm.op, BatchNorm)
    transposed = isinstance(layer.op, ConvTranspose)
    weight = layer.parameters["weight"]
    return Fold(
        weight,
        layer.parameters.get("bias", f"{weight.removesuffix('weight')}bias"),
        "bias" in layer.parameters,
        norm.state["running_mean"],
        norm.state["running_var"],
        norm.parameters.get("weight"),
        norm.parameters.get("bias"),
        norm.op.eps,
        axis=1 if transposed else 0,
        groups=layer.op.groups if isinstance(layer.op, ConvTranspose) else 1,
    )


def _graph(graph: Graph, nodes: list[Node], folds: dict[str, Fold], merged: dict[str, Node]) -> Graph:
    """The nodes without the norms that were folded, and the tables of what is left."""
    instead = {Ref(norm.path): Ref(path) for path, norm in merged.items()}
    kept = [
        replace(
            _biased(node, merged.get(node.path), folds),
            inputs=tuple(instead.get(ref, ref) for ref in node.inputs),
        )
        for node in nodes
        if node.path not in folds
    ]
    parameters = dict(graph.parameters)
    for path, norm in merged.items():
        one = folds[norm.path]
        if not one.had_bias:
            layer = graph.node(path)
            assert layer is not None
            count = int(layer.types[0].axes[1].size)
            parameters[one.bias] = GraphParameter(one.bias, (count,), graph.parameters[one.weight].trainable)
    used = {key for node in kept for key in (*node.parameters.values(), *node.state.values())}
    return Graph(
        graph.inputs,
        nodes=tuple(kept),
        parameters={key: row for key, row in parameters.items() if key in used},
        state={key: row for key, row in graph.state.items() if key in used},
        entries={"predict": {key: instead.get(ref, ref) for key, ref in graph.entry("predict").items()}},
    )


def _biased(node: Node, norm: Node | None, folds: dict[str, Fold]) -> Node:
    """A layer that took a norm over: with a bias, and what was known of the norm's values."""
    if norm is None:
        return node
    assert isinstance(node.op, Conv | ConvTranspose | Linear)
    op = node.op.model_copy(update={"bias": True})
    parameters = {**node.parameters, "bias": folds[norm.path].bias}
    return replace(node, op=op, types=norm.types, parameters=parameters, names=norm.names or node.names)
