"""All that a training holds in memory, told from its spec."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

from netspec.backend.memory import Memory
from netspec.recipe.recompute import segments
from netspec.recipe.spec import Spec
from netspec_torch.shadow.predict import kept
from netspec_torch.shadow.remembered import FLOAT, remembered
from netspec_torch.shadow.tensor import BYTES


def memory(spec: Spec, sizes: Mapping[str, int]) -> Memory:
    """What a step of a spec holds at these sizes of all letters."""
    graph, training = spec.graph, spec.training
    used = {
        key
        for node in graph.walk("predict", "train")
        for key in (*node.parameters.values(), *node.state.values())
    }
    rows = [row for key, row in graph.parameters.items() if key in used]
    trained = [row for row in rows if row.trainable]
    numbers = sum(row.count for row in trained)
    parameters = FLOAT * sum(row.count for row in rows)
    buffers = sum(prod(row.shape) * BYTES[row.dtype] for key, row in graph.state.items() if key in used)
    again = segments(graph, training.recompute if training else ())
    owned = {path: frozenset(node.path for node in nodes) for path, nodes in again.items()}
    found = kept(graph, sizes, recomputed=owned)
    return Memory(
        parameters,
        buffers,
        FLOAT * numbers,
        remembered(training.optimizer, numbers, len(trained)) if training else 0,
        parameters + buffers if training and training.average else 0,
        found.given,
        found.rows,
        found.again,
        found.moving,
        found.unknown,
    )
