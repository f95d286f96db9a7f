"""Pools under random legal and illegal attributes, and what they do with ties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netspec.ir.facts import Facts
from netspec.ir.types import tensor
from netspec.ops.pool import AvgPool, GlobalAvgPool, GlobalMaxPool, MaxPool
from tests.conformance.case import Numbers, candidate, case, reference
from tests.conformance.harness import check_or_refused
from tests.ops.strategies import images, per_axis, seeds

FACTS = st.sampled_from(
    [Facts(), Facts(low=-1, high=2, nondecreasing="channel"), Facts(low=0, high=1, sums_to_one="channel")]
)


@pytest.mark.parametrize("space", [1, 2, 3])
@given(data=st.data())
def test_numpy_and_torch_agree_on_any_max_pool(space: int, data: st.DataObject) -> None:
    op = MaxPool(
        kernel_size=data.draw(per_axis(space, 1, 3)),
        stride=data.draw(st.none() | per_axis(space, 1, 3)),
        padding=data.draw(per_axis(space, 0, 1)),
        dilation=data.draw(per_axis(space, 1, 2)),
        ceil_mode=data.draw(st.booleans()),
        return_indices=data.draw(st.booleans()),
    )
    image = data.draw(images(space, channels=(1, 2), facts=data.draw(FACTS)))
    check_or_refused(op, image, seed=data.draw(seeds))


@pytest.mark.parametrize("space", [1, 2, 3])
@given(data=st.data())
def test_numpy_and_torch_agree_on_any_average_pool(space: int, data: st.DataObject) -> None:
    op = AvgPool(
        kernel_size=data.draw(per_axis(space, 1, 3)),
        stride=data.draw(st.none() | per_axis(space, 1, 3)),
        padding=data.draw(per_axis(space, 0, 1)),
        ceil_mode=data.draw(st.booleans()),
        count_include_pad=data.draw(st.booleans()),
        divisor_override=data.draw(st.none() | st.integers(1, 9)),
    )
    image = data.draw(images(space, facts=data.draw(FACTS)))
    check_or_refused(op, image, seed=data.draw(seeds))


@given(st.data(), st.sampled_from([1, 2, 3]), st.sampled_from([GlobalAvgPool, GlobalMaxPool]))
def test_numpy_and_torch_agree_on_global_pools(
    data: st.DataObject, space: int, kind: type[GlobalAvgPool | GlobalMaxPool]
) -> None:
    assert check_or_refused(kind(), data.draw(images(space, facts=data.draw(FACTS))), seed=data.draw(seeds))


def test_the_first_of_equal_numbers_takes_the_gradient_of_a_max_pool() -> None:
    use = case(MaxPool(kernel_size=2, stride=1), tensor(batch=1, channel=1, height=3, width=3))
    level = Numbers((np.ones((1, 1, 3, 3)),))
    pull = (np.array([[[[1.0, 2.0], [4.0, 8.0]]]]),)
    expected = np.array([[[[1.0, 2.0, 0.0], [4.0, 8.0, 0.0], [0.0, 0.0, 0.0]]]])
    assert np.array_equal(reference(use, level, pull, "eval").inputs[0], expected)
    assert np.array_equal(candidate(use, level, pull, "eval").inputs[0], expected)


def test_equal_numbers_share_the_gradient_of_a_global_max_pool() -> None:
    use = case(GlobalMaxPool(), tensor(batch=1, channel=2, width=4))
    ties = Numbers((np.array([[[3.0, 1.0, 3.0, 0.0], [2.0, 2.0, 2.0, 2.0]]]),))
    pull = (np.array([[1.0, 1.0]]),)
    expected = np.array([[[0.5, 0.0, 0.5, 0.0], [0.25, 0.25, 0.25, 0.25]]])
    assert np.array_equal(reference(use, ties, pull, "eval").inputs[0], expected)
    assert np.array_equal(candidate(use, ties, pull, "eval").inputs[0], expected)
