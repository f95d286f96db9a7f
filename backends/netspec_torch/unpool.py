"""`max_unpool`, which PyTorch's own function does for a kernel and a stride that are not known here."""

from __future__ import annotations

from netspec.ops.unpool import MaxUnpool
from netspec_torch.rule import Lowered, Site, call, lowers


@lowers(MaxUnpool)
def max_unpool(op: MaxUnpool, at: Site) -> Lowered:
    """`max_unpool(x, where, like)`."""
    del op
    return Lowered(call("max_unpool", *at.inputs), support=("max_unpool",))
