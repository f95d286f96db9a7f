"""A graph by hand: values, uses of ops by path, and the tables that follow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from netspec.ir.graph import Graph, GraphParameter, GraphState, Node, Ref
from netspec.ir.op import Op, infer_node
from netspec.ir.types import TensorType


class Build:
    """Collects nodes; every use is inferred as the compiler does it."""

    def __init__(self, targets: Mapping[str, TensorType] | None = None, /, **inputs: TensorType) -> None:
        self._inputs = inputs
        self._targets = dict(targets or {})
        self._nodes: list[Node] = []
        self._parameters: dict[str, GraphParameter] = {}
        self._state: dict[str, GraphState] = {}
        self._types = {Ref(key): kind for key, kind in {**inputs, **self._targets}.items()}

    def use(
        self,
        path: str,
        op: Op,
        *inputs: str | Ref,
        frozen: Iterable[str] = (),
        init: Mapping[str, object] | None = None,
        home: str | None = None,
    ) -> Ref:
        """One node; `home` is the path of the layer whose weights it shares. Gives its first value."""
        refs = tuple(one if isinstance(one, Ref) else Ref(one) for one in inputs)
        inferred = infer_node(op, tuple(self._types[ref] for ref in refs))
        still = frozenset(frozen)
        owner = home or path
        parameters = {one.name: f"{owner}.{one.name}" for one in inferred.parameters}
        state = {one.name: f"{owner}.{one.name}" for one in inferred.state}
        for one in inferred.parameters:
            key = parameters[one.name]
            self._parameters[key] = GraphParameter(
                key, one.shape, one.name not in still, (init or {}).get(one.name)
            )
        for row in inferred.state:
            self._state[state[row.name]] = GraphState(state[row.name], row.shape, row.fill, row.dtype)
        node = Node(
            path, op, refs, inferred.outputs, parameters, state, inferred.noise, inferred.constraints, still
        )
        self._nodes.append(node)
        self._types.update(zip(node.refs, node.types, strict=True))
        return Ref(path)

    def graph(
        self,
        predict: Mapping[str, Ref | str],
        *,
        train: Mapping[str, Ref | str] | None = None,
        loss: Mapping[str, Ref | str] | None = None,
        metrics: Mapping[str, Ref | str] | None = None,
    ) -> Graph:
        """The graph with its entries."""
        entries = {"predict": predict, "train": train or {}, "loss": loss or {}, "metrics": metrics or {}}
        refs = {
            name: {key: one if isinstance(one, Ref) else Ref(one) for key, one in entry.items()}
            for name, entry in entries.items()
        }
        return Graph(self._inputs, self._targets, tuple(self._nodes), self._parameters, self._state, refs)
