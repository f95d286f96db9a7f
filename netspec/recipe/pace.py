"""What a schedule makes of one step: how fast, and with how much memory."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Pace:
    """The learning rate of a step as a factor of the optimizer's `lr`, and the momentum where the schedule moves it.

    `momentum` replaces the optimizer's own for this step: `momentum` where it has one, the first of `betas` elsewhere.
    None leaves the optimizer's own.
    """

    factor: float = 1.0
    momentum: float | None = None


STEADY = Pace()
"""What a step is without a schedule."""
