"""Channels dealt out among groups and over space."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - the name that everybody gives it
from hypothesis import given
from hypothesis import strategies as st

from netspec.ir.facts import Facts
from netspec.ir.types import tensor
from netspec.ops.shuffle import ChannelShuffle, PixelShuffle
from tests.conformance.case import case, forward, numbers
from tests.conformance.harness import check_letters, check_or_refused
from tests.ops.strategies import images, seeds

FACTS = st.sampled_from(
    [Facts(), Facts(low=-1, high=2, nondecreasing="channel"), Facts(low=0, high=1, mask=True)]
)


@pytest.mark.parametrize("space", [1, 2, 3])
@given(data=st.data())
def test_numpy_and_torch_agree_on_any_shuffle_of_channels(space: int, data: st.DataObject) -> None:
    op = ChannelShuffle(groups=data.draw(st.integers(1, 4)))
    image = data.draw(images(space, channels=(1, 4, 6), facts=data.draw(FACTS)))
    check_or_refused(op, image, seed=data.draw(seeds))
    check_letters(op, image)


@pytest.mark.parametrize("space", [1, 2, 3])
@given(data=st.data())
def test_numpy_and_torch_agree_on_any_shuffle_of_pixels(space: int, data: st.DataObject) -> None:
    op = PixelShuffle(upscale_factor=data.draw(st.integers(1, 3)))
    image = data.draw(images(space, channels=(1, 4, 8, 9), facts=data.draw(FACTS)))
    check_or_refused(op, image, seed=data.draw(seeds))
    check_letters(op, image)


@given(st.integers(1, 3), st.integers(1, 3), seeds)
def test_pixels_are_shuffled_as_torch_does(r: int, channels: int, seed: int) -> None:
    """The lowering does not call torch's own function, so it is held to it here."""
    use = case(PixelShuffle(upscale_factor=r), tensor(batch=2, channel=channels * r * r, height=2, width=3))
    drawn = numbers(use, seed)
    (y,) = forward(use, drawn, "eval")
    assert np.array_equal(y, F.pixel_shuffle(torch.from_numpy(drawn.inputs[0]), r).numpy())


@given(st.integers(1, 4), st.integers(1, 4), seeds)
def test_a_shuffle_is_undone_by_as_many_groups_as_a_group_had_channels(
    groups: int, each: int, seed: int
) -> None:
    image = tensor(batch=1, channel=groups * each, width=3)
    there, back = case(ChannelShuffle(groups=groups), image), case(ChannelShuffle(groups=each), image)
    drawn = numbers(there, seed)
    (mixed,) = forward(there, drawn, "eval")
    (again,) = forward(back, type(drawn)((mixed,)), "eval")
    assert np.array_equal(again, drawn.inputs[0])
