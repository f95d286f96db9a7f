"""From the times of turns to figures: medians, the interval that noise leaves a ratio, shares of the roof."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import comb
from statistics import median
from typing import Any

LEVEL = 0.95


@dataclass(frozen=True)
class Turn:
    """Some steps in a row: how many, the seconds they took, and how many of these were spent waiting for batches."""

    steps: int
    seconds: float
    waited: float = 0.0

    @property
    def step(self) -> float:
        """Seconds of one step."""
        return self.seconds / self.steps


@dataclass(frozen=True)
class Interval:
    """Two numbers that hold a median between them with the probability `coverage`, whatever the distribution."""

    low: float
    high: float
    coverage: float


def median_interval(values: Sequence[float], level: float = LEVEL) -> Interval:
    """The narrowest pair of order statistics that covers the median with `level` at the least.

    Of n independent values the k smallest are all below the median with probability sum(C(n, i), i < k) / 2^n, and
    likewise the k largest. With fewer than six, even the smallest and the largest cover less than 95 %.
    """
    ordered = sorted(values)
    count = len(ordered)
    k, outside = 1, 2 / 2**count
    while 2 * (k + 1) <= count:
        more = 2 * sum(comb(count, i) for i in range(k + 1)) / 2**count
        if 1 - more < level:
            break
        k, outside = k + 1, more
    return Interval(ordered[k - 1], ordered[-k], max(0.0, 1 - outside))


def ratios(turns: Sequence[Turn], reference: Sequence[Turn]) -> list[float]:
    """The time of a step over the reference's, round by round: what slows both in a round cancels."""
    return [one.step / other.step for one, other in zip(turns, reference, strict=True)]


def row(turns: Sequence[Turn], reference: Sequence[Turn], *, batch: int, macs: int) -> dict[str, Any]:
    """The figures of one contender as plain data; `macs` are the multiply-accumulates of one sample in a step."""
    steps = [one.step for one in turns]
    step, spread = median(steps), median_interval(steps)
    against = ratios(turns, reference)
    noise = median_interval(against)
    return {
        "rounds": len(turns),
        "steps": sum(one.steps for one in turns),
        "step_seconds": step,
        "step_interval": [spread.low, spread.high],
        "steps_per_second": 1 / step,
        "samples_per_second": batch / step,
        "ratio": median(against),
        "ratio_interval": [noise.low, noise.high],
        "coverage": noise.coverage,
        "data_share": sum(one.waited for one in turns) / sum(one.seconds for one in turns),
        "macs_per_second": macs * batch / step,
    }


def roofs(samples: Sequence[Mapping[str, Mapping[str, float]]]) -> dict[str, dict[str, Any]]:
    """The fastest that each precision was seen to multiply: `{precision: {macs_per_second, of}}` from turns of it."""
    best: dict[str, dict[str, Any]] = {}
    for sample in samples:
        for precision, rates in sample.items():
            for of, rate in rates.items():
                if precision not in best or rate > best[precision]["macs_per_second"]:
                    best[precision] = {"macs_per_second": rate, "of": of}
    return best


def plan_of_turns(estimates: Sequence[float], seconds: float) -> tuple[int, list[int]]:
    """How many rounds, and how many steps of each contender in one: about `seconds` a contender.

    Five rounds at the least and 21 at the most; a turn is at least one step, so that slow steps take longer.
    """
    slowest = max(estimates)
    rounds = int(min(21, max(5, seconds / slowest)))
    return rounds, [max(1, round(seconds / rounds / one)) for one in estimates]
