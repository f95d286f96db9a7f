"""What a predicted distribution is worth: CRPS, its skill against what needs no image, and whether it is calibrated.

A distribution is its function P(V <= n) at the bins n = 0 .. B - 1, as a last axis. Everything is float64; what is
drawn is drawn from a seed. Sources: Gneiting and Raftery 2007 (CRPS, skill), Efron 1979 (bootstrap), Dawid 1984 (PIT).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Array = NDArray[Any]

DRAWS = 2000
"""Bootstrap samples."""

_CHUNK = 1 << 22  # numbers drawn at once, so that many patients need no more memory than few


def crps(cdf: Array, target: Array) -> Floats:
    """The mean over the bins of (cdf - step at the target) squared, for each row: `[n, bins]`, `[n]` -> `[n]`."""
    n = np.arange(cdf.shape[-1])
    step = n >= np.asarray(target, np.float64)[..., None]
    each: Floats = np.mean((np.asarray(cdf, np.float64) - step) ** 2, axis=-1)
    return each


def empirical_cdf(values: Array, bins: int) -> Floats:
    """The share of `values` that are n or less, for each bin n: the distribution that needs no image at all."""
    ordered = np.sort(np.asarray(values, np.float64))
    shares: Floats = np.searchsorted(ordered, np.arange(bins), side="right") / len(ordered)
    return shares


def skill(score: Array, baseline: Array) -> float:
    """`1 - mean(score) / mean(baseline)`: 1 is perfect, 0 no better than the baseline; NaN if that is perfect."""
    worst = float(np.mean(baseline))
    return 1 - float(np.mean(score)) / worst if worst > 0 else float("nan")


def interval(
    statistic: Callable[..., Floats], *rows: Array, seed: int = 0, level: float = 0.95, draws: int = DRAWS
) -> tuple[float, float]:
    """A bootstrap interval: rows are drawn together, with replacement, so that what is paired stays paired.

    `statistic` takes arrays `[draws, n]` and gives `[draws]`. The interval is the percentile one; one row has none
    (NaN).
    """
    count = len(rows[0])
    if count < 2:
        return float("nan"), float("nan")
    random = np.random.Generator(np.random.Philox(seed))
    at_once = max(1, _CHUNK // count)
    found = []
    for start in range(0, draws, at_once):
        chosen = random.integers(0, count, (min(at_once, draws - start), count))
        found.append(statistic(*(np.asarray(row)[chosen] for row in rows)))
    low, high = np.nanquantile(np.concatenate(found), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def skill_interval(score: Array, baseline: Array, seed: int = 0) -> tuple[float, float]:
    """The 95 % bootstrap interval of the skill over the rows (patients), score and baseline paired."""

    def statistic(ours: Floats, theirs: Floats) -> Floats:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(1 - ours.mean(axis=1) / theirs.mean(axis=1), np.float64)

    return interval(statistic, score, baseline, seed=seed)


def difference_interval(score: Array, baseline: Array, seed: int = 0) -> tuple[float, float]:
    """The 95 % bootstrap interval of mean(score) - mean(baseline), paired: below 0 throughout means better."""

    def statistic(ours: Floats) -> Floats:
        return np.asarray(ours.mean(axis=1), np.float64)

    return interval(statistic, np.asarray(score) - np.asarray(baseline), seed=seed)


def quantile(cdf: Array, q: float) -> Floats:
    """Where each row first reaches q, between the bins on a straight line: `[n, bins]` -> `[n]`.

    Below the first bin it is 0, and the last bin where q is never reached.
    """
    rows = np.asarray(cdf, np.float64)
    bins = rows.shape[-1]
    place = np.minimum((rows < q).sum(axis=-1), bins - 1)
    before = np.maximum(place - 1, 0)
    low = np.take_along_axis(rows, before[:, None], -1)[:, 0]
    high = np.take_along_axis(rows, place[:, None], -1)[:, 0]
    rise = high - low
    share = np.divide(q - low, rise, out=np.ones_like(rise), where=rise > 0)
    where: Floats = before + np.clip(share, 0, 1) * (place - before)
    return where


def pit(cdf: Array, target: Array) -> Floats:
    """The probability integral transform: each row's function at its target, between the bins on a straight line."""
    rows = np.asarray(cdf, np.float64)
    last = rows.shape[-1] - 1
    place = np.clip(np.asarray(target, np.float64), 0, last)
    low = np.floor(place).astype(np.int64)
    high = np.minimum(low + 1, last)
    index = np.arange(len(rows))
    value: Floats = rows[index, low] + (place - low) * (rows[index, high] - rows[index, low])
    return value


@dataclass(frozen=True)
class Calibration:
    """How far the distributions say what they know.

    `histogram` holds how many rows have their PIT in each tenth: flat is calibrated, a hump is too wide, a bowl too
    narrow. `coverage` is the share of targets within the central 50 % and 90 %.
    """

    histogram: tuple[int, ...]
    coverage: dict[str, float]


def calibration(cdf: Array, target: Array) -> Calibration:
    """PIT and coverage of `[n, bins]` at `[n]`."""
    values = pit(cdf, target)
    counts, _ = np.histogram(np.clip(values, 0, 1), bins=10, range=(0, 1))
    within = {
        f"{level:.0%}".rstrip("%"): float(np.mean(np.abs(values - 0.5) <= level / 2)) for level in (0.5, 0.9)
    }
    return Calibration(tuple(int(count) for count in counts), within)


@dataclass(frozen=True)
class AgeAndSex:
    """A baseline that knows a patient's age and sex and sees no image.

    The logarithm of the target is a linear function of sex, of age up to 18 and of age, fitted by least squares to the
    training patients; around it stand the residuals of these same patients as they are, so that nothing is assumed
    of their distribution. Who has no age counts as the mean one, who has no sex as half of each.
    """

    weights: Floats
    residuals: Floats
    mean_age: float

    @classmethod
    def fit(cls, age: Array, sex: Array, target: Array) -> AgeAndSex:
        """Fit it to patients: ages in years (NaN: unknown), sex 0 F, 1 M, else unknown, targets of 0 or more."""
        known = np.asarray(age, np.float64)
        mean_age = float(np.nanmean(known)) if np.isfinite(known).any() else 0.0
        columns = _columns(known, sex, mean_age)
        logs = np.log(np.maximum(np.asarray(target, np.float64), _LEAST))
        weights, *_ = np.linalg.lstsq(columns, logs, rcond=None)
        return cls(np.asarray(weights, np.float64), logs - columns @ weights, mean_age)

    def cdf(self, age: Array, sex: Array, bins: int) -> Floats:
        """The distributions of other patients, `[n, bins]`."""
        centre = _columns(np.asarray(age, np.float64), sex, self.mean_age) @ self.weights
        return np.stack([empirical_cdf(np.exp(one + self.residuals), bins) for one in centre])


_LEAST = 0.1  # the smallest target whose logarithm is taken
_GROWN = 18.0


def _columns(age: Floats, sex: Array, mean_age: float) -> Floats:
    years = np.where(np.isfinite(age), age, mean_age)
    kind = np.asarray(sex)
    male = np.where(kind == 1, 1.0, np.where(kind == 0, 0.0, 0.5))
    return np.stack([np.ones_like(years), male, np.minimum(years, _GROWN), years], axis=1)
