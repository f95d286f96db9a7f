"""The PyTorch backend: a torch-free table of lowerings, the source code made from it, and the module that runs it."""

from __future__ import annotations

import sys
from functools import cache
from typing import Any

from netspec import backend as contract
from netspec.ir.op import Op
from netspec_torch.rule import Rule

name = "torch"


@cache
def table() -> dict[type[Op], Rule[Any]]:
    """The lowering of every op. Nothing here imports torch."""
    return contract.collect(sys.modules[__name__], Rule)


backend = sys.modules[__name__]
