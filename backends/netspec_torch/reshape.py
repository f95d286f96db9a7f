"""Other axes by `x.reshape`."""

from __future__ import annotations

import ast
from functools import reduce

from netspec.ops.reshape import REST, Reshape, reshaped
from netspec_torch.extent import size_of
from netspec_torch.rule import Lowered, Site, Value, binary, literal, lowers, method


@lowers(Reshape)
def reshape(op: Reshape, at: Site) -> Lowered:
    """`x.reshape(x.shape[0], 4, 12)`; what is left of free sizes is counted."""
    (x,), kind = at.inputs, at.types[0]
    made = reshaped(op, kind)
    first = 1 if kind.batched else 0
    sizes: list[Value] = [size_of(x, kind, place) for place in range(first)]
    for (_, size), axis in zip(op.axes, made.axes[first:], strict=True):
        if axis.size.value is not None:
            sizes.append(axis.size.value)
        elif isinstance(size, str):
            sizes.append(size_of(x, kind, kind.names.index(size)))
        else:
            assert size == REST, f"{size} is free"
            sizes.append(_left(at, made.rest or ((), 1)))
    return Lowered(method(x, "reshape", *sizes))


def _left(at: Site, rest: tuple[tuple[int, ...], int]) -> ast.expr:
    """`x.shape[2] * x.shape[3] // 4`."""
    places, divisor = rest
    (x,), kind = at.inputs, at.types[0]
    whole = literal(reduce(lambda a, b: binary(a, "*", b), (size_of(x, kind, place) for place in places)))
    return whole if divisor == 1 else ast.BinOp(whole, ast.FloorDiv(), literal(divisor))
