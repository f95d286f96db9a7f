"""Phases that go up as well as down: a cosine that starts again, and one long cycle."""

import math
from collections.abc import Sequence
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from netspec.recipe.pace import Pace
from netspec.recipe.phase import Schedule, Stretch, steps_of


class CosineRestarts(Schedule):
    """`factor(t) = end + (1 - end) * (1 + cos(pi * u / U)) / 2`, u counted from the last restart: `u = 0` is one.

    The first stretch lasts `U = T_0`, every other one `T_mult` times the one before (SGDR, Loshchilov and Hutter 2017,
    eq. 5), as `CosineAnnealingWarmRestarts` has it, moved at every step.
    """

    name: ClassVar[str] = "cosine_restarts"
    main: ClassVar[str | None] = "T_0"

    T_0: Stretch
    """How long the first cosine takes."""
    T_mult: int = Field(default=1, ge=1, le=1000)
    """How much longer than the one before each other one takes."""
    end: float = Field(default=0.0, ge=0, le=1)

    def factor(self, step: int, steps: int, steps_per_epoch: int) -> float:
        """Half a cosine from 1 down to `end`, again and again."""
        del steps
        long = steps_of(self.T_0, steps_per_epoch)
        if self.T_mult == 1:
            step %= long
        while step >= long:
            step -= long
            long *= self.T_mult
        return self.end + (1 - self.end) * (1 + math.cos(math.pi * step / long)) / 2


class OneCycle(Schedule):
    """Up to `lr`, then far below: `factor(t) = a + (b - a) * s(u)` on each of its ways from a to b.

    `u` runs from 0 to 1 over a way, and `s(u) = (1 - cos(pi * u)) / 2`, or `s(u) = u` with `anneal_strategy: linear`
    (Smith and Topin 2019, as `OneCycleLR` has it, whose `max_lr` is the optimizer's `lr`). With T steps in all the
    first way ends at `t = pct_start * T - 1` and leads from `1 / div_factor` to 1, the second at `T - 1` and leads on
    to `1 / (div_factor * final_div_factor)`. With `three_phase` the second way goes back to `1 / div_factor` in as many
    steps as the first took, and a third one to the end.

    The momentum goes the other way, from `max_momentum` to `base_momentum` and back: it replaces the `momentum` of the
    optimizer, or the first of its `betas`. `cycle_momentum: false` leaves the optimizer's own.
    """

    name: ClassVar[str] = "one_cycle"

    pct_start: float = Field(default=0.3, ge=0, le=1)
    """The part of all steps in which the rate rises."""
    anneal_strategy: Literal["cos", "linear"] = "cos"
    """The form of every way."""
    cycle_momentum: bool = True
    """Whether the momentum is moved against the rate; the optimizer must have one."""
    base_momentum: float = Field(default=0.85, ge=0, lt=1)
    """The least momentum, where the rate is highest."""
    max_momentum: float = Field(default=0.95, ge=0, lt=1)
    """The greatest momentum, at both ends."""
    div_factor: float = Field(default=25.0, ge=1)
    """How far below `lr` the rate begins."""
    final_div_factor: float = Field(default=1e4, ge=1)
    """How far below its beginning the rate ends."""
    three_phase: bool = False
    """Whether the rate comes back to where it began before it falls on."""

    @model_validator(mode="after")
    def _momenta_in_order(self) -> Self:
        if self.base_momentum > self.max_momentum:
            raise ValueError("`base_momentum` must not be above `max_momentum`")
        return self

    def factor(self, step: int, steps: int, steps_per_epoch: int) -> float:
        """Up, and down."""
        del steps_per_epoch
        first = 1 / self.div_factor
        last = first / self.final_div_factor
        return self._along(step, steps, (first, 1.0, first, last) if self.three_phase else (first, 1.0, last))

    def pace(self, step: int, steps: int, steps_per_epoch: int, seen: Sequence[float]) -> Pace:
        """The factor, with the momentum that goes against it."""
        del seen
        factor = self.factor(step, steps, steps_per_epoch)
        if not self.cycle_momentum:
            return Pace(factor)
        low, high = self.base_momentum, self.max_momentum
        stops = (high, low, high, high) if self.three_phase else (high, low, high)
        return Pace(factor, self._along(step, steps, stops))

    def _along(self, step: int, steps: int, stops: tuple[float, ...]) -> float:
        """Where step `step` is on the ways between these stops."""
        rise = self.pct_start * steps - 1
        ends = [rise, 2 * self.pct_start * steps - 2, steps - 1] if self.three_phase else [rise, steps - 1]
        step = min(step, steps - 1)
        index = next((i for i, end in enumerate(ends) if step <= end), len(ends) - 1)
        begin = ends[index - 1] if index else 0.0
        long = ends[index] - begin
        u = (step - begin) / long if long else 1.0
        share = (1 - math.cos(math.pi * u)) / 2 if self.anneal_strategy == "cos" else u
        return stops[index] + (stops[index + 1] - stops[index]) * share
