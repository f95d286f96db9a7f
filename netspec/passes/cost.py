"""What a graph costs: parameters and multiply-accumulates of each node, and their totals."""

from __future__ import annotations

from dataclasses import dataclass

from netspec.ir.dim import Dim
from netspec.ir.graph import Graph, Node


@dataclass(frozen=True)
class Row:
    """One node: how many parameters it is the first to use, and the multiply-accumulates of one sample."""

    node: Node
    parameters: int
    trainable: int
    macs: Dim


@dataclass(frozen=True)
class Cost:
    """All nodes of the `predict` entry in order, and the totals."""

    rows: tuple[Row, ...]
    parameters: int
    trainable: int
    macs: Dim


def cost(graph: Graph) -> Cost:
    """Count what prediction and what only the loss needs of layers; shared parameters count once."""
    rows: list[Row] = []
    seen: set[str] = set()
    for node in graph.walk("predict", "train"):
        own = [graph.parameters[key] for key in node.parameters.values() if key not in seen]
        seen.update(node.parameters.values())
        types = tuple(graph.type_of(ref) for ref in node.inputs)
        rows.append(
            Row(
                node,
                sum(one.count for one in own),
                sum(one.count for one in own if one.trainable),
                node.op.macs(types, node.types),
            )
        )
    total = Dim.of(0)
    for row in rows:
        total = total + row.macs
    return Cost(tuple(rows), sum(row.parameters for row in rows), sum(row.trainable for row in rows), total)
