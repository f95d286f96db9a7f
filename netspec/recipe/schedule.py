"""How the learning rate moves: phases one after another, the last of which takes what is left.

A phase is a pure function from its progress to a factor; the rate of a step is `lr * factor`.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, ClassVar, Protocol, Self

from pydantic import BeforeValidator, Field, model_validator

from netspec.recipe.cycle import CosineRestarts, OneCycle
from netspec.recipe.pace import STEADY, Pace
from netspec.recipe.phase import Schedule, Stretch, steps_of
from netspec.recipe.plateau import Plateau
from netspec.recipe.quantity import Quantity


def _listed(value: object) -> object:
    """A list is how YAML writes a tuple; one duration is a list of one."""
    return tuple(value) if isinstance(value, (list, tuple)) else (value,)


class Constant(Schedule):
    """`factor(t) = 1`."""

    name: ClassVar[str] = "constant"

    def factor(self, step: int, steps: int, steps_per_epoch: int) -> float:
        """One."""
        del step, steps, steps_per_epoch
        return 1.0


class Warmup(Schedule):
    """`factor(t) = start + (1 - start) * (t + 1) / T` over the phase's T steps: it ends at 1 (Goyal et al. 2017)."""

    name: ClassVar[str] = "warmup"
    main: ClassVar[str | None] = "for"

    length_: Stretch = Field(alias="for")
    """How long it takes."""
    start: float = Field(default=0.0, ge=0, le=1)
    """The factor to begin with."""

    @property
    def lasts(self) -> Quantity:
        """What `for` says."""
        return self.length_

    def factor(self, step: int, steps: int, steps_per_epoch: int) -> float:
        """A straight line up to 1."""
        del steps_per_epoch
        return self.start + (1 - self.start) * min(step + 1, steps) / steps


class Cosine(Schedule):
    """`factor(t) = end + (1 - end) * (1 + cos(pi * t / T)) / 2` (Loshchilov and Hutter 2017, eq. 5, no restart)."""

    name: ClassVar[str] = "cosine"
    main: ClassVar[str | None] = "end"

    end: float = Field(default=0.0, ge=0, le=1)

    def factor(self, step: int, steps: int, steps_per_epoch: int) -> float:
        """Half a cosine from 1 down to `end`."""
        del steps_per_epoch
        return self.end + (1 - self.end) * (1 + math.cos(math.pi * min(step, steps) / steps)) / 2


class Step(Schedule):
    """`factor(t) = gamma ** floor(t / step_size)`: `torch.optim.lr_scheduler.StepLR` counted in steps or epochs."""

    name: ClassVar[str] = "step"

    step_size: Stretch
    """How long every step of the staircase lasts."""
    gamma: float = Field(default=0.1, gt=0, le=1)

    def factor(self, step: int, steps: int, steps_per_epoch: int) -> float:
        """A staircase."""
        del steps
        return math.pow(self.gamma, step // steps_of(self.step_size, steps_per_epoch))


class MultiStep(Schedule):
    """`factor(t) = gamma ** n`, n being how many of the `milestones` have passed, as `MultiStepLR` has it."""

    name: ClassVar[str] = "multistep"
    main: ClassVar[str | None] = "milestones"

    milestones: Annotated[tuple[Stretch, ...], BeforeValidator(_listed)] = Field(min_length=1)
    """When the factor falls, the earliest first."""
    gamma: float = Field(default=0.1, gt=0, le=1)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if len({one.unit for one in self.milestones}) > 1:
            raise ValueError("all milestones must be counted in one unit, epochs or steps")
        if any(late.value <= early.value for early, late in pairwise(self.milestones)):
            raise ValueError("the milestones must follow one another, the earliest first")
        return self

    def factor(self, step: int, steps: int, steps_per_epoch: int) -> float:
        """A staircase with steps of unequal length."""
        del steps
        passed = sum(step >= steps_of(one, steps_per_epoch) for one in self.milestones)
        return float(self.gamma**passed)


class Exponential(Schedule):
    """`factor(t) = gamma ** epoch(t)`, the epoch counted in whole epochs as `ExponentialLR` does."""

    name: ClassVar[str] = "exponential"
    main: ClassVar[str | None] = "gamma"

    gamma: float = Field(gt=0, le=1)
    """The factor of every epoch."""

    def factor(self, step: int, steps: int, steps_per_epoch: int) -> float:
        """A falling staircase, one step an epoch."""
        del steps
        return math.pow(self.gamma, step // steps_per_epoch)


class Polynomial(Schedule):
    """`factor(t) = (1 - t / T) ** power` (the "poly" rate of Chen et al. 2017)."""

    name: ClassVar[str] = "polynomial"
    main: ClassVar[str | None] = "power"

    power: float = Field(default=1.0, gt=0)
    """How the factor falls: 1 in a straight line, more than 1 faster at first."""

    def factor(self, step: int, steps: int, steps_per_epoch: int) -> float:
        """From 1 down to 0."""
        del steps_per_epoch
        return float((1 - min(step, steps) / steps) ** self.power)


SCHEDULES: dict[str, type[Schedule]] = {
    kind.name: kind
    for kind in (
        Constant,
        Warmup,
        Cosine,
        CosineRestarts,
        Step,
        MultiStep,
        Exponential,
        Polynomial,
        OneCycle,
        Plateau,
    )
}


class Pacing(Protocol):
    """From a step, and what was measured at the end of each epoch before it, to its pace."""

    def __call__(self, step: int, seen: Sequence[float] = ()) -> Pace:
        """The pace of step `step`, from 0; values of epochs that end later are not looked at."""
        ...


def paces(phases: Sequence[Schedule], steps: int, steps_per_epoch: int) -> Pacing:
    """The pace of every step of a run of `steps`: phases in order, the last one stretched over what is left."""
    ends: list[int] = []
    begin = 0
    for phase in phases[:-1]:
        begin += phase.length(steps_per_epoch) or max(steps - begin, 1)
        ends.append(begin)
    ends.append(max(steps, begin + 1))

    def pace(step: int, seen: Sequence[float] = ()) -> Pace:
        if not phases:
            return STEADY
        index = next((i for i, end in enumerate(ends) if step < end), len(ends) - 1)
        start = ends[index - 1] if index else 0
        own = phases[index].length(steps_per_epoch) or ends[index] - start
        known = seen[start // steps_per_epoch : step // steps_per_epoch]
        return phases[index].pace(step - start, own, steps_per_epoch, known)

    return pace


def watching(phases: Sequence[Schedule]) -> Plateau | None:
    """The phase that watches a metric; it takes what is left, so there is one at the most."""
    return next((phase for phase in phases if isinstance(phase, Plateau)), None)
