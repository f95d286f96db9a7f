"""The zoo held against torchvision's own modules, layer by layer and in the numbers they give.

That the shapes of all tensors are those of torchvision in its order means that its published weights can be loaded, as
tests/weights/test_match.py holds for names and shapes and `torchvision_by_script` for the numbers.
"""

from __future__ import annotations

import json
from math import sqrt
from typing import Any

import pytest
import torch

import netspec
from tests.specs.published import MODULES, RECORDS, probe, shapes, spreads
from tests.specs.test_zoo import zoo

LARGE = {"vgg16_bn"}
"""More than a gigabyte in float64."""
RUN = [pytest.param(name, marks=pytest.mark.slow) if name in LARGE else name for name in MODULES]


def recorded(name: str) -> dict[str, Any]:
    kept: dict[str, Any] = json.loads((RECORDS / f"{name}.json").read_text(encoding="utf-8"))
    return kept


@pytest.mark.parametrize("name", MODULES)
def test_every_tensor_of_the_state_has_the_shape_that_torchvision_gives_it_there(name: str) -> None:
    with torch.device("meta"):
        ours = shapes(netspec.compile(zoo(name)).state_dict())
    theirs = recorded(name)["state"]
    assert len(ours) == len(theirs)
    for (own, shape), (other, published) in zip(ours.items(), theirs.items(), strict=True):
        assert shape == published, f"`{own}` stands where torchvision has `{other}`"
        if not other.endswith("layer_scale"):
            assert own.rpartition(".")[2] == other.rpartition(".")[2]


@pytest.mark.parametrize("name", RUN)
def test_with_the_same_weights_it_gives_the_numbers_that_torchvision_gives(name: str) -> None:
    given = probe(netspec.compile(zoo(name)), MODULES[name].shape)
    kept = {key: [float(one) for one in text.split()] for key, text in recorded(name)["outputs"].items()}
    assert given.keys() == kept.keys()
    for key, numbers in kept.items():
        # Twelve digits are written down; in float64 another order of adding up moves the last few of sixteen.
        assert given[key] == pytest.approx(numbers, rel=1e-9, abs=1e-9 * max(map(abs, numbers)))


@pytest.mark.parametrize("name", RUN)
def test_weights_start_as_wide_as_those_of_torchvision(name: str) -> None:
    state = netspec.compile(zoo(name), seed=1).state_dict()
    ours, theirs = spreads(state), recorded(name)["start"]
    assert len(ours) == len(theirs)
    for (own, spread), (other, published) in zip(ours.items(), theirs.items(), strict=True):
        # The spread of n numbers is known to 1 / sqrt(2 n) of itself: six times that, of two of them.
        near = 6 / sqrt(state[own].numel())
        assert spread == pytest.approx(published, rel=near, abs=0), f"`{own}` starts otherwise than `{other}`"


def test_the_record_of_torchvisions_own_states_says_what_the_page_says() -> None:
    """See `torchvision_by_script`, which makes it where torchvision is installed."""
    told = json.loads((RECORDS.parent / "torchvision_weights.json").read_text(encoding="utf-8"))
    assert told["networks"].keys() == MODULES.keys()
    for name, row in told["networks"].items():
        assert row["largest_difference"].keys() == MODULES[name].outputs.keys()
        assert set(row["largest_difference"].values()) == {0.0}
        assert min(row["largest_output"].values()) > 0.01
        count = len(recorded(name)["state"])
        assert row["report"].startswith(f"{count} of {count} tensors from the file")
    assert told["torchvision"].startswith("0.29.1")
