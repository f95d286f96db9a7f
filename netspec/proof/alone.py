"""One op alone as a graph, so that whatever runs graphs can be held to what the op's samples promise."""

from __future__ import annotations

from netspec.ir.graph import Graph, GraphParameter, GraphState, Node, Ref
from netspec.ir.op import Op, infer_node
from netspec.ir.types import TensorType
from netspec.ops.arithmetic import Constant, Mul
from netspec.ops.elementwise import number
from netspec.ops.reduce import Sum

OP = "op"
"""The path of the node."""


def alone(op: Op, *types: TensorType) -> Graph:
    """The graph of one use of an op: its inputs `x0`, `x1`, ..., its outputs, and a loss that weighs every number.

    Each floating output is multiplied by an input `g0`, `g1`, ... and summed, so that the gradient of the loss to an
    output is that input, whatever it holds. What stands for a plain number is one. Problem where the types do not fit.
    """
    inferred = infer_node(op, types)
    inputs = {f"x{i}": kind for i, kind in enumerate(types) if _written(kind) is None}
    nodes = [
        Node(f"c{i}", Constant(value=value), (), (kind,))
        for i, kind in enumerate(types)
        if (value := _written(kind)) is not None
    ]
    read = tuple(Ref(f"x{i}" if f"x{i}" in inputs else f"c{i}") for i in range(len(types)))
    parameters = {one.name: GraphParameter(f"{OP}.{one.name}", one.shape) for one in inferred.parameters}
    state = {
        one.name: GraphState(f"{OP}.{one.name}", one.shape, one.fill, one.dtype) for one in inferred.state
    }
    nodes.append(
        Node(
            OP,
            op,
            read,
            inferred.outputs,
            {name: row.key for name, row in parameters.items()},
            {name: row.key for name, row in state.items()},
            inferred.noise,
            inferred.constraints,
        )
    )
    terms = {}
    for i, kind in enumerate(inferred.outputs):
        if kind.dtype == "float32":
            inputs[f"g{i}"] = kind.plain()
            made = _weighed(i, kind)
            nodes += made
            terms[f"term{i}"] = Ref(made[-1].path)
    entries = {"predict": {f"y{i}": Ref(OP, i) for i in range(len(inferred.outputs))}}
    return Graph(
        inputs,
        nodes=tuple(nodes),
        parameters={row.key: row for row in parameters.values()},
        state={row.key: row for row in state.values()},
        entries=entries | ({"loss": terms} if terms else {}),
    )


def _written(kind: TensorType) -> float | None:
    """The plain number that a type stands for; None where it stands for a value."""
    return number(kind) if kind.unit is None else None


def _weighed(place: int, kind: TensorType) -> list[Node]:
    """The nodes that make one number of an output: weighed by its input, and summed where it has axes."""
    weighed, plain = f"weighed{place}", kind.plain()
    product = infer_node(Mul(), (plain, plain)).outputs
    nodes = [Node(weighed, Mul(), (Ref(OP, place), Ref(f"g{place}")), product)]
    if kind.rank:
        nodes.append(Node(f"sum{place}", Sum(), (Ref(weighed),), infer_node(Sum(), product).outputs))
    return nodes
