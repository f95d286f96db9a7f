"""The reference: plain NumPy, a backward beside every forward. It proves what the other backends compute."""

from __future__ import annotations

import sys
from functools import cache
from typing import Any

from netspec import backend as contract
from netspec_numpy.averaged import average
from netspec_numpy.disturbed import disturb
from netspec_numpy.rule import Rule
from netspec_numpy.run import run
from netspec_numpy.update import steps, update

__all__ = ["average", "backend", "disturb", "name", "run", "steps", "table", "update"]

name = "numpy"


@cache
def table() -> contract.Rules[Rule[Any]]:
    """The rule of every op. Those of other packages come when they are asked for."""
    return contract.Rules(name, contract.collect(sys.modules[__name__], Rule), Rule)


backend = sys.modules[__name__]
