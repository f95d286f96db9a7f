"""A graph at certain sizes: numbers in the place of letters, everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from netspec.ir.graph import Graph, Node
from netspec.ir.types import TensorType


def specialize(graph: Graph, sizes: Mapping[str, int]) -> Graph:
    """The same graph with these letters made numbers; others stay free. Sizes that no layer takes are not noticed."""
    if not sizes:
        return graph
    return replace(
        graph,
        inputs={name: specialized(kind, sizes) for name, kind in graph.inputs.items()},
        targets={name: specialized(kind, sizes) for name, kind in graph.targets.items()},
        nodes=tuple(_node(node, sizes) for node in graph.nodes),
    )


def specialized(kind: TensorType, sizes: Mapping[str, int]) -> TensorType:
    """A type with these letters made numbers."""
    if kind.facts.places is not None:
        places = tuple(size.substitute(sizes) for size in kind.facts.places)
        kind = kind.with_facts(replace(kind.facts, places=places))
    return kind.with_axes(replace(axis, size=axis.size.substitute(sizes)) for axis in kind.axes)


def _node(node: Node, sizes: Mapping[str, int]) -> Node:
    return replace(
        node,
        types=tuple(specialized(kind, sizes) for kind in node.types),
        noise=tuple(
            replace(one, shape=tuple(size.substitute(sizes) for size in one.shape)) for one in node.noise
        ),
        constraints=tuple(
            replace(one, left=one.left.substitute(sizes), right=one.right.substitute(sizes))
            for one in node.constraints
        ),
        regions=tuple(specialize(region, sizes) for region in node.regions),
    )
