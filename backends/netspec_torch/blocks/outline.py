"""The outline of a graph: which of its nodes are written as one class, one `nn.Sequential`, or one after another.

Layers hang where their paths say, so classes follow paths. What stands below a path is a piece of its own where it is a
use of a block, an op that is said with others, or a group with more than a chain in it; where it cannot be called as a
whole (its nodes stand apart, or share layers with others) it stays straight code, which is always right.
"""

from __future__ import annotations

import ast
import keyword
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from netspec.ir.graph import Graph, Node, Ref, Use
from netspec.ir.op import Op
from netspec_torch.blocks.items import Call, Item, Kind, Leaf, Piece, Series
from netspec_torch.blocks.slots import Home, Slot, dotted_name, same
from netspec_torch.body import is_literal
from netspec_torch.layers import Table, home, lower, refuse_reserved, shared_in_parts
from netspec_torch.rule import Lowered, call


@dataclass(eq=False)
class Outline:
    """The items of each section of a body, in order.

    `known` are values that need no item: literals, and values that are others' own. `homes` are the layers by path, in
    the order of the graph, with the node that constructs each; `constructors` say what that calls. `support` are the
    support functions that are called.
    """

    sections: list[list[Item]]
    known: Mapping[Ref, ast.expr | Ref]
    homes: Mapping[str, Node]
    constructors: Mapping[str, tuple[Node, str]]
    support: Mapping[str, None]

    @property
    def items(self) -> list[Item]:
        """The items of all sections."""
        return [item for section in self.sections for item in section]

    def real(self, ref: Ref) -> Ref:
        """The value that a value is."""
        found = self.known.get(ref)
        return found if isinstance(found, Ref) else ref


def outline(
    graph: Graph, sections: Sequence[Sequence[Node]], table: Table, compounds: Mapping[str, Op]
) -> Outline:
    """The outline of a body that comes in sections, each of them nodes in order.

    `compounds` has the ops that were taken apart, by path.
    """
    made = _Outline(graph, sections, table, compounds)
    found = [made.items(made.alive(nodes), "") for nodes in sections]
    first: dict[str, Node] = {}
    for node in graph.nodes:
        where = made.homes.get(node.path)
        if where is not None and made.lowered[node.path].construct is not None:
            first.setdefault(where, node)
    support = dict.fromkeys(one for lowered in made.lowered.values() for one in lowered.support)
    constructors = {path: (node, _constructor(made.lowered[node.path])) for path, node in first.items()}
    return Outline(found, made.known, first, constructors, support)


def _constructor(lowered: Lowered) -> str:
    """What constructs a layer: `nn.Conv2d`."""
    return dotted_name(lowered.construct.func) if isinstance(lowered.construct, ast.Call) else ""


class _Outline:
    def __init__(
        self, graph: Graph, sections: Sequence[Sequence[Node]], table: Table, compounds: Mapping[str, Op]
    ) -> None:
        self.graph = graph
        self.compounds = compounds
        self.known: dict[Ref, ast.expr | Ref] = {}
        self.kept = {ref for name in ("predict", "train") for ref in graph.entry(name).values()}
        self.lowered: dict[str, Lowered] = {}
        self.homes: dict[str, str] = {}
        self.constructs: dict[str, ast.expr] = {}
        self.readers: dict[Ref, list[str]] = {ref: [""] for ref in self.kept}
        self.total: dict[str, int] = {}
        self.holders: set[str] = set()
        self.made: dict[str, tuple[Item, Sequence[Node]]] = {}
        nodes = [node for section in sections for node in section]
        for node in nodes:
            self._lower(node, table)
        for node in self.alive(nodes):
            for ref in self.inputs(node):
                self.readers.setdefault(ref, []).append(node.path)
            for prefix in _prefixes(node.path, whole=True):
                self.total[prefix] = self.total.get(prefix, 0) + 1
            if self.homes.get(node.path) == node.path:
                self.holders.update(_prefixes(node.path, whole=False))

    def alive(self, nodes: Iterable[Node]) -> list[Node]:
        """The nodes that are written: not those that are literals or leave their input as it is."""
        return [node for node in nodes if Ref(node.path) not in self.known]

    def inputs(self, node: Node) -> tuple[Ref, ...]:
        """The values that a node reads, without the literals that it is written with."""
        return tuple(self.real(ref) for ref in node.inputs if not isinstance(self.known.get(ref), ast.expr))

    def real(self, ref: Ref) -> Ref:
        """The value that a value is."""
        found = self.known.get(ref)
        return found if isinstance(found, Ref) else ref

    def _lower(self, node: Node, table: Table) -> None:
        """Write one node with gaps for its inputs and its layer."""
        given: list[ast.expr] = []
        count = 0
        for ref in node.inputs:
            found = self.known.get(ref)
            given.append(found if isinstance(found, ast.expr) else Slot(count))
            count += not isinstance(found, ast.expr)
        lowered = lower(node, self.graph, table, tuple(given), Home())
        self.lowered[node.path] = lowered
        if lowered.construct is not None or _uses_home(lowered.call):
            where = self.homes[node.path] = home(node)
            for part in where.split("."):
                refuse_reserved(part, where)
            if lowered.construct is not None:
                first = self.constructs.setdefault(where, lowered.construct)
                if not same(first, lowered.construct):
                    raise shared_in_parts(where)
        elif len(node.types) == 1:
            ref = Ref(node.path)
            if isinstance(lowered.call, Slot):
                self.known[ref] = self.inputs(node)[lowered.call.index]
                if ref in self.kept:
                    self.readers.setdefault(self.real(ref), []).append("")
            elif is_literal(lowered.call) and ref not in self.kept:
                self.known[ref] = lowered.call

    def items(self, nodes: Sequence[Node], path: str) -> list[Item]:
        """The items of the nodes that stand below `path`."""
        made: list[Item] = []
        depth = path.count(".") + 1 if path else 0
        i = 0
        while i < len(nodes):
            first = nodes[i].path
            if first == path:
                made.append(self.leaf(nodes[i]))
                i += 1
                continue
            key = ".".join(first.split(".")[: depth + 1])
            end = i + 1
            while end < len(nodes) and _below(nodes[end].path, key):
                end += 1
            run = nodes[i:end]
            if key in self.holders and len(run) == self.total[key]:
                found = self.container(key, run)
                if len(found) == 1 and found[0].path == key:
                    self.made[key] = found[0], run
                made.extend(found)
            elif len(run) == self.total[key] and (again := self.again(key, run)) is not None:
                made.append(again)
            elif len(run) == 1 and first == key:
                made.append(self.leaf(run[0]))
            else:
                made.extend(self.items(run, key))
            i = end
        return made

    def again(self, path: str, nodes: Sequence[Node]) -> Item | None:
        """The item of nodes that do again what others did, with the same layers; None where they are no such nodes."""
        first = next((node for node in nodes if node.path in self.homes), None)
        if first is None:
            return None
        place = self.homes[first.path].removesuffix(first.path[len(path) :])
        item, before = self.made.get(place, (None, ()))
        if item is None or len(before) != len(nodes) or not isinstance(item, (Call, Series)):
            return None
        own = {
            ref: other
            for node, one in zip(nodes, before, strict=True)
            for ref, other in zip(node.refs, one.refs, strict=True)
        }
        given = dict(zip(item.inputs, [None] * len(item.inputs), strict=True))
        entering: dict[Ref, Ref] = {}
        for node, one in zip(nodes, before, strict=True):
            if node.path[len(path) :] != one.path[len(place) :] or self.homes.get(
                node.path
            ) != self.homes.get(one.path):
                return None
            if not same(self.lowered[node.path].call, self.lowered[one.path].call):
                return None
            for ref, other in zip(self.inputs(node), self.inputs(one), strict=True):
                if ref in own and own[ref] == other:
                    continue
                if other not in given or entering.setdefault(other, ref) != ref:
                    return None
        back = {other: ref for ref, other in own.items()}
        leaving = tuple(back[ref] for ref in item.refs)
        paths = {node.path for node in nodes}
        read = {
            ref
            for node in nodes
            for ref in node.refs
            if any(one not in paths for one in self.readers.get(ref, ()))
        }
        if not read <= set(leaving) or len(entering) < len(item.inputs):
            return None
        types = tuple(self.graph.type_of(ref) for ref in leaving)
        inputs = tuple(entering[ref] for ref in item.inputs)
        return replace(item, path=path, inputs=inputs, refs=leaving, types=types)

    def leaf(self, node: Node) -> Leaf:
        """One node as an item."""
        lowered = self.lowered[node.path]
        where = self.homes.get(node.path, "")
        return Leaf(node.path, self.inputs(node), node.refs, node.types, where, lowered.call, node, lowered)

    def container(self, path: str, nodes: Sequence[Node]) -> list[Item]:
        """What stands below a path: as one item where that can be, else item by item."""
        inner = self.items(nodes, path)
        if not self._closed(path, nodes):
            return inner
        last = path.rpartition(".")[2]
        if all(
            one.path.startswith(f"{path}.") and one.path[len(path) + 1 :].split(".")[0].isdigit()
            for one in inner
        ):
            return self._series(path, inner, numbered=True) or inner
        kind = self.kind(path)
        if kind.sort == "group":
            found = self._series(path, inner, split=not last.isdigit())
            if found:
                return found
            if sum(bool(one.home) for one in inner) < 2 and not last.isdigit():
                return inner
        piece = self.piece(path, kind, inner, nodes)
        if not piece.outputs:
            return inner
        types = tuple(self.graph.type_of(ref) for ref in piece.outputs)
        slots = [Slot(i) for i in range(len(piece.inputs))]
        return [Call(path, piece.inputs, piece.outputs, types, path, call(Home(), *slots), piece)]

    def _closed(self, path: str, nodes: Sequence[Node]) -> bool:
        """Whether a path holds the layers of its nodes, all of them, and none of its own."""
        for node in nodes:
            where = self.homes.get(node.path)
            if where is None:
                continue
            if not where.startswith(f"{path}.") or where not in self.homes:
                return False
        return True

    def kind(self, path: str) -> Kind:
        """What the piece at a path is a use of."""
        use = self.graph.uses.get(path)
        if use is not None:
            return Kind("block", use.block)
        if path in self.compounds:
            return Kind("op", self.compounds[path].name)
        owner = ""
        for prefix in reversed(_prefixes(path, whole=False)):
            if prefix in self.graph.uses:
                owner = self.graph.uses[prefix].block
                break
        return Kind(
            "group", next((one for one in reversed(path.split(".")) if not one.isdigit()), "group"), owner
        )

    def piece(self, path: str, kind: Kind, inner: list[Item], nodes: Sequence[Node]) -> Piece:
        """A piece with what goes in and what comes out."""
        own = {ref for item in inner for ref in item.refs}
        entering = list(dict.fromkeys(ref for item in inner for ref in item.inputs if ref not in own))
        paths = {node.path for node in nodes}
        leaving = tuple(
            ref
            for item in inner
            for ref in item.refs
            if any(one not in paths for one in self.readers.get(ref, ()))
        )
        use = self.graph.uses.get(path) or _use(self.compounds.get(path))
        named: dict[Ref, str] = {}
        for name, ref in (use.inputs if use else {}).items():
            named.setdefault(self.real(ref), name)
        order = [ref for ref in named if ref in entering] + [ref for ref in entering if ref not in named]
        names: list[str] = []
        for ref in order:
            wanted = named.get(ref) or ("x" if len(order) == 1 else ref.path.rpartition(".")[2])
            while wanted in names:
                wanted += "_"
            names.append(wanted)
        types = tuple(self.graph.type_of(ref) for ref in order)
        return Piece(path, kind, inner, tuple(order), leaving, tuple(names), types, use)

    def _series(
        self, path: str, inner: list[Item], *, numbered: bool = False, split: bool = False
    ) -> list[Item] | None:
        """The layers below a path as one `nn.Sequential`, where they follow one another; None where they do not.

        With `split`, ops without a layer may stand before and behind them.
        """
        held = [i for i, one in enumerate(inner) if one.home]
        if not held or held != list(range(held[0], held[-1] + 1)) or (not split and len(held) < len(inner)):
            return None
        parts = inner[held[0] : held[-1] + 1]
        for i, one in enumerate(parts):
            simple = one.is_call if isinstance(one, Leaf) else len(one.inputs) == len(one.refs) == 1
            child = one.home == one.path and one.path.rpartition(".")[0] == path
            word = one.path.rpartition(".")[2]
            right = word == str(i) if numbered else word.isidentifier() and not keyword.iskeyword(word)
            if not (simple and child and right):
                return None
            if i and (one.inputs != parts[i - 1].refs or len(self.readers[one.inputs[0]]) > self._reads(one)):
                return None
        rest = [*inner[: held[0]], *inner[held[-1] + 1 :]]
        if any(one.path == path for one in rest):  # the last step of an op that is said with others
            return None
        first, last = parts[0], parts[-1]
        made = Series(
            path, first.inputs, last.refs, last.types, path, call(Home(), Slot(0)), list(parts), numbered
        )
        return [*inner[: held[0]], made, *inner[held[-1] + 1 :]]

    def _reads(self, item: Item) -> int:
        """How many nodes inside an item read its first input."""
        inside = f"{item.path}."
        return sum(one == item.path or one.startswith(inside) for one in self.readers[item.inputs[0]])


def _use(op: Op | None) -> Use | None:
    """An op that is said with others as a block with that op's arguments."""
    if op is None:
        return None
    fields = type(op).model_fields
    return Use(
        op.name,
        arguments={key: getattr(op, key) for key in fields},
        defaults={key: one.default for key, one in fields.items() if not one.is_required()},
    )


def _uses_home(tree: ast.expr) -> bool:
    return any(isinstance(one, Home) for one in ast.walk(tree))


def _prefixes(path: str, *, whole: bool) -> list[str]:
    """The paths that a path stands below, and itself if `whole`."""
    parts = path.split(".")
    return [".".join(parts[:i]) for i in range(1, len(parts) + whole)]


def _below(path: str, prefix: str) -> bool:
    return path == prefix or path.startswith(f"{prefix}.")
