from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest

from netspec.data.phantom.anatomy import Floats
from netspec.data.phantom.population import LARGEST_VOLUME_ML, Person, draw_person
from netspec.data.phantom.seeding import stream

REAL_PATIENTS = 1140
DRAWN = 4000


@pytest.fixture(scope="module")
def people() -> list[Person]:
    return [draw_person(stream(1, "train", patient, "person")) for patient in range(DRAWN)]


def _numbers(people: list[Person]) -> dict[str, Floats]:
    edv = np.array([one.edv for one in people])
    esv = np.array([one.esv for one in people])
    return {"edv": edv, "esv": esv, "ef": 100 * (edv - esv) / edv}


@pytest.mark.parametrize(
    "name, mean, deviation", [("edv", 163.0, 59.0), ("esv", 70.0, 41.0), ("ef", 58.5, 10.9)]
)
def test_the_labels_resemble_the_real_ones(
    people: list[Person], name: str, mean: float, deviation: float
) -> None:
    """Within four standard errors of the difference between 1,140 real labels and these."""
    values = _numbers(people)[name]
    both = math.sqrt(1 / REAL_PATIENTS + 1 / DRAWN)
    assert abs(values.mean() - mean) < 4 * deviation * both
    # The standard error of a standard deviation is s sqrt((kurtosis - 1) / (4 n)).
    kurtosis = float(np.mean(((values - values.mean()) / values.std()) ** 4))
    assert abs(values.std() - deviation) < 4 * deviation * math.sqrt((kurtosis - 1) / 4) * both


def test_the_two_volumes_hang_together_as_in_real_hearts(people: list[Person]) -> None:
    numbers = _numbers(people)
    correlation = float(np.corrcoef(numbers["edv"], numbers["esv"])[0, 1])
    error = (1 - 0.87**2) * math.sqrt(1 / REAL_PATIENTS + 1 / DRAWN)
    assert abs(correlation - 0.87) < 4 * error


def test_volumes_fit_the_bins_and_are_multiples_of_a_tenth(people: list[Person]) -> None:
    for one in people:
        assert 0 < one.esv < one.edv <= LARGEST_VOLUME_ML
        assert one.edv == round(one.edv, 1)
        assert one.esv == round(one.esv, 1)


def test_a_fifth_are_children_and_three_fifths_are_men(people: list[Person]) -> None:
    share = np.mean([one.age < 18 for one in people])
    men = np.mean([one.sex == "M" for one in people])
    # 22 % are drawn as children; the chance that Gamma(6, 2) stays below 18 is 0.884.
    young = 0.22 * 0.884
    assert abs(share - young) < 4 * math.sqrt(young * (1 - young) / DRAWN)
    assert abs(men - 0.59) < 4 * math.sqrt(0.59 * 0.41 / DRAWN)
    assert max(one.age for one in people) <= 95


def test_streams_differ_by_every_part_of_their_key() -> None:
    keys = [
        (1, "train", 1, "person", 0),
        (2, "train", 1, "person", 0),
        (1, "test", 1, "person", 0),
        (1, "train", 2, "person", 0),
        (1, "train", 1, "pose", 0),
        (1, "train", 1, "person", 1),
    ]
    first: list[npt.NDArray[np.float64]] = [stream(*key).random(4) for key in keys]
    assert len({tuple(numbers) for numbers in first}) == len(keys)
    assert tuple(stream(*keys[0]).random(4)) == tuple(first[0])
