"""A node that reduces over the batch, in parts: what each sample adds, the totals, and what is made of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from netspec.ir.graph import Graph, Node, Ref
from netspec.ir.op import Op, infer_node
from netspec.ir.types import TensorType
from netspec.ops.reduction import Factor, Over, Reduction


@dataclass(frozen=True)
class Total:
    """One reduction over the batch: the path of its value, how it reduces, and over which axes of what it reduces."""

    path: str
    how: Over
    axes: tuple[int, ...]


@dataclass(frozen=True)
class Cut:
    """The nodes before the totals, each total with the value to reduce and its type, and the nodes after them."""

    before: tuple[Node, ...]
    totals: tuple[tuple[Total, Ref, TensorType], ...]
    after: tuple[Node, ...] = ()


def cut(graph: Graph, node: Node, op: Reduction, how: Over) -> Cut:
    """The parts of a reducing node.

    A weighted mean has two totals, the sum of what is weighed and the sum of the weights, and ends in their quotient.
    """
    types = tuple(graph.type_of(ref) for ref in node.inputs)
    factors = op.weights(*types) if how == "mean" else ()
    if factors:
        return _weighted(graph, node, op, factors)
    each = op.per_sample(len(types))
    if each is None:
        (value,) = node.inputs
        total = Total(node.path, how, _gone(graph.type_of(value), node))
        return Cut((), ((total, value, node.types[0]),))
    kinds = infer_node(each, types).outputs
    total = Total(node.path, how, _gone(kinds[0], node))
    return Cut((replace(node, op=each, types=kinds),), ((total, Ref(node.path), node.types[0]),))


class _Line:
    """Nodes made one after another from one that was written."""

    def __init__(self, node: Node, known: dict[Ref, TensorType]) -> None:
        self.node = node
        self.known = known
        self.nodes: list[Node] = []

    def use(self, path: str, op: Op, *inputs: Ref) -> Ref:
        """The value of `op` at `path`."""
        kinds = infer_node(op, tuple(self.known[ref] for ref in inputs)).outputs
        made = replace(self.node, path=path, op=op, inputs=inputs, types=kinds, constraints=())
        self.nodes.append(made)
        self.known[Ref(path)] = kinds[0]
        return Ref(path)


def _weighted(graph: Graph, node: Node, op: Reduction, factors: tuple[Factor, ...]) -> Cut:
    """The parts of a weighted mean."""
    from netspec.ops.arithmetic import Constant, Div, Mul  # noqa: PLC0415 - few specs weigh anything
    from netspec.ops.compare import Maximum  # noqa: PLC0415
    from netspec.ops.expand import Expand  # noqa: PLC0415

    path = node.path
    each = op.per_sample(len(node.inputs))
    assert each is not None, f"{op.name} weighs what it does not hold"
    before = _Line(node, {ref: graph.type_of(ref) for ref in node.inputs})
    value = before.use(f"{path}.each", each, *node.inputs)
    weight: Ref | None = None
    for i, (made, index) in enumerate(factors):
        factor = node.inputs[index]
        if made is not None:
            factor = before.use(f"{path}.weight{i}", made, factor)
        factor = before.use(f"{path}.weights{i}", Expand(), factor, value)
        weight = factor if weight is None else before.use(f"{path}.weights", Mul(), weight, factor)
    assert weight is not None
    axes = _gone(before.known[value], node)
    kept = tuple(axis for i, axis in enumerate(before.known[value].axes) if i not in axes)
    shares = (f"{path}.sum", value), (f"{path}.weight", weight)
    kinds = {Ref(total): TensorType(kept, unit=before.known[share].unit) for total, share in shares}
    after = _Line(node, kinds)
    divisor = Ref(f"{path}.weight")
    if op.least_weight:
        least = after.use(f"{path}.least", Constant(value=op.least_weight))
        divisor = after.use(f"{path}.count", Maximum(), divisor, least)
    after.use(path, Div(), Ref(f"{path}.sum"), divisor)
    totals = tuple((Total(total, "sum", axes), share, kinds[Ref(total)]) for total, share in shares)
    return Cut(tuple(before.nodes), totals, tuple(after.nodes))


def _gone(value: TensorType, node: Node) -> tuple[int, ...]:
    """The positions of the axes that a reducing node takes away."""
    kept = set(node.types[0].names)
    return tuple(i for i, name in enumerate(value.names) if name not in kept)
