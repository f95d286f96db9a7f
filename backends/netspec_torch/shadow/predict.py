"""What a training step of a graph keeps for its gradients, layer by layer, told without PyTorch.

Every node is lowered as for a written file, and that very code runs on shadows.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

import netspec_torch
from netspec.ir.expand import expanded
from netspec.ir.graph import Graph, Node, Ref
from netspec.ir.types import TensorType
from netspec_torch.file import support
from netspec_torch.foreign import foreign_support
from netspec_torch.layers import home, lower
from netspec_torch.rule import Lowered, name
from netspec_torch.shadow import layers
from netspec_torch.shadow.table import namespace
from netspec_torch.shadow.tensor import BYTES, Shadow, Storage, Tape, Unknown, keep, recording


@dataclass(frozen=True)
class Kept:
    """What a step keeps for its gradients, in bytes.

    `rows` tells it by the path of who kept it first, in order: a node, or a segment that is recomputed, which keeps
    what goes into it. `again` is what recomputing the largest of these segments brings back for a moment, `moving` the
    most that gradients on their way through one node take. `given` is what inputs, targets and outputs take besides.
    `unknown` names what is not told here, by node: what such a node keeps is missing.
    """

    rows: Mapping[str, int]
    again: int
    moving: int
    given: int
    unknown: Mapping[str, str]

    @property
    def total(self) -> int:
        """All of it."""
        return sum(self.rows.values())


def shadow_of(kind: TensorType, sizes: Mapping[str, int], *, grad: bool = False) -> Shadow:
    """A value of this type; KeyError for a letter that has no size."""
    shape = [int(axis.size.evaluate(sizes)) for axis in kind.axes]
    return Shadow(shape, kind.dtype, grad=grad and kind.dtype == "float32")


class Walk:
    """The nodes of a graph on shadows, one after another."""

    def __init__(self, graph: Graph, sizes: Mapping[str, int], *, grad: bool = False) -> None:
        self.graph = expanded(graph, netspec_torch.table())
        self.tape = Tape()
        self.again = self.moving = 0
        self.unknown: dict[str, str] = {}
        self._sizes = sizes
        self._layers: dict[str, layers.Module] = {}
        self.values: dict[Ref, Any] = {}
        for key, kind in (*self.graph.inputs.items(), *self.graph.targets.items()):
            self.values[Ref(key)] = shadow_of(kind, sizes, grad=grad)

    def run(self, node: Node) -> None:
        """One node. Where a function is not known here, its values are those that the compiler knows."""
        inputs = tuple(name(f"value{i}") for i in range(len(node.inputs)))
        known: dict[str, Any] = {f"value{i}": self.values[ref] for i, ref in enumerate(node.inputs)}
        lowered = lower(node, self.graph, netspec_torch.table(), inputs, name("layer"))
        with recording(self.tape):
            try:
                known["layer"] = self._layer(node, lowered)
                found = _evaluated(lowered.call, known, lowered.support)
            except Exception as trouble:
                if not isinstance(trouble, Unknown) and "." not in node.op.name:
                    raise  # ours are held to this by tests; what another package calls may be anything
                self.unknown[node.path] = str(trouble) if isinstance(trouble, Unknown) else node.op.name
                found = tuple(self._typed(kind, known.values()) for kind in node.types)
        outputs = found if isinstance(found, tuple) else (found,)
        self.values.update(zip(node.refs, outputs, strict=True))
        self.moving = max(self.moving, sum(_gradient(one) for one in (*outputs, *known.values())))

    def segment(self, path: str, nodes: Sequence[Node]) -> None:
        """Nodes that are run again when their gradients are taken: only what goes in is kept."""
        outer, self.tape = self.tape, Tape()
        for node in nodes:
            self.run(node)
        self.again = max(self.again, self.tape.size)
        self.tape = outer
        self.tape.owner = path
        inside = {node.path for node in nodes}
        with recording(self.tape):
            given = dict.fromkeys(ref for node in nodes for ref in node.inputs if ref.path not in inside)
            keep(*(self.values[ref] for ref in given if isinstance(self.values[ref], Shadow)))

    def _typed(self, kind: TensorType, inputs: Iterable[Any]) -> Shadow:
        """A value as the compiler knows it; a gradient goes through where one went in."""
        grad = any(isinstance(one, Shadow) and one.grad for one in inputs)
        return shadow_of(kind, self._sizes, grad=grad)

    def _layer(self, node: Node, lowered: Lowered) -> layers.Module | None:
        """The layer that hangs at a node's home, with its parameters and state."""
        if lowered.construct is None:
            return None
        place = home(node)
        if place not in self._layers:
            made = lowered.construct
            bare = isinstance(made, ast.Call) and ast.unparse(made.func) == "nn.ParameterDict"
            layer = layers.ParameterDict() if bare else _evaluated(made, {}, lowered.support)
            for local, key in node.parameters.items():
                row = self.graph.parameters[key]
                layer.hold(local, Shadow(row.shape, grad=row.trainable, storage=Storage(0, held=True)))
            for local, key in node.state.items():
                state = self.graph.state[key]
                layer.hold(local, Shadow(state.shape, state.dtype, storage=Storage(0, held=True)))
            self._layers[place] = layer
        return self._layers[place]


def kept(
    graph: Graph,
    sizes: Mapping[str, int],
    *,
    entries: Sequence[str] = ("predict", "train", "loss"),
    recomputed: Mapping[str, frozenset[str]] = MappingProxyType({}),
) -> Kept:
    """What one step of these entry points keeps, at these sizes of the letters, that of the batch among them.

    `recomputed` are segments by their names: the paths of their nodes, as the graph has them.
    """
    walk = Walk(graph, sizes)
    owner = {path: segment for segment, paths in recomputed.items() for path in paths}
    for segment, run in _runs(list(walk.graph.walk(*entries)), owner):
        if segment:
            walk.segment(segment, run)
            continue
        for node in run:
            walk.tape.owner = node.path
            walk.run(node)
    rows: dict[str, int] = {}
    for storage, one in walk.tape.kept.items():
        rows[one] = rows.get(one, 0) + storage.size
    held = [*graph.inputs, *graph.targets]
    values = [walk.values.get(ref) for ref in (*map(Ref, held), *graph.entry("predict").values())]
    beside = {one.storage for one in values if isinstance(one, Shadow) and not one.storage.held}
    given = sum(one.size for one in beside - walk.tape.kept.keys())
    return Kept(rows, walk.again, walk.moving, given, walk.unknown)


def _runs(nodes: Sequence[Node], owner: Mapping[str, str]) -> Iterator[tuple[str, list[Node]]]:
    """Each segment as a whole, where the last of its nodes stands; other nodes one by one."""
    last = {_owner(node, owner): i for i, node in enumerate(nodes)}
    waiting: dict[str, list[Node]] = {}
    for i, node in enumerate(nodes):
        segment = _owner(node, owner)
        if not segment:
            yield "", [node]
            continue
        waiting.setdefault(segment, []).append(node)
        if last[segment] == i:
            yield segment, waiting.pop(segment)


def _owner(node: Node, owner: Mapping[str, str]) -> str:
    """The segment of a node; a step of an op that is taken apart belongs to that of the op."""
    path = node.path
    while path:
        if path in owner:
            return owner[path]
        path = path.rpartition(".")[0]
    return ""


def _gradient(value: Any) -> int:
    """The bytes of a value's gradient."""
    if not isinstance(value, Shadow) or not value.grad or value.storage.held:
        return 0
    return value.shape.numel() * BYTES[value.dtype]


def _evaluated(expression: ast.expr, known: Mapping[str, Any], called: tuple[str, ...]) -> Any:
    """Generated code on shadows: it is made of checked names and literals, as what `netspec compile` writes."""
    names = {**namespace(), **{one.rpartition(":")[2]: _support(one) for one in called}, **known}
    tree = ast.fix_missing_locations(ast.Expression(ast.parse(ast.unparse(expression), mode="eval").body))
    return eval(compile(tree, "<shadow>", "eval", dont_inherit=True), names)  # noqa: S307 - no text of the spec is in it


@cache
def _space() -> dict[str, Any]:
    return dict(namespace())


@cache
def _support(key: str) -> Any:
    """A support function on shadows, from the text that is copied into written files."""
    own = support()
    space = _space()
    wanted = {key: foreign_support(key)} if ":" in key else own
    if ":" not in key and key in space:
        return space[key]
    future = ast.parse("from __future__ import annotations").body[0]
    body = [node for node, _ in wanted.values() if getattr(node, "name", "") != "Running"]
    tree = ast.fix_missing_locations(ast.Module([future, *body], []))
    exec(compile(tree, "<shadow support>", "exec", dont_inherit=True), space)  # noqa: S102 - a text of this package, or what a written file copies
    return space[key.rpartition(":")[2]]
