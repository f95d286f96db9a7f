"""Which layer of one graph is which of another: by path, else by what it is and where it stands."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from netspec.ir.graph import Graph, Node, Ref
from netspec.ir.saying import changed

MOST_COMPARED = 4_000
"""Layers that are left after all that agree by path; with more of them, comparing all with all would take minutes."""

_FORMULAS = ("loss.", "metrics.")


@dataclass(frozen=True)
class Matching:
    """Pairs of layers that are one, in the order of the second graph, and those that one graph alone has."""

    pairs: tuple[tuple[Node, Node], ...]
    removed: tuple[Node, ...]
    added: tuple[Node, ...]

    @property
    def paths(self) -> dict[str, str]:
        """The new paths by the old ones."""
        return {old.path: new.path for old, new in self.pairs}

    @property
    def cost(self) -> int:
        """How much it would take to tell: layers that came and went, and those that are another now."""
        others = sum(what(old) != what(new) for old, new in self.pairs)
        renamed = sum(old.path != new.path and not counted(old, new) for old, new in self.pairs)
        return 2 * (len(self.removed) + len(self.added)) + others + renamed


def match(old: Graph, new: Graph) -> Matching:
    """The matching that takes the least to tell: with paths first, or with structure first where paths have moved."""
    left, right = layers(old), layers(new)
    by_path = _matching(left, right, _by_path(left, right))
    if not by_path.cost:
        return by_path
    by_structure = _matching(left, right, [])
    return by_structure if by_structure.cost < by_path.cost else by_path


def layers(graph: Graph) -> list[Node]:
    """The nodes that are layers; those of the loss, the metrics and of layers that are formulas are told in these."""
    return [node for node in graph.nodes if not node.path.startswith(_FORMULAS) and not _inside(graph, node)]


def is_formula(node: Node) -> bool:
    """Whether a node comes of a formula."""
    return bool(node.origin) and node.origin[0].what == "formula"


def _inside(graph: Graph, node: Node) -> bool:
    """Whether a node is a part of a layer that is a formula."""
    outer = graph.node(node.path.rpartition(".")[0])
    return is_formula(node) and outer is not None and is_formula(outer)


def what(node: Node) -> str:
    """What a layer is, wherever it stands: its op with its arguments."""
    return "formula" if is_formula(node) else f"{node.op.name} {changed(node.op)!r}"


def counted(old: Node, new: Node) -> bool:
    """Whether two paths differ in counted names alone: `conv1` and `conv2`."""
    return re.sub(r"\d+", "#", old.path) == re.sub(r"\d+", "#", new.path)


def mapped(ref: Ref, paths: dict[str, str]) -> Ref:
    """A value of the old graph as the new one calls it."""
    return Ref(paths.get(ref.path, ref.path), ref.output)


def _by_path(left: list[Node], right: list[Node]) -> list[tuple[int, int]]:
    """Layers with one path and one op."""
    places = {node.path: i for i, node in enumerate(right)}
    return [
        (i, j)
        for i, node in enumerate(left)
        if (j := places.get(node.path)) is not None and _op(right[j]) == _op(node)
    ]


def _matching(left: list[Node], right: list[Node], pairs: list[tuple[int, int]]) -> Matching:
    """The given pairs, and of the rest what is alike: the same thing in the same order, then the same op."""
    for key in (what, _op):
        done, taken = {i for i, _ in pairs}, {j for _, j in pairs}
        rest = [i for i in range(len(left)) if i not in done]
        others = [j for j in range(len(right)) if j not in taken]
        if max(len(rest), len(others)) > MOST_COMPARED:
            break
        ours, theirs = [key(left[i]) for i in rest], [key(right[j]) for j in others]
        pairs = [*pairs, *((rest[i], others[j]) for i, j in _alike(ours, theirs))]
    done, taken = {i for i, _ in pairs}, {j for _, j in pairs}
    return Matching(
        tuple((left[i], right[j]) for i, j in sorted(pairs, key=lambda one: one[1])),
        tuple(node for i, node in enumerate(left) if i not in done),
        tuple(node for j, node in enumerate(right) if j not in taken),
    )


def _op(node: Node) -> str:
    return "formula" if is_formula(node) else node.op.name


def _alike(left: Sequence[str], right: Sequence[str]) -> Iterator[tuple[int, int]]:
    """The longest runs that both sequences share, in order."""
    for block in SequenceMatcher(None, left, right, autojunk=False).get_matching_blocks():
        yield from ((block.a + i, block.b + i) for i in range(block.size))
