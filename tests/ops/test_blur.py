"""Blurred pooling under random legal and illegal attributes, and what it is for."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netspec.ir.facts import Facts
from netspec.ir.types import tensor
from netspec.ops.blur import BlurPool
from netspec.ops.sliding import PaddingMode
from tests.conformance.case import Numbers, candidate_outputs, case, forward
from tests.conformance.harness import check_letters, check_or_refused
from tests.ops.strategies import images, per_axis, seeds

FACTS = st.sampled_from(
    [Facts(), Facts(low=1, high=2, nondecreasing="channel"), Facts(low=0, high=1, sums_to_one="channel")]
)


@pytest.mark.parametrize("space", [1, 2, 3])
@given(data=st.data())
def test_numpy_and_torch_agree_on_any_blurred_pool(space: int, data: st.DataObject) -> None:
    op = BlurPool(
        kernel_size=data.draw(per_axis(space, 1, 5)),
        stride=data.draw(per_axis(space, 1, 3)),
        padding_mode=data.draw(st.sampled_from(get_args(PaddingMode))),
    )
    image = data.draw(images(space, facts=data.draw(FACTS)))
    check_or_refused(op, image, seed=data.draw(seeds))
    check_letters(op, image)


@pytest.mark.parametrize(
    "kernel, row",
    [
        (1, [1]),
        (2, [1, 1]),
        (3, [1, 2, 1]),
        (4, [1, 3, 3, 1]),
        (5, [1, 4, 6, 4, 1]),
        (7, [1, 6, 15, 20, 15, 6, 1]),
    ],
)
def test_the_filters_are_those_of_the_paper(kernel: int, row: list[int]) -> None:
    """What one bright place far from the edges becomes is the filter, mirrored, which it is not changed by."""
    use = case(BlurPool(kernel_size=kernel, stride=1), tensor(batch=1, channel=1, width=15))
    (y,) = forward(use, Numbers((np.eye(15)[None, None, 7],)), "eval")
    around = np.trim_zeros(y.ravel())
    assert around.tolist() == [one / sum(row) for one in row]


def test_the_mirror_image_stands_around_as_in_the_paper() -> None:
    """Of 1 2 3 4 the places around are 2 before, 3 and 2 behind: `reflect`, one more after than before."""
    use = case(BlurPool(kernel_size=4, stride=2), tensor(batch=1, channel=1, width=4))
    for run in (forward, candidate_outputs):
        (y,) = run(use, Numbers((np.array([[[1.0, 2.0, 3.0, 4.0]]]),)), "eval")
        first, second = (2 + 3 * 1 + 3 * 2 + 3) / 8, (2 + 3 * 3 + 3 * 4 + 3) / 8
        assert y.ravel().tolist() == [first, second]


@given(st.integers(1, 3), st.sampled_from([2, 3, 4, 5]), seeds)
def test_a_grid_that_alternates_is_level_after_it(stride: int, kernel: int, seed: int) -> None:
    """The finest pattern there is would alias; a binomial filter takes all of it away, and keeps what is level."""
    level = np.random.default_rng(seed).normal()
    fine = level + np.where(np.indices((8, 8)).sum(axis=0) % 2, 1.0, -1.0)[None, None]
    op = BlurPool(kernel_size=kernel, stride=stride, padding_mode="circular")
    (y,) = forward(case(op, tensor(batch=1, channel=1, height=8, width=8)), Numbers((fine,)), "eval")
    assert np.allclose(y, level, rtol=0, atol=1e-13)  # 25 terms of less than 7, 2^-53 of each


def test_it_halves_as_a_stride_does_and_counts_its_products() -> None:
    image = tensor(batch=2, channel=3, height="H", width=9)
    op = BlurPool(kernel_size=3)
    (y,) = case(op, image).inferred.outputs
    assert [str(size) for size in y.sizes[2:]] == ["(H + 1)//2", "5"]
    assert str(op.macs((image,), (y,))) == str(9 * 3 * 5 * y.sizes[2])
