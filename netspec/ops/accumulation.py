"""A metric over a whole split, batch by batch: what each batch adds, and what is made of it at the end.

A metric is its formula over the whole split as one batch. The formula is cut at its reductions over the batch: before
the cut every sample has its own value, after it there are a few totals. So nothing has to be held, and the result is
that of one large batch, never a mean of batch means.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from netspec.ir.graph import Graph, Node, Ref
from netspec.ir.problem import Problem
from netspec.ir.types import TensorType
from netspec.ops.cutting import Total, cut
from netspec.ops.reduction import Reduction

SHARES = "shares"
"""The entry of the partial graph: the value that is reduced over the batch, by the path of the reducing node."""


@dataclass(frozen=True)
class Accumulation:
    """A metrics entry cut in two.

    `partial` gives, under its entry `shares`, the values of one batch. `totals` says how each is reduced. `finish`
    takes the reduced values as inputs, and has the metrics as its entry `metrics`.
    """

    partial: Graph
    totals: tuple[Total, ...]
    finish: Graph


def accumulate(graph: Graph, given: Iterable[Ref], entry: str = "metrics") -> Accumulation:
    """Cut the nodes of `entry` at their reductions over the batch; `given` are the values that come from outside.

    Raises Problem NS294 where a value of each sample is compared with one of the whole split (a variance written as
    a formula), and NS295 where an op mixes samples in a way that has no totals.
    """
    outer = frozenset(ref.path for ref in given)
    nodes = list(graph.walk(entry, stop=outer))
    after: set[str] = set()
    partial: list[Node] = []
    finish: list[Node] = []
    totals: dict[str, Total] = {}
    shares: dict[str, Ref] = {}
    kinds: dict[str, TensorType] = {}
    _check(graph, outer, entry, nodes)
    for node in nodes:
        late = [ref for ref in node.inputs if ref.path in after]
        early = [ref for ref in node.inputs if ref.path not in after and graph.type_of(ref).batched]
        if late and early:
            raise _mixed(node)
        if late or not early:  # totals and plain numbers
            finish.append(node)
            if late:
                after.add(node.path)
            else:
                partial.append(node)
            continue
        if isinstance(node.op, Reduction) and node.op.reduces is not None:
            parts = cut(graph, node, node.op, node.op.reduces)
            partial.extend(parts.before)
            for total, share, kind in parts.totals:
                totals[total.path], shares[total.path], kinds[total.path] = total, share, kind
            finish.extend(parts.after)
            after.add(node.path)
            continue
        if not all(kind.batched for kind in node.types):
            raise _mixing(node)
        partial.append(node)
    others = {node.path for node in nodes}
    outside = [node for node in graph.nodes if node.path not in others]  # where the given values come from
    begin = replace(graph, nodes=(*outside, *partial), entries={**graph.entries, SHARES: shares})
    end = Graph(
        inputs=kinds,
        nodes=tuple(finish),
        entries={entry: dict(graph.entry(entry))},
    )
    return Accumulation(begin, tuple(totals.values()), end)


def _mixed(node: Node) -> Problem:
    """A value of the whole split meets one of each sample."""
    return Problem(
        "NS294",
        f"`{node.op.name}` meets a value of each sample and one that is known only after the whole split",
        help="write it with means of samples alone, as in `mean(x ** 2) - mean(x) ** 2`, or as several metrics",
    )


def _check(graph: Graph, outer: frozenset[str], entry: str, nodes: Iterable[Node]) -> None:
    """Problem NS295 where a metric keeps a value for each sample, or the layers give one for the whole batch."""
    wanted = graph.entry(entry)
    for name, ref in wanted.items():
        if graph.type_of(ref).batched:
            help = "reduce it: `mean(...)` over everything"
            raise Problem("NS295", f"`{name}` has a value for each sample", help=help)
    for ref in (*wanted.values(), *(ref for node in nodes for ref in node.inputs)):
        if ref.path in outer and not graph.type_of(ref).batched:
            raise Problem(
                "NS295",
                f"`{ref}` is one value for a whole batch, so it has no value over a whole split",
                help="reduce over the batch in the metric, not in the layers",
            )


def _mixing(node: Node) -> Problem:
    """An op that takes the batch away and says nothing of how."""
    return Problem(
        "NS295",
        f"`{node.op.name}` mixes the samples of a batch, so it has no value over a whole split",
        help="use `mean`, `sum`, `amax` or `amin` over the batch",
    )
