"""How many rows a batch has: where a `map` has laid an axis into it, several for each sample, or those a mask keeps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from netspec.ir.dim import Dim
from netspec.ir.graph import Graph, Node
from netspec.ir.types import TensorType
from netspec.ops.fold import Fold


def masked(graph: Graph) -> Iterator[tuple[Node, Fold]]:
    """The nodes that keep the rows of a mask alone, in order, each with its op: there a free size begins."""
    for node in graph.nodes:
        if isinstance(node.op, Fold) and len(node.inputs) > 1:
            yield node, node.op


def most_rows(graph: Graph) -> dict[str, Dim]:
    """For every letter that a mask decides, the most it can be: all places of all samples."""
    found: dict[str, Dim] = {}
    for node, op in masked(graph):
        whole = graph.type_of(node.inputs[0])
        found.setdefault(op.rows, (whole.axes[0].size * whole.size(op.axis)).substitute(found))
    return found


def batch_of(graph: Graph) -> Dim:
    """The number of samples, as the first input has it; 1 where none has."""
    given = (kind.axes[0].size for kind in (*graph.inputs.values(), *graph.targets.values()) if kind.batched)
    return next(given, Dim.of(1))


def rows_of_a_sample(kind: TensorType, batch: Dim, most: Mapping[str, Dim]) -> Dim:
    """How many rows of a value belong to one sample: 1, but where axes were laid into the batch; at most, if masked."""
    if not kind.batched:
        return Dim.of(1)
    rows = kind.axes[0].size.substitute(most)
    return rows // batch if batch.value is not None else rows.substitute(dict.fromkeys(batch.symbols, 1))
