"""The graph: what a spec means, frozen. Nodes refer to values, parameters and state by path; nothing is owned twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from netspec.ir.op import Constraint, Noise, Op
from netspec.ir.types import DType, TensorType
from netspec.text import Span


@dataclass(frozen=True)
class Ref:
    """One value: the path of an input, target or node, and which of its outputs."""

    path: str
    output: int = 0

    def __str__(self) -> str:
        return self.path if self.output == 0 else f"{self.path}[{self.output}]"


@dataclass(frozen=True)
class Origin:
    """One step of where a node comes from: what it is (use, definition, include, override) and where that stands.

    `arguments` are the places of the written arguments' values by name, for exact edits.
    """

    what: str
    span: Span
    arguments: Mapping[str, Span] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True)
class Scope:
    """The block instance a node belongs to: the definition's name, the instance's path, and the copy of a repeat."""

    block: str = ""
    instance: str = ""
    copy: int | None = None


@dataclass(frozen=True)
class Use:
    """One use of a block: the definition's name and words, what its parameters stand for here, and what goes in.

    `defaults` are those of parameters whose default is written as a plain value.
    """

    block: str
    doc: str = ""
    arguments: Mapping[str, object] = field(default_factory=dict)
    defaults: Mapping[str, object] = field(default_factory=dict)
    inputs: Mapping[str, Ref] = field(default_factory=dict)


@dataclass(frozen=True)
class GraphParameter:
    """A row of the parameter table: shape, whether training changes it, how it starts (None: as PyTorch does)."""

    key: str
    shape: tuple[int, ...]
    trainable: bool = True
    init: object | None = None

    @property
    def count(self) -> int:
        """How many numbers it holds."""
        total = 1
        for size in self.shape:
            total *= size
        return total


@dataclass(frozen=True)
class GraphState:
    """A row of the state table: a tensor that training updates without a gradient."""

    key: str
    shape: tuple[int, ...]
    fill: float
    dtype: DType = "float32"


@dataclass(frozen=True)
class Node:
    """One use of an op.

    `parameters` and `state` map the op's local names to keys of the graph's tables, so that sharing is two references.
    `frozen` holds what is written beside `freeze`: names of parameters, or `statistics`. `regions` hold the bodies of
    ops that contain layers. `names` are the written names of the outputs, where a spec names several.
    """

    path: str
    op: Op
    inputs: tuple[Ref, ...]
    types: tuple[TensorType, ...]
    parameters: Mapping[str, str] = field(default_factory=dict)
    state: Mapping[str, str] = field(default_factory=dict)
    noise: tuple[Noise, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    frozen: frozenset[str] = frozenset()
    scope: Scope = Scope()
    origin: tuple[Origin, ...] = ()
    regions: tuple[Graph, ...] = ()
    names: tuple[str, ...] = ()

    @property
    def refs(self) -> tuple[Ref, ...]:
        """The values this node makes."""
        return tuple(Ref(self.path, i) for i in range(len(self.types)))


@dataclass(frozen=True)
class Graph:
    """A checked program. `nodes` stand in an order in which every input comes before its use.

    `entries` are the ways in: `predict`, `train` (what only the loss needs besides the outputs), `loss` and `metrics`,
    each a mapping of names to values in declared order. `uses` tells of each use of a block, by its path, for whoever
    writes the graph down again; no number depends on it.
    """

    inputs: Mapping[str, TensorType] = field(default_factory=dict)
    targets: Mapping[str, TensorType] = field(default_factory=dict)
    nodes: tuple[Node, ...] = ()
    parameters: Mapping[str, GraphParameter] = field(default_factory=dict)
    state: Mapping[str, GraphState] = field(default_factory=dict)
    entries: Mapping[str, Mapping[str, Ref]] = field(default_factory=dict)
    uses: Mapping[str, Use] = field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        for name in ("inputs", "targets", "parameters", "state", "entries", "uses"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))
        object.__setattr__(self, "_by_path", {node.path: node for node in self.nodes})

    def node(self, path: str) -> Node | None:
        """The node at `path`; None for an input or a target."""
        found: Node | None = self.__dict__["_by_path"].get(path)
        return found

    def type_of(self, ref: Ref) -> TensorType:
        """The type of a value; KeyError for an unknown path."""
        node = self.node(ref.path)
        if node is not None:
            return node.types[ref.output]
        return self.inputs[ref.path] if ref.path in self.inputs else self.targets[ref.path]

    def entry(self, name: str) -> Mapping[str, Ref]:
        """The values of an entry point in declared order; empty where the spec has none."""
        return self.entries.get(name, MappingProxyType({}))

    def walk(self, *entries: str, stop: frozenset[str] = frozenset()) -> Iterator[Node]:
        """The one walk: the nodes that the named entry points need, in order. Paths in `stop` are taken as given."""
        wanted = {ref.path for name in entries for ref in self.entry(name).values()} - stop
        needed: set[str] = set()
        for node in reversed(self.nodes):
            if node.path in wanted:
                needed.add(node.path)
                wanted.update(ref.path for ref in node.inputs if ref.path not in stop)
        return (node for node in self.nodes if node.path in needed)
