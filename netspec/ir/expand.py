"""A graph in which ops that a backend does not know are said with ops that it knows."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import replace

from netspec.ir.compound import Compound, Typed
from netspec.ir.graph import Graph, Node, Ref
from netspec.ir.op import Op
from netspec.ir.problem import Problem
from netspec.ir.types import TensorType
from netspec.text import SpecError


def expanded(graph: Graph, known: Container[type[Op]] = ()) -> Graph:
    """The graph with every compound op that is not among `known` taken apart, and those within it alike.

    The last step stands at the path of the whole, so whatever reads its value still does; the others stand below it.
    Parameters, state and noise keep their keys. SpecError NS739 where an op's own rule and its steps disagree.
    """
    if not any(_opens(node.op, known) for node in graph.nodes):
        return graph
    nodes: list[Node] = []
    for node in graph.nodes:
        nodes.extend(_parts(node, tuple(graph.type_of(ref) for ref in node.inputs), known))
    return replace(graph, nodes=tuple(nodes))


def opened(graph: Graph, known: Container[type[Op]] = ()) -> dict[str, Op]:
    """The ops that `expanded` takes apart, those within them too, by the paths that their steps stand below."""
    found: dict[str, Op] = {}
    for node in graph.nodes:
        types = tuple(graph.type_of(ref) for ref in node.inputs)
        found.update(_within(node.path, node.op, types, known))
    return found


def _within(
    path: str, op: Op, types: tuple[TensorType, ...], known: Container[type[Op]]
) -> Iterator[tuple[str, Op]]:
    """A path with its op, if that is taken apart, and what stands below."""
    if not isinstance(op, Compound) or type(op) in known:
        return
    yield path, op
    for one in op.typed(*types):
        yield from _within(f"{path}.{one.step.name}", one.step.op, one.types, known)


def _opens(op: Op, known: Container[type[Op]]) -> bool:
    """Whether an op is taken apart."""
    return isinstance(op, Compound) and type(op) not in known


def _parts(node: Node, types: tuple[TensorType, ...], known: Container[type[Op]]) -> Iterator[Node]:
    """The nodes that a node becomes: itself where it is not taken apart."""
    if not isinstance(node.op, Compound) or type(node.op) in known:
        yield node
        return
    try:
        steps = node.op.typed(*types)
    except Problem as problem:
        raise _broken(node, problem.message) from problem
    _agree(node, steps)
    refs: dict[int | str, Ref] = dict(enumerate(node.inputs))
    made: list[Node] = []
    for one in steps:
        made.extend(_parts(_part(node, one, refs), one.types, known))
        refs.update(zip(one.called, made[-1].refs, strict=True))
    *before, last = made
    yield from before
    yield replace(last, path=node.path, types=node.types, constraints=node.constraints, names=node.names)


def _part(node: Node, one: Typed, refs: Mapping[int | str, Ref]) -> Node:
    """One step of a node as a node of its own."""
    inside = f"{one.step.name}."
    return replace(
        node,
        path=f"{node.path}.{one.step.name}",
        op=one.step.op,
        inputs=tuple(refs[taken] for taken in one.step.inputs),
        types=one.inferred.outputs,
        parameters={row.name: node.parameters[inside + row.name] for row in one.inferred.parameters},
        state={row.name: node.state[inside + row.name] for row in one.inferred.state},
        noise=one.inferred.noise,
        constraints=(),
        frozen=frozenset(
            held.removeprefix(inside)
            for held in node.frozen
            if held.startswith(inside) or held == "statistics"
        ),
        names=(),
    )


def _agree(node: Node, steps: Sequence[Typed]) -> None:
    """Refuse steps that give something else than the node is known to give, or own what it does not."""
    made = steps[-1].inferred.outputs
    if [(one.axes, one.dtype) for one in made] != [(one.axes, one.dtype) for one in node.types]:
        told, found = (", ".join(one.named() for one in kinds) for kinds in (node.types, made))
        raise _broken(node, f"its own rule says {told}, its steps give {found}")
    if steps[-1].inferred.noise:
        raise _broken(node, "its last step draws noise")
    for what, owned in (("parameters", node.parameters), ("state", node.state)):
        inner = {
            f"{one.step.name}.{row.name}"
            for one in steps
            for row in (one.inferred.parameters if what == "parameters" else one.inferred.state)
        }
        if inner != owned.keys():
            differing = ", ".join(f"`{name}`" for name in sorted(inner ^ owned.keys()))
            raise _broken(node, f"its own rule and its steps differ about its {what} {differing}")


def _broken(node: Node, why: str) -> SpecError:
    span = node.origin[0].span if node.origin else None
    return SpecError.of(
        "NS739",
        f"`{node.op.name}` cannot be said with the ops it names: {why}",
        span=span,
        help="this is a fault of the op and not of the spec: please report it to who made the op",
    )
