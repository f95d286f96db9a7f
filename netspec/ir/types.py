"""The type of a value: named axes with sizes, the kind of number, what is proved about the numbers, and their unit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from netspec.ir.dim import Dim
from netspec.ir.facts import NOTHING, Facts

BATCH = "batch"
CHANNEL = "channel"
FEATURE = "feature"
SPATIAL = ("depth", "height", "width")

DType = Literal["float32", "int64", "bool"]
"""`float32` stands for the model's own floating type: `verify` runs the same graph in float64."""


@dataclass(frozen=True)
class Axis:
    """One named axis; `unit` is what its places count, as the bins of a curve over volumes do."""

    name: str
    size: Dim
    unit: str | None = None

    def __str__(self) -> str:
        return f"{self.name}: {self.size}"


@dataclass(frozen=True)
class TensorType:
    """What the checker knows of a value. A constant has no axes; a number per sample has the batch axis alone."""

    axes: tuple[Axis, ...] = ()
    dtype: DType = "float32"
    facts: Facts = NOTHING
    unit: str | None = None

    @property
    def rank(self) -> int:
        """How many axes there are, the batch included."""
        return len(self.axes)

    @property
    def names(self) -> tuple[str, ...]:
        """The axis names in order."""
        return tuple(axis.name for axis in self.axes)

    @property
    def sizes(self) -> tuple[Dim, ...]:
        """The sizes in order."""
        return tuple(axis.size for axis in self.axes)

    @property
    def batched(self) -> bool:
        """Whether the first axis is the batch."""
        return bool(self.axes) and self.axes[0].name == BATCH

    def find(self, name: str) -> int | None:
        """The position of the axis called `name`; None where there is none."""
        for i, axis in enumerate(self.axes):
            if axis.name == name:
                return i
        return None

    def size(self, name: str) -> Dim:
        """The size of the axis called `name`; KeyError where there is none."""
        found = self.find(name)
        if found is None:
            raise KeyError(name)
        return self.axes[found].size

    def with_axes(self, axes: Iterable[Axis]) -> TensorType:
        """The same kind of numbers on other axes; the caller sees to facts that name axes."""
        return replace(self, axes=tuple(axes))

    def with_facts(self, facts: Facts) -> TensorType:
        """The same tensor with other facts."""
        return replace(self, facts=facts)

    def plain(self) -> TensorType:
        """The same axes, floating numbers of which nothing is proved, without a unit."""
        return TensorType(self.axes)

    def __str__(self) -> str:
        inside = ", ".join(str(axis.size) for axis in self.axes)
        return f"{self.dtype}[{inside}]"

    def named(self) -> str:
        """The type with its axis names: `float32[batch: N, channel: 40]`."""
        return f"{self.dtype}[{', '.join(str(axis) for axis in self.axes)}]"


def tensor(
    dtype: DType = "float32", /, *, facts: Facts = NOTHING, unit: str | None = None, **axes: int | str | Dim
) -> TensorType:
    """A type written shortly, axes by keyword in order: `tensor(batch=2, channel=3, height=8, width=8)`."""
    return TensorType(tuple(Axis(name, Dim.of(size)) for name, size in axes.items()), dtype, facts, unit)
