"""A graph as a notebook shows it: for each layer its shape, what is known of its numbers, and its parameters."""

from __future__ import annotations

from netspec.ir.graph import Graph
from netspec.ir.types import TensorType
from netspec.text.html import table

_HEADER = ("layer", "op", "output", "what is known", "parameters")
_NUMBERS = _HEADER.index("parameters")


def layers(name: str, graph: Graph) -> str:
    """A fragment of HTML: inputs, the layers that the model has, and the number of parameters below the name.

    Parameters that several layers share are counted at the first. Numbers in formulas have no row.
    """
    seen: set[str] = set()
    rows = [_row(key, "input", kind, 0) for key, kind in graph.inputs.items()]
    for node in graph.walk("predict", "train"):
        if not (node.inputs or node.parameters):
            continue
        own = dict.fromkeys(key for key in node.parameters.values() if key not in seen)
        seen.update(own)
        count = sum(graph.parameters[key].count for key in own)
        rows.append(_row(node.path, node.op.name, node.types[0], count))
    total = sum(graph.parameters[key].count for key in seen)
    trainable = sum(graph.parameters[key].count for key in seen if graph.parameters[key].trainable)
    frozen = f" ({total - trainable:,} frozen)" if total != trainable else ""
    return table(f"{name}: {trainable:,} trainable parameters{frozen}", _HEADER, rows, _NUMBERS)


def _row(path: str, op: str, kind: TensorType, count: int) -> tuple[str, ...]:
    known = ", ".join((*kind.facts.names(), *((kind.unit,) if kind.unit else ())))
    sizes = f"[{', '.join(str(size) for size in kind.sizes)}]"
    return path, op, sizes, known, f"{count:,}" if count else ""
