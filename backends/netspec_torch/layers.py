"""The layers of a generated class: where each one hangs, and the statements of `__init__` that hang it there."""

from __future__ import annotations

import ast
import keyword
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from netspec.ir.graph import Graph, Node
from netspec.ir.op import Op
from netspec.text import SpecError
from netspec_torch import initializer
from netspec_torch.blocks.looping import runs
from netspec_torch.naming import RESERVED, is_part
from netspec_torch.rule import Lowered, Rule, Site, call, method, name, subscript

Table = Mapping[type[Op], Rule[Any]]


def lower(node: Node, graph: Graph, table: Table, inputs: tuple[ast.expr, ...], module: ast.expr) -> Lowered:
    """How one node is written; SpecError NS730 where the backend does not know its op."""
    rule = table.get(type(node.op))
    if rule is None:
        raise SpecError.of(
            "NS730", f"the torch backend has no lowering for `{node.op.name}`", help="update netspec"
        )
    types = tuple(graph.type_of(ref) for ref in node.inputs)
    return rule.lower(node.op, Site(inputs, module, types, node.types, node.frozen))


def home(node: Node) -> str:
    """Where the layer of a node hangs: the path that its parameters and state are kept under, else its own.

    Two uses of one layer share their parameters, so they have one home.
    """
    found = set()
    for local, key in (*node.parameters.items(), *node.state.items()):
        found.add(key.removesuffix(f".{local}"))
    if len(found) > 1:
        raise SpecError.of(
            "NS731",
            f"`{node.path}` shares parameters with more than one layer: {', '.join(sorted(found))}",
            help="share a layer as a whole",
        )
    return found.pop() if found else node.path


@dataclass
class _Place:
    """One step of the tree of layers: the layer that hangs here, if any, when it does, and what hangs below."""

    construct: ast.expr | None = None
    when: ast.expr | None = None
    below: dict[str, _Place] = field(default_factory=dict)

    @property
    def is_list(self) -> bool:
        """Whether everything below is numbered 0, 1, 2, ... in order, as the copies of a repeat are."""
        return self.construct is None and are_copies(self.below)


def are_copies(names: Collection[str]) -> bool:
    """Whether names are 0, 1, 2, ... in order, as those of the copies of a repeat are."""
    return bool(names) and list(names) == [str(i) for i in range(len(names))]


class Layers:
    """The layers of a class, as a tree of their paths.

    `support` names the support functions that the constructors and the code around them call, which no local may hide.
    `lists` are the paths, inside of what is constructed here, that hold numbered copies.
    """

    def __init__(self, graph: Graph, nodes: Iterable[Node] = (), table: Table | None = None) -> None:
        self._graph = graph
        self._root = _Place()
        self._keys: dict[str, None] = {}
        self.support: set[str] = set()
        self.lists: frozenset[str] = frozenset()
        self.starts: list[ast.stmt] = []
        for node in nodes:
            inputs = tuple(name("x") for _ in node.inputs)
            lowered = lower(node, graph, table or {}, inputs, name("self"))
            self.support.update(one.rpartition(":")[2] for one in lowered.support)
            if lowered.construct is not None:
                self.hang(home(node), lowered.construct)
                self.learn(node.parameters.values())

    def learn(self, keys: Iterable[str]) -> None:
        """Take parameters to start and to freeze, in the order in which they start."""
        self._keys.update(dict.fromkeys(keys))

    def hang(self, path: str, construct: ast.expr, when: ast.expr | None = None) -> None:
        """Put one layer at its path; with `when` it is there only if that holds, and else None."""
        place = self._root
        parts = path.split(".")
        for part in parts:
            refuse_reserved(part, path)
            place = place.below.setdefault(part, _Place())
        if place.construct is not None and ast.dump(place.construct) != ast.dump(construct):
            raise shared_in_parts(path)
        place.construct, place.when = construct, when

    def __bool__(self) -> bool:
        return bool(self._root.below)

    def expression(self, path: str) -> ast.expr:
        """`self.<path>`, in the form its containers take: copies of a repeat are numbered."""
        value = name("self")
        place: _Place | None = self._root
        before = ""
        for part in path.split("."):
            in_list = before in self.lists if place is None or place.construct is not None else place.is_list
            value = _step(value, part, in_list=in_list and bool(before))
            place = None if place is None else place.below.get(part)
            before = f"{before}.{part}" if before else part
        return value

    def statements(self) -> list[ast.stmt]:
        """The body of `__init__` after `super().__init__()`: containers and layers, first values, what is frozen."""
        return [*self.built(), *(self.starts or self._first_values())]

    def built(self) -> list[ast.stmt]:
        """The statements that hang containers and layers."""
        return self._build(self._root, name("self"), in_list=False)

    def _build(self, place: _Place, owner: ast.expr, *, in_list: bool) -> list[ast.stmt]:
        """The statements that hang everything below `place` on `owner`."""
        made: list[ast.stmt] = []
        for part, below in place.below.items():
            if below.when is not None and below.construct is not None:
                made.extend(_chosen(owner, part, below.construct, below.when, made))
                continue
            if below.is_list and all(
                one.construct is not None and not one.below for one in below.below.values()
            ):
                copies = runs([one.construct for one in below.below.values() if one.construct is not None])
                held = call("nn.ModuleList", ast.List(copies, ast.Load()))
                made.append(_hung(owner, part, held, in_list=in_list))
                continue
            construct = below.construct or call("nn.ModuleList" if below.is_list else "nn.Module")
            made.append(_hung(owner, part, construct, in_list=in_list))
            made.extend(self._build(below, _step(owner, part, in_list=in_list), in_list=below.is_list))
        return made

    def _first_values(self) -> list[ast.stmt]:
        """Parameters that do not start as PyTorch starts them, and those that training leaves alone."""
        rows = [self._graph.parameters[key] for key in self._keys]
        made: list[ast.stmt] = [
            ast.Expr(initializer.write(row, self.expression(row.key))) for row in rows if row.init is not None
        ]
        made.extend(self.held(row.key) for row in rows if not row.trainable)
        return made

    def held(self, path: str) -> ast.stmt:
        """The statement that keeps training away from a parameter, or from all of a layer's."""
        return ast.Expr(method(self.expression(path), "requires_grad_", ast.Constant(value=False)))


def shared_in_parts(path: str) -> SpecError:
    """What is raised for two layers at one place that are not constructed alike."""
    message = f"two layers that differ share the place `{path}`"
    return SpecError.of("NS731", message, help="share a layer as a whole")


def refuse_reserved(part: str, path: str) -> None:
    """SpecError NS732 for a word that no layer can be called."""
    if not is_part(part) or part in RESERVED:
        raise SpecError.of(
            "NS732",
            f"a layer cannot be called `{path}`: every PyTorch module has a `{part}` of its own",
            help=f"choose another name, such as `{part}_layer`",
        )


def _hung(owner: ast.expr, part: str, construct: ast.expr, *, in_list: bool) -> ast.stmt:
    """The statement that hangs one layer."""
    if in_list:
        return ast.Expr(method(owner, "append", construct))
    if isinstance(_step(owner, part, in_list=False), ast.Attribute):
        return ast.Assign([ast.Attribute(owner, part, ast.Store())], construct)
    return ast.Expr(method(owner, "add_module", part, construct))


def _chosen(
    owner: ast.expr, part: str, construct: ast.expr, when: ast.expr, before: list[ast.stmt]
) -> list[ast.stmt]:
    """A layer that is there only under a condition; under that of the statement before, in the same branches."""
    target = ast.Attribute(owner, part, ast.Store())
    there, not_there = ast.Assign([target], construct), ast.Assign([target], ast.Constant(None))
    last = before[-1] if before else None
    if isinstance(last, ast.If) and ast.dump(last.test) == ast.dump(when):
        last.body.append(there)
        last.orelse.append(not_there)
        return []
    return [ast.If(when, [there], [not_there])]


def _step(owner: ast.expr, part: str, *, in_list: bool) -> ast.expr:
    """One step down from `owner`: an attribute, a place in a list, or `getattr` where Python has no other word."""
    if in_list:
        return subscript(owner, int(part))
    if part.isidentifier() and not keyword.iskeyword(part):
        return ast.Attribute(owner, part, ast.Load())
    return call("getattr", owner, part)
