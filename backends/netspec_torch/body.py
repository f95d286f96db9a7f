"""Straight code: the nodes of a graph as statements, one after another."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from netspec.ir.graph import Graph, Node, Ref
from netspec.ir.types import TensorType
from netspec_torch.layers import Layers, Table, home, lower
from netspec_torch.naming import Locals
from netspec_torch.rule import name

MOST_INLINE = 70
"""A formula is written as one expression up to so many characters."""


@dataclass
class Body:
    """Statements under construction.

    `values` holds the expression of every value known so far, `comments` what stands at the end of a statement's
    first line (by the statement's id), `support` the support functions that are called, in order of first use.
    """

    graph: Graph
    layers: Layers
    table: Table
    names: Locals
    values: dict[Ref, ast.expr] = field(default_factory=dict)
    statements: list[ast.stmt] = field(default_factory=list)
    comments: dict[int, str] = field(default_factory=dict)
    support: dict[str, None] = field(default_factory=dict)

    def add(self, nodes: Sequence[Node], kept: Mapping[Ref, str], *, inline: bool = False) -> None:
        """Append the statements of `nodes`.

        `kept` are the values read after these nodes, with the names they are wanted under. Any other value that has
        no name of its own and is read once, by the next node, shares one local called `x`. The steps of a formula are
        written inside one another, as a person does; `inline` says that all nodes are such steps.
        """
        readers: dict[Ref, list[int]] = {}
        for i, node in enumerate(nodes):
            for ref in node.inputs:
                readers.setdefault(ref, []).append(i)
        passing = self.names.fresh("x")
        paths = {node.path for node in nodes}
        for i, node in enumerate(nodes):
            read = readers.get(Ref(node.path), []) if len(node.types) == 1 else []
            free = not any(ref in kept for ref in node.refs)
            lowered = lower(
                node,
                self.graph,
                self.table,
                tuple(self._read(ref) for ref in node.inputs),
                self.layers.expression(home(node)),
            )
            self.support.update(dict.fromkeys(lowered.support))
            part = inline or node.path.rpartition(".")[0] in paths  # a step of a formula
            inside = part and len(read) == 1 and _fits(nodes[read[0]], node, lowered.call, self)
            if free and (inside or _is_literal(lowered.call)):
                self.values[Ref(node.path)] = lowered.call
            else:
                shared = free and read == [i + 1] and _is_automatic(node)
                self._assign(node, lowered.call, passing if shared else None, kept)

    def _read(self, ref: Ref) -> ast.expr:
        """The expression of a value; KeyError names a value that is read before it is there."""
        return self.values[ref]

    def _assign(self, node: Node, value: ast.expr, passing: str | None, kept: Mapping[Ref, str]) -> None:
        """`name = value  # [N, 40, 60, 60]`, or `first, second = value` for an op with several outputs."""
        targets: list[ast.expr] = []
        last = node.path.rsplit(".", 1)[-1]
        numbered = tuple(f"{last}_{ref.output}" for ref in node.refs) if len(node.refs) > 1 else (last,)
        for ref, label in zip(node.refs, node.names or numbered, strict=True):
            local = passing or self.names.fresh(kept.get(ref, label))
            targets.append(ast.Name(local, ast.Store()))
            self.values[ref] = name(local)
        target = targets[0] if len(targets) == 1 else ast.Tuple(targets, ast.Store())
        statement = ast.Assign([target], value)
        self.statements.append(statement)
        self.comments[id(statement)] = ", ".join(shape(one) for one in node.types)


def shape(one: TensorType) -> str:
    """The sizes of a type as a comment: `[N, 40, 60, 60]`, with the kind of number where it is not the model's own."""
    sizes = f"[{', '.join(str(size) for size in one.sizes)}]"
    return sizes if one.dtype == "float32" else f"{one.dtype}{sizes}"


def _is_automatic(node: Node) -> bool:
    """Whether the node was given its name by counting: `conv1`."""
    stem = node.path.rpartition(".")[2]
    return stem.rstrip("0123456789") == node.op.name.rpartition(".")[2] or stem.isdigit()


def _is_literal(value: ast.expr) -> bool:
    """Whether an expression is a plain number, which needs no local."""
    inner = value.operand if isinstance(value, ast.UnaryOp) else value
    if isinstance(inner, ast.Call) and isinstance(inner.func, ast.Name) and inner.func.id == "float":
        return True
    return isinstance(inner, ast.Constant)


def _fits(reader: Node, node: Node, value: ast.expr, body: Body) -> bool:
    """Whether `value` may stand inside its reader: it is short, and the reader writes that input exactly once."""
    if len(ast.unparse(value)) > MOST_INLINE or node.noise or node.state:
        return False
    mark = name("it")
    inputs = tuple(mark if ref.path == node.path else name("other") for ref in reader.inputs)
    written = lower(reader, body.graph, body.table, inputs, name("self")).call
    return sum(isinstance(one, ast.Name) and one.id == "it" for one in ast.walk(written)) == 1


def depends(nodes: Iterable[Node], known: Callable[[str], bool]) -> list[Node]:
    """Those of `nodes`, in order, whose every input is known by path or is the output of such a node."""
    found: dict[str, Node] = {}
    for node in nodes:
        if all(ref.path in found or known(ref.path) for ref in node.inputs):
            found[node.path] = node
    return list(found.values())
