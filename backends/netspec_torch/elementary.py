"""Elementary functions as methods of the tensor."""

from __future__ import annotations

from netspec.ops.elementary import Abs, Clamp, Exp, Log, Sqrt
from netspec_torch.elementwise import folded, plain
from netspec_torch.rule import Lowered, Site, Value, lowers, method


@lowers(Abs)
def abs_(op: Abs, at: Site) -> Lowered:
    """`x.abs()`."""
    del op
    return folded(at) or Lowered(method(at.inputs[0], "abs"))


@lowers(Exp)
def exp(op: Exp, at: Site) -> Lowered:
    """`x.exp()`."""
    del op
    return folded(at) or Lowered(method(at.inputs[0], "exp"))


@lowers(Log)
def log(op: Log, at: Site) -> Lowered:
    """`x.log()`."""
    del op
    return folded(at) or Lowered(method(at.inputs[0], "log"))


@lowers(Sqrt)
def sqrt(op: Sqrt, at: Site) -> Lowered:
    """`x.sqrt()`."""
    del op
    return folded(at) or Lowered(method(at.inputs[0], "sqrt"))


@lowers(Clamp)
def clamp(op: Clamp, at: Site) -> Lowered:
    """`x.clamp(min=0, max=1)`."""
    limits: dict[str, Value] = {
        key: plain(limit) for key, limit in (("min", op.min), ("max", op.max)) if limit is not None
    }
    return folded(at) or Lowered(method(at.inputs[0], "clamp", **limits))
