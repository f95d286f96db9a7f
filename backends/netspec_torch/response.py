"""Norms of single numbers by their neighbours, by PyTorch's own."""

from __future__ import annotations

from netspec.ops.response import LocalResponseNorm
from netspec_torch.rule import Lowered, Site, Value, call, lowers


@lowers(LocalResponseNorm)
def local_response_norm(op: LocalResponseNorm, at: Site) -> Lowered:
    """`F.local_response_norm`, written with only what differs from PyTorch's defaults."""
    usual = {"alpha": 1e-4, "beta": 0.75, "k": 1.0}
    options: dict[str, Value] = {key: value for key in usual if (value := getattr(op, key)) != usual[key]}
    return Lowered(call("F.local_response_norm", *at.inputs, op.size, **options))
