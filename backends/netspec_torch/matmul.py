"""Products of matrices by `torch.matmul`."""

from __future__ import annotations

from netspec.ops.matmul import Matmul
from netspec_torch.rule import Lowered, Site, call, lowers


@lowers(Matmul)
def matmul(op: Matmul, at: Site) -> Lowered:
    """`torch.matmul`."""
    del op
    return Lowered(call("torch.matmul", *at.inputs))
