"""What a training step takes of memory: as a backend tells it before anything runs, and as it measures it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from netspec.recipe.spec import Spec


@dataclass(frozen=True)
class Memory:
    """Bytes that training holds, in float32.

    `saved` is what a step keeps for its gradients, by the path of the layer (or of what is recomputed) that kept it
    first, in order. `given` are inputs, targets and outputs that are not among these. `again` is what recomputing
    brings back at the most, `moving` the gradients on their way through one layer. `unknown` names functions of which
    nothing is known, by layer: what those keep is missing.
    """

    parameters: int
    buffers: int
    gradients: int
    optimizer: int
    average: int
    given: int
    saved: Mapping[str, int]
    again: int = 0
    moving: int = 0
    unknown: Mapping[str, str] = field(default_factory=dict)

    @property
    def kept(self) -> int:
        """All that is kept for gradients."""
        return sum(self.saved.values())

    @property
    def total(self) -> int:
        """All that is held when the gradients begin to be taken, with room for those under way."""
        fixed = self.parameters + self.buffers + self.gradients + self.optimizer + self.average
        return fixed + self.given + self.kept + self.again + self.moving


@dataclass(frozen=True)
class Measured:
    """Bytes of a real step: what its gradients kept, what they are, what the optimizer keeps.

    `peak` is the most that the process had in memory while it took steps, `before` what it had before the first.
    """

    kept: int
    gradients: int
    optimizer: int
    peak: int
    before: int


@runtime_checkable
class Foreteller(Protocol):
    """A backend that can tell what a training step will take of memory."""

    def memory(self, spec: Spec, sizes: Mapping[str, int]) -> Memory:
        """What a step takes at these sizes of all letters, that of the batch among them. Nothing is run."""
        ...

    def weigh(self, path: Path, define: Mapping[str, Any], sizes: Mapping[str, int]) -> Measured:
        """What a step of the spec at `path` takes: steps are taken, in a process of their own."""
        ...

    def room(self) -> int:
        """Bytes that are free on the CUDA device; SpecError where there is none."""
        ...
