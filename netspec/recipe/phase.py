"""What a phase of a schedule is: how long it lasts, and what it makes of each of its steps."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, ConfigDict

from netspec.ir.record import Record
from netspec.recipe.pace import Pace
from netspec.recipe.quantity import Duration, Quantity


def steps_of(duration: Quantity, steps_per_epoch: int) -> int:
    """A duration as whole steps, at least one."""
    scale = steps_per_epoch if duration.unit == "epochs" else 1
    return max(1, round(duration.value * scale))


def _lasting(duration: Quantity) -> Quantity:
    """A duration that is not nothing."""
    if duration.value <= 0:
        raise ValueError(f"`{duration}` is no time at all: it must be more than 0")
    return duration


Stretch = Annotated[Duration, AfterValidator(_lasting)]
"""A duration of more than nothing."""


class Schedule(Record):
    """The base of every phase. `length` is how many steps it lasts (None: what is left)."""

    model_config = ConfigDict(allow_inf_nan=False)

    @property
    def lasts(self) -> Quantity | None:
        """How long the phase lasts, as it is written; None takes what is left."""
        return None

    def length(self, steps_per_epoch: int) -> int | None:
        """How many steps the phase lasts; None takes what is left."""
        return None if self.lasts is None else steps_of(self.lasts, steps_per_epoch)

    def factor(self, step: int, steps: int, steps_per_epoch: int) -> float:
        """The factor of step `step` (from 0) of a phase that lasts `steps`."""
        raise NotImplementedError

    def pace(self, step: int, steps: int, steps_per_epoch: int, seen: Sequence[float]) -> Pace:
        """All that the phase makes of a step.

        `seen` are the values of the watched metric, one for each epoch that ended in the phase before this step: with
        the same ones the pace is the same, wherever a run was cut and whoever asks.
        """
        del seen
        return Pace(self.factor(step, steps, steps_per_epoch))
