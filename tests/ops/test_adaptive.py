"""Pools of a given size, over inputs that are larger, smaller or of the same size."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netspec.ir.dim import Dim
from netspec.ir.facts import Facts
from netspec.ir.types import TensorType, tensor
from netspec.ops.adaptive import AdaptiveAvgPool, AdaptiveMaxPool
from netspec.ops.pool import AvgPool, MaxPool
from tests.conformance.case import Numbers, candidate, case, forward, numbers, reference, shape
from tests.conformance.harness import check_or_refused
from tests.ops.strategies import images, seeds

KINDS = st.sampled_from([AdaptiveAvgPool, AdaptiveMaxPool])
FACTS = st.sampled_from(
    [Facts(), Facts(low=-1, high=2, nondecreasing="channel"), Facts(low=0, high=1, sums_to_one="channel")]
)


@pytest.mark.parametrize("space", [1, 2, 3])
@given(data=st.data())
def test_numpy_and_torch_agree_on_any_adaptive_pool(space: int, data: st.DataObject) -> None:
    wanted = st.integers(0, 4) | st.tuples(*[st.none() | st.integers(1, 5)] * space)
    op = data.draw(KINDS)(output_size=data.draw(wanted))
    image = data.draw(images(space, channels=(1, 2), facts=data.draw(FACTS)))
    check_or_refused(op, image, seed=data.draw(seeds))


@pytest.mark.parametrize("kind,plain", [(AdaptiveAvgPool, AvgPool), (AdaptiveMaxPool, MaxPool)])
@given(st.integers(1, 3), st.integers(1, 3), seeds)
def test_windows_that_divide_the_size_are_those_of_the_plain_pool(
    kind: type[AdaptiveAvgPool | AdaptiveMaxPool],
    plain: type[AvgPool | MaxPool],
    window: int,
    count: int,
    seed: int,
) -> None:
    image = tensor(batch=2, channel=2, height=window * count, width=window * count)
    adaptive, known = case(kind(output_size=count), image), case(plain(kernel_size=window), image)
    drawn = numbers(known, seed)
    assert np.allclose(
        forward(adaptive, drawn, "eval")[0], forward(known, drawn, "eval")[0], rtol=1e-14, atol=1e-14
    )


def test_a_free_size_gives_the_wanted_one_and_null_keeps_it() -> None:
    image = tensor(batch=2, channel=3, height="H", width="W")
    (y,) = case(AdaptiveAvgPool(output_size=(7, None)), image).inferred.outputs
    assert y.sizes[2:] == (Dim.of(7), Dim.of("W"))


def test_the_first_of_equal_numbers_takes_the_gradient_of_each_window() -> None:
    use = case(AdaptiveMaxPool(output_size=2), tensor(batch=1, channel=1, height=3, width=3))
    level = Numbers((np.ones((1, 1, 3, 3)),))
    pull = (np.array([[[[1.0, 2.0], [4.0, 8.0]]]]),)
    expected = np.array([[[[1.0, 2.0, 0.0], [4.0, 8.0, 0.0], [0.0, 0.0, 0.0]]]])
    for run in (reference, candidate):
        assert np.array_equal(run(use, level, pull, "eval").inputs[0], expected)


@pytest.mark.parametrize("kind", [AdaptiveAvgPool, AdaptiveMaxPool])
def test_one_place_keeps_the_axes_and_an_order_of_the_channels(
    kind: type[AdaptiveAvgPool | AdaptiveMaxPool],
) -> None:
    order = Facts(low=0, high=1, nondecreasing="channel")
    image: TensorType = tensor(batch=2, channel=3, height=4, width=4, facts=order, unit="ml")
    (y,) = case(kind(output_size=1), image).inferred.outputs
    assert (shape(y), y.facts, y.unit) == ((2, 3, 1, 1), order, "ml")
