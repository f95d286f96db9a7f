"""Two ways of running the same step against one another: in turns, and judged by what noise cannot explain.

The machine may be busy, and busy differently from second to second, so that times of one way are worth little. In a
round each way takes its turn right after the other, and what counts is the ratio of the two times. Of n rounds the k-th
smallest and the k-th largest ratio enclose the median of all rounds with a probability of `1 - 2 * P(X < k)`, X being
the heads of n coins, whatever the distribution of the noise is. The newcomer wins where the upper end of the interval
of 95 % lies below `1 - GAIN`: a way that is no faster does so once in forty duels at the most.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import comb, inf
from statistics import median
from typing import Protocol

GAIN = 0.03
"""The least share of a step that a way must save: less is not worth other last digits."""

CONFIDENCE = 0.95
FEWEST, MOST = 6, 15
"""Rounds: fewer than six enclose no median with 95 %."""

TURN = 0.03
"""Seconds that a turn takes at the least, so that the clock and the scheduler do not matter."""

WARM = 2
"""Steps of each way before the first round: memory is found, kernels are chosen."""

Clock = Callable[[], float]


class Lane(Protocol):
    """A way that is ready to run."""

    def step(self) -> None:
        """Take one whole step, and be done with it when this returns."""
        ...


@dataclass(frozen=True)
class Duel:
    """What came of it: seconds of a step in each round, and the seconds before the newcomer's first step was done.

    `first` holds what the newcomer needs once, as its compilation.
    """

    mine: tuple[float, ...]
    other: tuple[float, ...]
    first: float = 0.0

    @property
    def ratios(self) -> list[float]:
        """The newcomer's time as a share of the incumbent's, round by round."""
        return [other / mine for mine, other in zip(self.mine, self.other, strict=True)]

    @property
    def ratio(self) -> float:
        """The median of the ratios."""
        return median(self.ratios) if self.mine else inf

    @property
    def upper(self) -> float:
        """The upper end of the interval that encloses the median of all rounds; infinite for too few rounds."""
        k = rank(len(self.mine))
        return sorted(self.ratios)[-k] if k else inf

    @property
    def seconds(self) -> float:
        """A step of the incumbent."""
        return median(self.mine) if self.mine else inf

    @property
    def won(self) -> bool:
        """Whether the newcomer is faster by more than the noise."""
        return self.upper < 1 - GAIN


def rank(rounds: int) -> int:
    """The largest k whose interval encloses the median with 95 %; 0 where none does."""
    below, k = 0.0, 0
    for heads in range(rounds // 2):
        below += comb(rounds, heads) / 2.0**rounds
        if 1 - 2 * below < CONFIDENCE:
            break
        k = heads + 1
    return k


def duel(
    mine: Lane, other: Lane, clock: Clock, budget: float, *, limit: float = inf, first: bool = False
) -> Duel:
    """Let two ways take turns within a budget of seconds, or for six rounds where that takes longer.

    It ends early where the newcomer can no longer win, and before the first round where six would go over the limit.
    `first` also times the newcomer's first step.
    """
    _timed(mine, 1, clock)
    once = _timed(other, 1, clock)
    steps = _timed(mine, WARM - 1, clock), _timed(other, WARM - 1, clock)
    count = max(1, round(TURN / max(*steps, 1e-9)))
    if FEWEST * sum(steps) > limit:
        return Duel((), ())
    rounds = max(FEWEST, min(MOST, int(budget / max(sum(steps) * count, 1e-9))))
    spare = rank(rounds) - 1
    times: tuple[list[float], list[float]] = ([], [])
    lost = 0
    for i in range(rounds):
        turns = ((0, mine), (1, other))
        for which, lane in turns if i % 2 == 0 else turns[::-1]:
            times[which].append(_timed(lane, count, clock))
        lost += times[1][-1] >= (1 - GAIN) * times[0][-1]
        if lost > spare:
            break
    return Duel(tuple(times[0]), tuple(times[1]), max(0.0, once - steps[1]) if first else 0.0)


def needed(seconds: float) -> float:
    """What the fewest rounds take at the least, at so many seconds a step of the incumbent."""
    return (FEWEST + WARM) * seconds


def _timed(lane: Lane, count: int, clock: Clock) -> float:
    """Seconds of one step, over `count` of them."""
    begin = clock()
    for _ in range(count):
        lane.step()
    return (clock() - begin) / max(count, 1)


def told(times: Sequence[float]) -> list[float]:
    """Times with as many digits as they are worth."""
    return [float(f"{one:.4g}") for one in times]
