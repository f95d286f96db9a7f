"""Random transforms as declared: what they draw from, and what is refused with its cure."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from netspec.front import check_source
from netspec.recipe.augment import AUGMENTS, Shift, Zoom
from netspec.recipe.distribution import Distribution
from netspec.text import Source

SPEC = """netspec: 1
inputs: {{cine: {{shape: {{time: 30, height: 64, width: 64}}, range: [0, 1]}}}}
targets: {{volume: {{shape: [], unit: ml, range: [0, 99]}}}}
layers:
  - {{rename: {{time: channel}}}}
  - global_avg_pool
  - linear: 100
  - softmax
  - {{cumsum, name: cdf}}
loss: crps(cdf, volume)
data:
  source: {{dicom_cine: data/heart}}
  fields: {{cine: pixels, volume: Systole}}
  transforms:
    - normalize: {{percentiles: [1, 99], to: [0, 1]}}
    - frames: 30
    - resample: 2 mm
    - crop: {{height: 80, width: 80}}
    - {0}
    - crop: {{height: 64, width: 64}}
"""


def errors(transform: str) -> list[tuple[str, str]]:
    _, found = check_source(Source("net.yaml", SPEC.format(transform)), Path(__file__).parents[2])
    assert all(one.help and one.span for one in found)
    return [(one.code, one.message) for one in found if one.severity.name == "ERROR"]


@pytest.mark.parametrize(
    "transform",
    [
        "flip: {axis: width, p: 0.5}",
        "rotate: {degrees: {uniform: [-15, 15]}}",
        "shift: {distance: {normal: {std: 4 mm}}}",
        "shift: {distance: {uniform: [-4 mm, 4 mm]}}",
        "zoom: {factor: {log_uniform: [0.85, 1.18]}, targets: {volume: volume * factor ** 2}}",
        "roll: {axis: time, frames: {integers: [0, 29]}, p: 0.5}",
        "gamma: {exponent: {uniform: [0.8, 1.25]}}",
        "noise: {std: {uniform: [0, 0.02]}}",
    ],
)
def test_the_forms_of_the_language_are_taken(transform: str) -> None:
    assert errors(transform) == []


@pytest.mark.parametrize(
    "transform, code, words",
    [
        ("flip: {axis: depth}", "NS506", "finds nothing"),
        ("flip: {axis: width, p: 2}", "NS123", "at most 1"),
        ("rotate: {degrees: {uniform: [15, -15]}}", "NS123", "falls from 15 to -15"),
        ("rotate: {degrees: {triangle: [0, 1]}}", "NS123", "one form"),
        ("shift: {distance: 4}", "NS123", "4 of what"),
        ("shift: {distance: 4 px}", "NS123", "`mm`"),
        ("zoom: {factor: {normal: {mean: 1, std: 0.1}}}", "NS507", "must be above 0"),
        ("zoom: {factor: {log_uniform: [0, 1]}}", "NS123", "ends above 0"),
        ("zoom: {factor: 1.1, targets: {mass: factor}}", "NS507", "`mass` is no number"),
        ("zoom: {factor: 1.1, targets: {volume: volum * factor}}", "NS110", "`volum`"),
        ("zoom: {factor: 1.1, targets: {volume: 'volume ^ 2'}}", "NS133", "`^`"),
        ("zoom: {factor: 1.1, targets: {volume: 'factor > 1'}}", "NS134", "no number"),
        ("zoom: {factor: 1.1, targets: {volume: '__import__(factor)'}}", "NS110", "__import__"),
        ("roll: {axis: time, frames: {uniform: [0, 3]}}", "NS507", "whole places"),
        ("gamma: {exponent: 0}", "NS507", "must be above 0"),
        ("noise: {std: -1}", "NS507", "never below 0"),
    ],
)
def test_what_cannot_be_is_told_once_with_its_cure(transform: str, code: str, words: str) -> None:
    ((found, message),) = errors(transform)
    assert found == code
    assert words in message


def test_a_shift_needs_pixels_of_a_known_size() -> None:
    text = SPEC.format("shift: {distance: 4 mm}").replace("    - resample: 2 mm\n", "")
    _, found = check_source(Source("net.yaml", text), Path(__file__).parents[2])
    assert "NS508" in [one.code for one in found]


def test_only_a_crop_that_cuts_stands_behind_what_is_random() -> None:
    ((code, message),) = errors("rotate: {degrees: 5}\n    - resize: {height: 64, width: 64}")
    assert (code, "`resize` stands behind `rotate`" in message) == ("NS507", True)
    ((code, message),) = errors("rotate: {degrees: 5}\n    - crop: {height: 96, width: 96}")
    assert (code, "cuts the middle out" in message) == ("NS507", True)


def test_draws_stay_in_their_bounds_and_reach_both_ends() -> None:
    generator = np.random.Generator(np.random.Philox(1))
    draws = {
        form: [Distribution(form, 1, 3).draw(generator) for _ in range(300)]
        for form in ("uniform", "log_uniform", "integers")
    }
    assert all(1 <= one <= 3 for many in draws.values() for one in many)
    assert set(draws["integers"]) == {1, 2, 3}
    # the median of a log uniform is the geometric mean of its ends, 1.73; of a uniform it is 2
    assert np.median(draws["log_uniform"]) < 1.9 < np.median(draws["uniform"])


def test_a_distribution_is_told_as_it_is_written() -> None:
    zoom = Zoom.model_validate({"factor": {"log_uniform": [0.85, 1.18]}})
    assert str(zoom.factor) == "{log_uniform: [0.85, 1.18]}"
    shift = AUGMENTS["shift"].model_validate({"distance": {"normal": {"std": "4 mm"}}})
    assert isinstance(shift, Shift)
    assert str(shift.distance) == "{normal: {mean: 0 mm, std: 4 mm}}"
