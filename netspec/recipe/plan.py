"""How a training is run on a machine: what may be chosen for speed, and whether it is pinned or measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from annotated_types import Ge, Le

from netspec.ir.record import Record

Auto = Literal["auto"]
Threads = Annotated[int, Ge(1), Le(1024)]
Workers = Annotated[int, Ge(0), Le(64)]


class Plan(Record):
    """How the steps are run: each part is pinned, or `auto`, which measures it on this machine before the first step.

    `plan: auto` is `auto` for all of them. What is left out stays as it is without a plan, so that nothing is measured
    that was not asked for. A measurement takes real steps of this model with batches of this data, in turns, and
    takes another way only where it wins by more than the noise. What was chosen is printed and kept in the run's
    folder: `--resume` repeats it without measuring.
    """

    name: ClassVar[str] = "plan"

    memory_format: Literal["auto", "contiguous", "channels_last"] = "contiguous"
    """How pictures and weights lie in memory. Sums are then added up in another order: last digits change."""
    compile: Auto | bool = False
    """Whether steps go through `torch.compile`; `auto` counts its warm-up against all steps. Last digits change."""
    threads: Auto | Threads | None = None
    """How many threads compute on a CPU; `null` leaves PyTorch's own number. Last digits change."""
    workers: Auto | Workers = 0
    """How many threads gather the next batches while a step is under way. No digit changes."""

    @property
    def measured(self) -> tuple[str, ...]:
        """The parts that are `auto`."""
        return tuple(key for key in type(self).model_fields if getattr(self, key) == "auto")


ALL_AUTO = Plan(memory_format="auto", compile="auto", threads="auto", workers="auto")
"""What `plan: auto` means."""


def asked(written: Auto | Plan | None) -> Plan:
    """The plan that a training asks for: nothing written is PyTorch's own way."""
    if written == "auto":
        return ALL_AUTO
    return written or Plan()


def pinned(plan: Plan, pins: Mapping[str, object]) -> Plan:
    """The plan with parts of it said otherwise, as on the command line; pydantic's ValidationError for a wrong one."""
    told = {key: getattr(plan, key) for key in Plan.model_fields}
    return Plan.model_validate({**told, **pins})
