"""The layers of a generated class: where each one hangs, and the statements of `__init__` that hang it there."""

from __future__ import annotations

import ast
import keyword
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from netspec.ir.graph import Graph, Node
from netspec.ir.op import Op
from netspec.text import SpecError
from netspec_torch import initializer
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
    """One step of the tree of layers: the layer that hangs here, if any, and what hangs below."""

    construct: ast.expr | None = None
    below: dict[str, _Place] = field(default_factory=dict)

    @property
    def is_list(self) -> bool:
        """Whether everything below is numbered 0, 1, 2, ... in order, as the copies of a repeat are."""
        numbers = [str(i) for i in range(len(self.below))]
        return self.construct is None and bool(numbers) and list(self.below) == numbers


class Layers:
    """The layers that some nodes of a graph construct, as a tree of their paths.

    `support` names the support functions that the nodes call, which no local may hide.
    """

    def __init__(self, graph: Graph, nodes: Iterable[Node], table: Table) -> None:
        self._graph = graph
        self._root = _Place()
        self._keys: dict[str, None] = {}
        self.support: set[str] = set()
        for node in nodes:
            inputs = tuple(name("x") for _ in node.inputs)
            lowered = lower(node, graph, table, inputs, name("self"))
            self.support.update(one.rpartition(":")[2] for one in lowered.support)
            if lowered.construct is not None:
                self._hang(home(node), lowered.construct)
                self._keys.update(dict.fromkeys(node.parameters.values()))

    def _hang(self, path: str, construct: ast.expr) -> None:
        """Put one layer at its path."""
        place = self._root
        parts = path.split(".")
        for part in parts:
            if not is_part(part) or part in RESERVED:
                raise SpecError.of(
                    "NS732",
                    f"a layer cannot be called `{path}`: every PyTorch module has a `{part}` of its own",
                    help=f"choose another name, such as `{part}_layer`",
                )
            place = place.below.setdefault(part, _Place())
        if place.construct is not None and ast.dump(place.construct) != ast.dump(construct):
            raise SpecError.of(
                "NS731", f"two layers that differ share the place `{path}`", help="share a layer as a whole"
            )
        place.construct = construct

    def __bool__(self) -> bool:
        return bool(self._root.below)

    def expression(self, path: str) -> ast.expr:
        """`self.<path>`, in the form its containers take: copies of a repeat are numbered."""
        value, place = name("self"), self._root
        for part in path.split("."):
            value = _step(value, part, in_list=place is not self._root and place.is_list)
            place = place.below.get(part, _Place())
        return value

    def statements(self) -> list[ast.stmt]:
        """The body of `__init__` after `super().__init__()`: containers and layers, first values, what is frozen."""
        return [*self._build(self._root, name("self"), in_list=False), *self._first_values()]

    def _build(self, place: _Place, owner: ast.expr, *, in_list: bool) -> list[ast.stmt]:
        """The statements that hang everything below `place` on `owner`."""
        made: list[ast.stmt] = []
        for part, below in place.below.items():
            construct = below.construct or call("nn.ModuleList" if below.is_list else "nn.Module")
            here = _step(owner, part, in_list=in_list)
            if in_list:
                made.append(ast.Expr(method(owner, "append", construct)))
            elif isinstance(here, ast.Attribute):
                made.append(ast.Assign([ast.Attribute(owner, part, ast.Store())], construct))
            else:
                made.append(ast.Expr(method(owner, "add_module", part, construct)))
            made.extend(self._build(below, here, in_list=below.is_list))
        return made

    def _first_values(self) -> list[ast.stmt]:
        """Parameters that do not start as PyTorch starts them, and those that training leaves alone."""
        made: list[ast.stmt] = []
        for key in self._keys:
            row = self._graph.parameters[key]
            if row.init is not None:
                made.append(ast.Expr(initializer.write(row, self.expression(key))))
        frozen = [key for key in self._keys if not self._graph.parameters[key].trainable]
        made.extend(
            ast.Expr(method(self.expression(key), "requires_grad_", ast.Constant(value=False)))
            for key in frozen
        )
        return made


def _step(owner: ast.expr, part: str, *, in_list: bool) -> ast.expr:
    """One step down from `owner`: an attribute, a place in a list, or `getattr` where Python has no other word."""
    if in_list:
        return subscript(owner, int(part))
    if part.isidentifier() and not keyword.iskeyword(part):
        return ast.Attribute(owner, part, ast.Load())
    return call("getattr", owner, part)
