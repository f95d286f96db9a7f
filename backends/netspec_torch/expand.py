"""Spreading over the axes of another value by `expand_as`."""

from __future__ import annotations

from netspec.ops.elementwise import number
from netspec.ops.expand import Expand
from netspec_torch.laying import laid
from netspec_torch.rule import Lowered, Site, call, literal, lowers, method


@lowers(Expand)
def expand(op: Expand, at: Site) -> Lowered:
    """`x[:, None].expand_as(like)`, and `torch.full_like(like, 2.0)` of a plain number."""
    value = number(at.types[0])
    if value is not None:
        return Lowered(call("torch.full_like", at.inputs[1], literal(value)))
    return Lowered(method(laid(at.inputs[0], at.types[0], at.types[1], op.name), "expand_as", at.inputs[1]))
