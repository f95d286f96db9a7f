"""Dropout as `nn.Dropout`, which knows the module's mode."""

from __future__ import annotations

from netspec.ops.dropout import Dropout
from netspec_torch.rule import Lowered, Site, call, lowers


@lowers(Dropout)
def dropout(op: Dropout, at: Site) -> Lowered:
    """`nn.Dropout`."""
    return Lowered(call(at.module, *at.inputs), call("nn.Dropout", op.p))
