"""Cropping to sizes and to the size of another value, in the middle and at the end, with numbers and with letters."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from netspec.ir.facts import Facts
from netspec.ir.types import tensor
from netspec.ops.crop import Crop, CropLike
from netspec.ops.extent import End
from tests.conformance.case import Numbers, candidate, case, reference
from tests.conformance.harness import check_letters, check_or_refused
from tests.ops.strategies import SPACE, images, seeds

ENDS: st.SearchStrategy[End] = st.sampled_from(["end", "center"])
FACTS = st.sampled_from(
    [
        Facts(),
        Facts(low=-1, high=2, nondecreasing="width"),
        Facts(low=0, high=1, sums_to_one="channel"),
        Facts(low=0, high=1, sums_to_one="width"),
    ]
)


@pytest.mark.parametrize("space", [1, 2, 3])
@given(data=st.data())
def test_numpy_and_torch_agree_on_any_crop(space: int, data: st.DataObject) -> None:
    names = st.sampled_from([*SPACE[space], "channel", "time"])
    named = data.draw(st.dictionaries(names, st.integers(0, 4), max_size=2))
    every = data.draw(st.integers(1, 4)) if not named else data.draw(st.none() | st.integers(1, 3))
    op = Crop.model_validate({"at": data.draw(ENDS)} | named | ({} if every is None else {"size": every}))
    image = data.draw(images(space, facts=data.draw(FACTS)))
    check_or_refused(op, image, seed=data.draw(seeds))
    check_letters(op, image)


@pytest.mark.parametrize("space", [1, 2, 3])
@given(data=st.data())
def test_numpy_and_torch_agree_on_any_crop_to_the_size_of_another_value(
    space: int, data: st.DataObject
) -> None:
    x, like = (data.draw(images(space, channels=(1, 2), facts=data.draw(FACTS))) for _ in range(2))
    like = like.with_axes((x.axes[0], *like.axes[1:]))
    op = CropLike(at=data.draw(ENDS))
    check_or_refused(op, x, like, seed=data.draw(seeds))
    check_letters(op, x, like)


@pytest.mark.parametrize("at,kept", [("center", [1.0, 2.0]), ("end", [0.0, 1.0])])
def test_of_an_odd_number_of_places_the_larger_half_goes_at_the_end(at: End, kept: list[float]) -> None:
    use = case(Crop(size=2, at=at), tensor(batch=1, channel=1, width=5))
    row = Numbers((np.arange(5.0).reshape(1, 1, 5),))
    for run in (reference, candidate):
        assert run(use, row, (np.ones((1, 1, 2)),), "eval").outputs[0].ravel().tolist() == kept


@pytest.mark.parametrize("arguments", [{}, {"height": [1, 2]}, {"size": 0}, {"size": 2, "at": "start"}])
def test_arguments_of_the_wrong_kind_are_refused(arguments: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Crop.model_validate(arguments)
