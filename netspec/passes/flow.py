"""Who reads what in a finished graph, and which uses of ops stand at one place of the text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

from netspec.ir.graph import Graph, Node, Ref
from netspec.text import Label, Span

MOST_COUNTED = 100


class Flow:
    """The readers of every value of a graph, and the nodes that its entries need."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph

    @cached_property
    def readers(self) -> Mapping[Ref, tuple[Node, ...]]:
        """The nodes that read a value, in order; a value that nothing reads is not in it."""
        found: dict[Ref, list[Node]] = {}
        for node in self.graph.nodes:
            for ref in dict.fromkeys(node.inputs):
                found.setdefault(ref, []).append(node)
        return {ref: tuple(nodes) for ref, nodes in found.items()}

    @cached_property
    def given(self) -> frozenset[Ref]:
        """The values that leave the graph: outputs, and what loss and metrics read or are."""
        return frozenset(ref for entry in self.graph.entries.values() for ref in entry.values())

    @cached_property
    def alive(self) -> tuple[Node, ...]:
        """The nodes that some entry needs, in order."""
        return tuple(self.graph.walk(*self.graph.entries))

    @cached_property
    def places(self) -> tuple[tuple[Node, ...], ...]:
        """The nodes that some entry needs, those of one written layer together: a block or a repeat makes several."""
        found: dict[object, list[Node]] = {}
        for node in self.alive:
            span = place(node)
            key = node.path if span is None else (span.source.name, span.start, span.end)
            found.setdefault(key, []).append(node)
        return tuple(map(tuple, found.values()))

    def reading(self, node: Node) -> Iterator[Node]:
        """The nodes that read any value of `node`, in order, each once."""
        found = {one.path: one for ref in node.refs for one in self.readers.get(ref, ())}
        return iter(found.values())

    def weighs(self, node: Node) -> bool:
        """Whether a node sums its inputs with weights, as convolutions do; norms scale each number by one of them."""
        key = node.parameters.get("weight")
        if key is None or node.op.pointwise or node.op.normalises:
            return False
        return len(self.graph.parameters[key].shape) > 1

    def learns(self, node: Node) -> bool:
        """Whether training changes any parameter of a node."""
        return any(self.graph.parameters[key].trainable for key in node.parameters.values())

    def leaves(self, node: Node) -> bool:
        """Whether a value of `node` leaves the graph."""
        return not self.given.isdisjoint(node.refs)

    def last(self, nodes: Iterable[Node]) -> list[tuple[Node, int]]:
        """Those of `nodes` behind which no other of them stands, and how many of the others stand before each.

        The number is at most `MOST_COUNTED`, which means that many or more.
        """
        chosen = {node.path: node for node in nodes}
        behind: set[str] = set()
        for node in reversed(self.graph.nodes):
            if any(one.path in chosen or one.path in behind for one in self.reading(node)):
                behind.add(node.path)
        return [(node, self._before(node, chosen)) for node in chosen.values() if node.path not in behind]

    def _before(self, node: Node, chosen: Mapping[str, Node]) -> int:
        """How many of `chosen` a node needs, on ways through them alone."""
        seen: set[str] = set()
        ahead = [node]
        while ahead and len(seen) < MOST_COUNTED:
            for ref in ahead.pop().inputs:
                found = chosen.get(ref.path)
                if found is not None and ref.path not in seen:
                    seen.add(ref.path)
                    ahead.append(found)
        return min(len(seen), MOST_COUNTED)


def others(count: int, verb: str) -> str:
    """A number of further layers and what they do: `1 layer before it is`, `100 layers or more before it are`."""
    one, many = {"is": ("is", "are"), "does": ("does", "do")}[verb]
    if count == 1:
        return f"1 layer before it {one}"
    return f"{count} layers{' or more' if count == MOST_COUNTED else ''} before it {many}"


def place(node: Node) -> Span | None:
    """Where the op of a node is written."""
    return node.origin[0].span if node.origin else None


def place_of(node: Node, argument: str) -> Span | None:
    """Where an argument of a node is written; the op itself where the argument has its default."""
    return node.origin[0].arguments.get(argument, node.origin[0].span) if node.origin else None


def uses(node: Node) -> tuple[Label, ...]:
    """Where the blocks that a node is part of are used, innermost first: what one use does, another need not."""
    return tuple(Label(one.span, f"`{one.span.text}` is used here") for one in node.origin[1:])


def written_name(node: Node) -> str:
    """What to call a layer in a message: its name if it was given one, else its op."""
    path = node.path.rsplit(".", 1)[-1]
    return node.op.name if path.rstrip("0123456789") == node.op.name.replace(".", "_") else path
