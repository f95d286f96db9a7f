"""What the layers of a graph ask of its free sizes: the constraints of their shape rules, and that nothing is empty."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from netspec.ir.dim import Dim
from netspec.ir.dim_decide import HOLDS
from netspec.ir.graph import Graph, Node
from netspec.ir.op import Relation
from netspec.passes.rows import most_rows

STATISTICS = "statistics"
"""What is frozen where a norm uses its running statistics in training too, and so asks nothing of the batch."""


@dataclass(frozen=True)
class Demand:
    """One relation between sizes that a layer asks for, with the words that explain it.

    `at` is the argument or the input it is about; what only `training` asks, evaluation can do without.
    """

    node: Node
    left: Dim
    relation: Relation
    right: Dim
    why: str
    at: str | int | None = None
    training: bool = False

    @cached_property
    def letters(self) -> frozenset[str]:
        """The free sizes it is about."""
        return self.left.symbols | self.right.symbols

    @property
    def line(self) -> int:
        """The line on which the layer stands; 0 where it was not read from a file."""
        return self.node.origin[0].span.line if self.node.origin else 0

    @property
    def place(self) -> str:
        """The layer, for a sentence: "`up3` at line 41"."""
        return f"`{self.node.path}` at line {self.line}" if self.line else f"`{self.node.path}`"

    def holds(self, sizes: Mapping[str, int]) -> bool:
        """Whether it is met at these sizes; KeyError for a letter that has none."""
        left, right = self.left.evaluate(sizes), self.right.evaluate(sizes)
        return (left > right) - (left < right) in HOLDS[self.relation]

    def __str__(self) -> str:
        return f"{self.left} {self.relation} {self.right}"


def demands(graph: Graph) -> tuple[Demand, ...]:
    """Everything asked of free sizes, in the order of the layers; what was asked before is not listed again."""
    found: dict[tuple[Dim, Relation, Dim, bool], Demand] = {}
    for one in _all(graph):
        found.setdefault((one.left, one.relation, one.right, one.training), one)
    return tuple(found.values())


def letters(graph: Graph) -> tuple[str, ...]:
    """The free sizes in the order in which inputs, targets and layers mention them; `N`, the batch's, comes last.

    How many rows a mask keeps is nobody's choice, so its letter is none of them.
    """
    kept = most_rows(graph)
    kinds = [*graph.inputs.values(), *graph.targets.values()]
    kinds += [kind for node in every_node(graph) for kind in node.types]
    found = dict.fromkeys(
        letter for kind in kinds for size in kind.sizes for letter in sorted(size.symbols - kept.keys())
    )
    return (*(letter for letter in found if letter != "N"), *(("N",) if "N" in found else ()))


def every_node(graph: Graph) -> Iterator[Node]:
    """All nodes in order, those of an op's own layers before the op."""
    for node in graph.nodes:
        for region in node.regions:
            yield from every_node(region)
        yield node


def _all(graph: Graph) -> Iterator[Demand]:
    """What is asked of the rows that a mask keeps is asked of all places: with fewer the sizes do not fit either."""
    one = Dim.of(1)
    most = most_rows(graph)

    def full(size: Dim) -> Dim:
        return size.substitute(most) if most else size

    for node in every_node(graph):
        for asked in node.constraints:
            left, right = full(asked.left), full(asked.right)
            if left.value is not None and right.value is not None:
                continue
            if asked.training and STATISTICS in node.frozen:
                continue
            yield Demand(node, left, asked.relation, right, asked.why, asked.at, training=asked.training)
        for kind in node.types:
            for axis in kind.axes:
                size = full(axis.size)
                if size.value is None:
                    yield Demand(node, size, ">=", one, f"something is left along `{axis.name}`")
