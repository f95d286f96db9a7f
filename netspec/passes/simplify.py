"""A graph that only predicts, without the layers that do nothing then."""

from __future__ import annotations

from dataclasses import replace

from netspec.ir.graph import Graph, Node, Ref
from netspec.ops.dropout import AlphaDropout, Dropout, StochasticDepth

IDLE = (Dropout, AlphaDropout, StochasticDepth)
"""Ops that give in evaluation what they get. In PyTorch `stochastic_depth` multiplies every number by 1 then."""


def idle(node: Node) -> bool:
    """Whether a layer gives in evaluation what it gets."""
    return isinstance(node.op, IDLE)


def simplify(graph: Graph) -> Graph:
    """The nodes that the entry `predict` needs, those that are idle in evaluation taken out; of the entries that one.

    What read an idle layer reads what that has read. Types stay: the idle layers have given the same. Parameters and
    state are those of the nodes that are left.
    """
    instead: dict[Ref, Ref] = {}
    kept: list[Node] = []
    for node in graph.walk("predict"):
        read = tuple(instead.get(ref, ref) for ref in node.inputs)
        if idle(node):
            instead[Ref(node.path)] = read[0]
        else:
            kept.append(replace(node, inputs=read))
    used = {key for node in kept for key in (*node.parameters.values(), *node.state.values())}
    return Graph(
        graph.inputs,
        nodes=tuple(kept),
        parameters={key: row for key, row in graph.parameters.items() if key in used},
        state={key: row for key, row in graph.state.items() if key in used},
        entries={"predict": {key: instead.get(ref, ref) for key, ref in graph.entry("predict").items()}},
    )
