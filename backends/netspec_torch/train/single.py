"""A batch that gives a norm a single number for each channel: the layer and the cure, in place of PyTorch's refusal.

The checker knows how many numbers there are, but for rows that a mask chooses and for batches of a single sample.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from netspec.ir.graph import Graph, Node
from netspec.ops.fold import Fold
from netspec.text import Diagnostic, Severity, SpecError

_TOLD = re.compile(r"Expected more than 1 value per channel .* torch\.Size\(\[([\d, ]+)\]\)")
"""What `torch.nn.functional.batch_norm` says, in the release that is pinned."""


@contextmanager
def told_of_single_numbers(graph: Graph) -> Iterator[None]:
    """Turns PyTorch's refusal to normalise a single number into SpecError NS275 at the layer."""
    try:
        yield
    except ValueError as trouble:
        found = _TOLD.match(str(trouble))
        if found is None:
            raise
        sizes = tuple(int(size) for size in found[1].split(","))
        raise SpecError([_message(graph, sizes)]) from None


def _message(graph: Graph, sizes: tuple[int, ...]) -> Diagnostic:
    """The first norm that takes values of these sizes, and the mask that chose the rows, if one did."""
    node = next((one for one in graph.walk("predict", "train") if _takes(one, sizes)), None)
    notes = []
    if node is not None and node.types[0].axes:
        letters = node.types[0].axes[0].size.symbols
        folds = (one for one in graph.nodes if isinstance(one.op, Fold) and one.op.rows in letters)
        chose = [f"`{one.inputs[1]}`" for one in folds if len(one.inputs) > 1]
        notes = [f"the rows are those where {name} holds: {sizes[0]} of this batch" for name in chose[:1]]
    called = f"`{node.path}`" if node is not None else "a norm"
    return Diagnostic(
        "NS275",
        Severity.ERROR,
        f"a batch gives {called} a single number for each channel, {list(sizes)}, and a variance needs more",
        node.origin[0].span if node is not None and node.origin else None,
        notes=tuple(notes),
        help="use a larger `batch_size`, or leave `batch_norm` out where there is no space to average over",
    )


def _takes(node: Node, sizes: tuple[int, ...]) -> bool:
    """Whether a node asks for more than one number in training, and values of these sizes may reach it."""
    kinds = node.types[0].sizes if node.types else ()
    fits = len(kinds) == len(sizes) and all(
        kind.value in (None, size) for kind, size in zip(kinds, sizes, strict=True)
    )
    return fits and any(one.training for one in node.constraints)
