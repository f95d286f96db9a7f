"""What every contender is given, the same to all: the spec, the batch, the device. It goes to other processes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from multiprocessing.reduction import ForkingPickler
from types import MappingProxyType
from typing import Any

from numpy.typing import NDArray

from netspec.backend import Against
from netspec.recipe.spec import Spec
from netspec_torch.plan import Settled


@dataclass(frozen=True)
class Job:
    """One comparison.

    `drawn` is a batch of numbers by the names of inputs and targets; without it batches come from the spec's own data.
    `device` is `cpu`, `cuda` or `mps`. `precision` and `pins` are asked of the plan, `settled` is what came of it.
    `against` is what a person wrote.
    """

    spec: Spec
    batch: int
    drawn: Mapping[str, NDArray[Any]] | None
    device: str
    precision: str
    against: Against | None = None
    pins: Mapping[str, Any] = field(default_factory=dict)
    settled: Settled | None = None


def _thawed(table: dict[Any, Any]) -> MappingProxyType[Any, Any]:
    return MappingProxyType(table)


def _frozen(table: MappingProxyType[Any, Any]) -> tuple[Any, tuple[dict[Any, Any]]]:
    return _thawed, (dict(table),)


ForkingPickler.register(
    MappingProxyType, _frozen
)  # the tables of a graph are frozen, and Python cannot send such
