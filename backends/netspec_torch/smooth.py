"""Functions of every number without a corner, by PyTorch's own."""

from __future__ import annotations

from netspec.ops.smooth import Gelu, Logsigmoid, Mish, Silu, Softsign
from netspec_torch.rule import Lowered, Site, Value, call, lowers


@lowers(Silu)
def silu(op: Silu, at: Site) -> Lowered:
    """`F.silu`."""
    del op
    return Lowered(call("F.silu", *at.inputs))


@lowers(Gelu)
def gelu(op: Gelu, at: Site) -> Lowered:
    """`F.gelu`."""
    options: dict[str, Value] = {"approximate": "tanh"} if op.approximate == "tanh" else {}
    return Lowered(call("F.gelu", *at.inputs, **options))


@lowers(Mish)
def mish(op: Mish, at: Site) -> Lowered:
    """`F.mish`."""
    del op
    return Lowered(call("F.mish", *at.inputs))


@lowers(Softsign)
def softsign(op: Softsign, at: Site) -> Lowered:
    """`F.softsign`."""
    del op
    return Lowered(call("F.softsign", *at.inputs))


@lowers(Logsigmoid)
def logsigmoid(op: Logsigmoid, at: Site) -> Lowered:
    """`F.logsigmoid`."""
    del op
    return Lowered(call("F.logsigmoid", *at.inputs))
