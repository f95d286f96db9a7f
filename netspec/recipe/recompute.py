"""What of a network is run again when its gradients are taken, so that nothing inside it has to be kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from netspec.ir.graph import Graph, Node

BLOCKS = "blocks"
"""The word for every use of a block that is in no other."""


def named(graph: Graph, word: str) -> tuple[str, ...]:
    """The paths of the segments that one word names, in order; empty where it names none.

    `blocks` is every use of a block that is in no other, the name of a block each use of that one, and any other word
    the path of a layer or of a group of them.
    """
    nodes = trained(graph)
    if any(_within(node.path, word) for node in nodes):
        return (word,)
    uses = dict.fromkeys(
        node.scope.instance for node in nodes if node.scope.instance and word in (BLOCKS, node.scope.block)
    )
    return outermost(uses)


def segments(graph: Graph, words: Iterable[str]) -> Mapping[str, tuple[Node, ...]]:
    """The nodes of each segment by its path, in the order in which they run; one within another is part of that."""
    nodes = trained(graph)
    paths = outermost(path for word in words for path in named(graph, word))
    return {path: tuple(node for node in nodes if _within(node.path, path)) for path in paths}


def trained(graph: Graph) -> list[Node]:
    """The nodes of the model as training runs them: what prediction needs, then what only the loss needs."""
    first = list(graph.walk("predict"))
    before = {node.path for node in first}
    return [*first, *(node for node in graph.walk("predict", "train") if node.path not in before)]


def stranger(graph: Graph, segment: Iterable[Node]) -> Node | None:
    """The first node that runs between those of a segment and is none of them: then it cannot be run as one."""
    inside = {node.path for node in segment}
    nodes = trained(graph)
    places = [i for i, node in enumerate(nodes) if node.path in inside]
    between = nodes[places[0] : places[-1] + 1] if places else []
    return next((node for node in between if node.path not in inside), None)


def outermost(paths: Iterable[str]) -> tuple[str, ...]:
    """Those that are below no other, each once."""
    listed = tuple(dict.fromkeys(paths))
    return tuple(one for one in listed if not any(_within(one, other) for other in listed if other != one))


def _within(path: str, outer: str) -> bool:
    return path == outer or path.startswith(f"{outer}.")
