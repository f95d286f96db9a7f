"""How long the sums inside an op are: what its rounding is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import ceil, prod

from netspec.ir.types import TensorType

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Shapes:
    """One use of an op as it ran: the types of its inputs, and all shapes as numbers, parameters by local names."""

    types: tuple[TensorType, ...]
    inputs: tuple[Shape, ...]
    outputs: tuple[Shape, ...]
    parameters: Mapping[str, Shape] = field(default_factory=dict)

    @cached_property
    def read(self) -> tuple[int, ...]:
        """How many numbers each input holds, at least one: a mask may leave nothing of a batch. Written numbers, which
        everybody reads exactly, are left out.
        """
        kept = zip(self.types, self.inputs, strict=True)
        return tuple(max(prod(shape), 1) for kind, shape in kept if not _written(kind)) or (1,)

    @cached_property
    def made(self) -> tuple[int, ...]:
        """How many numbers each output holds, at least one."""
        return tuple(max(prod(shape), 1) for shape in self.outputs) or (1,)

    @property
    def all(self) -> int:
        """All numbers that are there: no sum is longer."""
        return sum(self.read) + sum(self.made) + sum(map(prod, self.parameters.values()))

    @property
    def few(self) -> int:
        """The terms where each number is made of a few others: only what is spread sums up on the way back."""
        return ceil(max(*self.read, *self.made) / min(self.read))

    @property
    def sample(self) -> int:
        """The numbers of one sample."""
        return max(*self.read, *self.made) // max(
            self.inputs[0][0] if self.inputs and self.inputs[0] else 1, 1
        )

    @property
    def share(self) -> int:
        """The numbers of the input that one of the output is made of, where no two are made of the same."""
        return ceil(self.read[0] / self.made[0])


def _written(kind: TensorType) -> bool:
    """Whether a value is a number that stands in a formula."""
    return kind.rank == 0 and kind.facts.low == kind.facts.high
