"""What is laid over another value by the names of its axes, as PyTorch broadcasts it."""

from __future__ import annotations

import ast

from netspec.ir.types import TensorType
from netspec.ops.laying import lay
from netspec_torch.rule import method, subscript


def laid(x: ast.expr, kind: TensorType, over: TensorType, op: str) -> ast.expr:
    """`x` with the axes of `over` in their order, of size 1 where it has none: `x[:, :, None]`."""
    places, _ = lay(kind, over, op, 0, "input")
    order = sorted(range(len(places)), key=lambda i: places[i])
    if order != list(range(len(order))):
        x = method(x, "permute", *order)
    if len(places) == over.rank:
        return x
    return subscript(x, *(slice(None) if i in places else None for i in range(over.rank)))
