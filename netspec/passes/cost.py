"""What a graph costs: parameters and multiply-accumulates of each node, and their totals."""

from __future__ import annotations

from dataclasses import dataclass

from netspec.ir.dim import Dim
from netspec.ir.graph import Graph, Node
from netspec.passes.rows import batch_of, most_rows, rows_of_a_sample


@dataclass(frozen=True)
class Row:
    """One node: how many parameters it is the first to use, and the multiply-accumulates of one sample.

    Inside a `map` these are for all places together; `at_most` says that a mask leaves out what is not there.
    `for_loss` says that prediction does not need it.
    """

    node: Node
    parameters: int
    trainable: int
    macs: Dim
    at_most: bool = False
    for_loss: bool = False


@dataclass(frozen=True)
class Cost:
    """All nodes of the model in order, and the totals; those of a row that is at most so are so too."""

    rows: tuple[Row, ...]
    parameters: int
    trainable: int
    macs: Dim
    at_most: bool = False

    @property
    def for_loss(self) -> tuple[int, Dim]:
        """The parameters and the multiply-accumulates that only the loss needs, as those of auxiliary heads."""
        macs = Dim.of(0)
        for row in self.rows:
            macs = macs + row.macs if row.for_loss else macs
        return sum(row.parameters for row in self.rows if row.for_loss), macs


def cost(graph: Graph) -> Cost:
    """Count what prediction and what only the loss needs of layers; shared parameters count once."""
    rows: list[Row] = []
    seen: set[str] = set()
    batch, most = batch_of(graph), most_rows(graph)
    predict = {node.path for node in graph.walk("predict")}
    for node in graph.walk("predict", "train"):
        own = [graph.parameters[key] for key in node.parameters.values() if key not in seen]
        seen.update(node.parameters.values())
        types = tuple(graph.type_of(ref) for ref in node.inputs)
        macs = node.op.macs(types, node.types) * rows_of_a_sample(node.types[0], batch, most)
        kept = node.types[0].batched and not most.keys().isdisjoint(node.types[0].axes[0].size.symbols)
        rows.append(
            Row(
                node,
                sum(one.count for one in own),
                sum(one.count for one in own if one.trainable),
                macs,
                at_most=kept and macs != 0,
                for_loss=node.path not in predict,
            )
        )
    total = Dim.of(0)
    for row in rows:
        total = total + row.macs
    return Cost(
        tuple(rows),
        sum(row.parameters for row in rows),
        sum(row.trainable for row in rows),
        total,
        at_most=any(row.at_most for row in rows),
    )


def training_macs(graph: Graph) -> Dim:
    """The multiply-accumulates of one sample in a training step: forward, and back to all that learns.

    Backward, a product is made again for each of its two factors that has a gradient: for what comes in, unless nothing
    that learns is behind it (as behind the input), and for the weights, unless they are frozen.
    """
    moved: set[str] = set()
    total = Dim.of(0)
    by_path = {row.node.path: row for row in cost(graph).rows}
    for node in graph.walk("predict", "train"):
        learns = any(graph.parameters[key].trainable for key in node.parameters.values())
        arriving = sum(ref.path in moved for ref in node.inputs)
        if learns or arriving:
            moved.add(node.path)
        total = total + by_path[node.path].macs * (1 + min(2, arriving + learns))
    return total
