"""What an update rule is, and what it remembers of a parameter from step to step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from netspec_numpy.rule import Array

Memory = dict[str, Array]
"""What a rule remembers of one parameter; empty before the first step, and a name that is not there counts as 0."""

UpdateRule = Callable[[Any, Array, Array, float, Memory], Array]
"""From the recipe, the parameter, its gradient, the rate of this step and the memory to the parameter after it."""


def count(memory: Memory) -> int:
    """The number of this step, from 1."""
    memory["step"] = np.asarray(memory.get("step", 0)) + 1
    return int(memory["step"])


def running_mean(memory: Memory, name: str, keep: float, value: Array) -> Array:
    """`m(t) = keep * m(t-1) + (1 - keep) * value`, which begins at 0; it is remembered."""
    memory[name] = keep * memory.get(name, np.zeros_like(value)) + (1 - keep) * value
    return memory[name]
