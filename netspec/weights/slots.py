"""The tensors of a network's state by name, in the order in which its module lists them, told from the graph alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import prod

from netspec.ir.graph import Graph, Node
from netspec.ops.conv import Conv
from netspec.ops.linear import Linear
from netspec.ops.shape import Flatten

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Slots:
    """Shapes by name; `whole` has, of each weight that sees a map whole, the shape it has the other way.

    A `linear` behind `flatten` and a `conv` whose window is all of its input weigh the same numbers: one has
    `[out, channel * height * width]`, the other `[out, channel, height, width]`.
    """

    shapes: Mapping[str, Shape]
    whole: Mapping[str, Shape] = field(default_factory=dict)


@dataclass
class _Room:
    """What one module has: its own tensors, then those of the modules in it, each in the order of their first use."""

    own: dict[str, Shape] = field(default_factory=dict)
    rooms: dict[str, _Room] = field(default_factory=dict)

    def told(self) -> Iterator[tuple[str, Shape]]:
        """All tensors in order."""
        yield from self.own.items()
        for one in self.rooms.values():
            yield from one.told()


def slots(graph: Graph) -> Slots:
    """The tensors that the compiled module of a graph has in its `state_dict`."""
    root = _Room()
    whole: dict[str, Shape] = {}
    for node in every(graph.walk("predict", "train")):
        rows = [(key, graph.parameters[key].shape) for key in node.parameters.values()]
        rows += [(key, graph.state[key].shape) for key in node.state.values()]
        for key, shape in rows:
            room = root
            for word in key.split(".")[:-1]:
                room = room.rooms.setdefault(word, _Room())
            room.own[key] = shape
        other = _other_way(graph, node)
        if other is not None:
            whole[node.parameters["weight"]] = other
    return Slots(dict(root.told()), whole)


def every(nodes: Iterator[Node]) -> Iterator[Node]:
    """The nodes and those of the regions in them."""
    for node in nodes:
        yield node
        for inner in node.regions:
            yield from every(iter(inner.nodes))


def _other_way(graph: Graph, node: Node) -> Shape | None:
    """The shape of a weight if the layer were the other of the two that see a whole map."""
    if isinstance(node.op, Conv):
        x = graph.type_of(node.inputs[0]) if graph.node(node.path) is node else None
        if x is None or node.op.groups != 1 or not _unpadded(node.op):
            return None
        shape = graph.parameters[node.parameters["weight"]].shape
        sizes = tuple(size.value for size in x.sizes[1:])
        return (shape[0], prod(shape[1:])) if shape[1:] == sizes else None
    if isinstance(node.op, Linear) and graph.node(node.path) is node:
        return _flattened(graph, node)
    return None


def _unpadded(op: Conv) -> bool:
    return op.padding in {0, "valid"} and op.dilation == 1


def _flattened(graph: Graph, node: Node) -> Shape | None:
    """What a linear layer behind a `flatten` of a whole map weighs, as a window over that map."""
    before = graph.node(node.inputs[0].path)
    while before is not None and before.op.pointwise and len(before.inputs) == 1:
        before = graph.node(before.inputs[0].path)
    if before is None or not isinstance(before.op, Flatten) or before.op.axis is not None:
        return None
    sizes = tuple(size.value for size in graph.type_of(before.inputs[0]).sizes[1:])
    if len(sizes) < 2 or None in sizes:
        return None
    return (
        graph.parameters[node.parameters["weight"]].shape[0],
        *(size for size in sizes if size is not None),
    )
