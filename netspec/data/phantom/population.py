"""Who lies in the scanner: age, sex and the two volumes, drawn to resemble the public labels of the Data Science Bowl.

The 1,140 real labels have EDV 163 +- 59 ml, ESV 70 +- 41 ml, EF 58.5 +- 10.9 % and a correlation of 0.87 between the
two volumes; the constants below were fitted to these.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

LARGEST_VOLUME_ML = 599.0  # the score knows no volume above it

Sex = Literal["M", "F"]

_BASE_ML: dict[Sex, float] = {"M": 172.0, "F": 138.0}


@dataclass(frozen=True)
class Person:
    """One patient: completed years, sex `M` or `F`, end-diastolic and end-systolic volume in ml.

    The volumes are multiples of 0.1 ml, as real labels are, so that what the table says is exact.
    """

    age: int
    sex: Sex
    edv: float
    esv: float

    @property
    def ejection_fraction(self) -> float:
        """(EDV - ESV) / EDV, between 0 and 1."""
        return (self.edv - self.esv) / self.edv

    @property
    def body_scale(self) -> float:
        """Length of the body relative to an adult's, 0.45 to 1."""
        return float(0.45 + 0.55 * min(self.age / 16, 1.0) ** 0.7)


def draw_person(rng: np.random.Generator) -> Person:
    """Draw until the end-diastolic volume fits the score's 600 bins."""
    while True:
        person = _draw(rng)
        if person.edv <= LARGEST_VOLUME_ML:
            return person


def _draw(rng: np.random.Generator) -> Person:
    years = _age(rng)
    sex: Sex = "M" if rng.random() < 0.59 else "F"
    growth = min(max(years / 16, 0.02), 1.0) ** 0.8
    edv = _BASE_ML[sex] * growth * math.exp(rng.normal(0, 0.27))
    ill = rng.random() < 0.13
    fraction = rng.normal(0.41, 0.125) if ill else rng.normal(0.612, 0.062)
    fraction = min(max(fraction, 0.09), 0.80)
    if ill:  # a failing heart grows
        edv *= math.exp(1.25 * max(0.60 - fraction, 0.0) + rng.normal(0, 0.25))
    return Person(int(years), sex, round(edv, 1), round(edv * (1 - fraction), 1))


def _age(rng: np.random.Generator) -> float:
    if rng.random() < 0.22:
        return float(min(rng.gamma(6, 2), 18.0))
    return float(min(max(rng.normal(50, 16.5), 18.0), 95.0))
