"""Resizing in every mode by sizes, factors and other values, with numbers and with letters."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - the name that everybody gives it
from hypothesis import given
from hypothesis import strategies as st

from netspec.ir.dim import Dim
from netspec.ir.facts import Facts
from netspec.ir.types import tensor
from netspec.ops.ratio import Mode
from netspec.ops.resize import Resize, ResizeLike, fractions
from netspec_torch.resize import LARGEST_EXACT
from netspec_torch.support import resize_nearest, resize_smooth
from tests.conformance.case import Numbers, case, forward, lowered
from tests.conformance.harness import check_letters, check_or_refused
from tests.ops.strategies import images, per_axis, seeds

MODES: st.SearchStrategy[Mode] = st.sampled_from(["nearest", "nearest_exact", "linear", "bicubic"])
FACTORS = st.sampled_from([2.0, 3.0, 1.0, 0.5, 1.5, 1 / 3, 2 / 3, 0.75, 2.5, 1.1])
FACTS = st.sampled_from(
    [
        Facts(),
        Facts(low=-1, high=2, nondecreasing="channel"),
        Facts(low=0, high=1, sums_to_one="channel"),
        Facts(high=0, log_probabilities="channel"),
        Facts(low=0, high=1, mask=True),
        Facts(low=0, high=3, classes=4),
    ]
)


def _weighing(data: st.DataObject, mode: Mode) -> tuple[bool, bool]:
    """`align_corners` and `antialias`, mostly where they are legal."""
    if mode.startswith("nearest"):
        return False, data.draw(st.sampled_from([False, False, False, True]))
    return data.draw(
        st.sampled_from([(False, False), (True, False), (False, True), (False, True), (True, True)])
    )


@pytest.mark.parametrize("space", [1, 2, 3])
@given(data=st.data())
def test_numpy_and_torch_agree_on_any_resize(space: int, data: st.DataObject) -> None:
    mode = data.draw(MODES)
    aligned, smoothed = _weighing(data, mode)
    if data.draw(st.booleans()):
        op = Resize(
            size=data.draw(per_axis(space, 1, 6)), mode=mode, align_corners=aligned, antialias=smoothed
        )
    else:
        factor = data.draw(FACTORS | st.tuples(*[FACTORS] * space))
        op = Resize(factor=factor, mode=mode, align_corners=aligned, antialias=smoothed)
    image = data.draw(images(space, channels=(1, 2), facts=data.draw(FACTS)))
    check_or_refused(op, image, seed=data.draw(seeds))
    check_letters(op, image)


@pytest.mark.parametrize("space", [1, 2, 3])
@given(data=st.data())
def test_numpy_and_torch_agree_on_any_resize_to_the_size_of_another_value(
    space: int, data: st.DataObject
) -> None:
    x, like = (data.draw(images(space, channels=(1, 2), facts=data.draw(FACTS))) for _ in range(2))
    like = like.with_axes((x.axes[0], *like.axes[1:]))
    mode = data.draw(MODES)
    aligned, smoothed = _weighing(data, mode)
    op = ResizeLike(mode=mode, align_corners=aligned, antialias=smoothed)
    check_or_refused(op, x, like, seed=data.draw(seeds))
    check_letters(op, x, like)


@given(st.integers(1, 1000), st.integers(1, 1000))
def test_a_factor_is_the_fraction_it_was_computed_from(up: int, down: int) -> None:
    image = tensor(batch=1, channel=1, width=4)
    assert fractions(Resize(factor=up / down), image) == (Fraction(up, down),)


def test_a_third_of_three_times_a_size_is_the_size_again() -> None:
    image = tensor(batch=1, channel=1, height=3 * Dim.of("H"), width="W")
    (y,) = case(Resize(factor=(1 / 3, 2)), image).inferred.outputs
    assert y.sizes[2:] == (Dim.of("H"), 2 * Dim.of("W"))


def test_a_factor_that_may_leave_nothing_is_recorded() -> None:
    (needed,) = case(Resize(factor=0.5), tensor(batch=1, channel=1, width="W")).inferred.constraints
    assert (needed.left, needed.relation, needed.right) == (Dim.of("W") // 2, ">=", Dim.of(1))


@pytest.mark.parametrize("factor", range(1, LARGEST_EXACT + 1))
def test_single_precision_finds_every_nearest_place_of_whole_factors(factor: int) -> None:
    """The factors for which `F.interpolate` is written, up to the largest pictures, in the type that trains."""
    for n in [*range(1, 65), 255, 256, 257, 511, 512, 1023, 1024]:
        x = torch.arange(n, dtype=torch.float32).view(1, 1, n)
        got = F.interpolate(x, size=n * factor)[0, 0]
        assert torch.equal(got, x[0, 0].repeat_interleave(factor)), (n, factor)


def test_single_precision_loses_a_place_where_whole_numbers_are_counted_instead() -> None:
    """Without this `resize_nearest` would have no reason to be."""
    x = torch.arange(2, dtype=torch.float32).view(1, 1, 2)
    assert F.interpolate(x, size=82)[0, 0, 41] == 0
    assert resize_nearest(x, (82,))[0, 0, 41] == 1
    ((_, written),) = lowered(case(Resize(size=82), tensor(batch=1, channel=1, width=2)))
    assert written.support == ("resize_nearest",)


@given(st.integers(1, 300), st.integers(1, 300))
def test_nearest_places_are_exact_for_any_two_sizes(n: int, o: int) -> None:
    x = torch.arange(n, dtype=torch.float32).view(1, 1, n)
    assert resize_nearest(x, (o,))[0, 0].tolist() == [i * n // o for i in range(o)]


@given(st.sampled_from(["linear", "bicubic"]), st.booleans(), st.integers(1, 6), st.integers(1, 9))
def test_a_level_picture_stays_level(mode: Mode, aligned: bool, n: int, o: int) -> None:
    """The weights of every place sum to one."""
    op = Resize(size=(o, o), mode=mode, align_corners=aligned)
    use = case(op, tensor(batch=1, channel=1, height=n, width=n))
    (y,) = forward(use, Numbers((np.full((1, 1, n, n), 3.0),)), "eval")
    assert np.allclose(y, 3, rtol=1e-14, atol=0)


@given(st.integers(2, 6), st.integers(2, 9))
def test_linear_with_aligned_corners_draws_a_straight_line(n: int, o: int) -> None:
    use = case(Resize(size=o, mode="linear", align_corners=True), tensor(batch=1, channel=1, width=n))
    (y,) = forward(use, Numbers((np.linspace(0, 1, n).reshape(1, 1, n),)), "eval")
    assert np.allclose(y[0, 0], np.linspace(0, 1, o), rtol=0, atol=1e-14)


@pytest.mark.parametrize("factor", range(1, LARGEST_EXACT + 1))
def test_single_precision_finds_every_place_under_a_middle_of_whole_factors(factor: int) -> None:
    for n in (1, 2, 3, 7, 41, 511, 1024):
        x = torch.arange(n, dtype=torch.float32)[None, None]
        for o in (n * factor, n):
            wanted = [(2 * i + 1) * n // (2 * o) for i in range(o)]
            assert F.interpolate(x, size=o, mode="nearest-exact")[0, 0].tolist() == wanted
            assert resize_nearest(x, (o,), middle=True)[0, 0].tolist() == wanted


@given(st.integers(1, 60), st.integers(1, 60))
def test_the_place_under_a_middle_is_counted_exactly(n: int, o: int) -> None:
    x = torch.arange(n, dtype=torch.float32)[None, None]
    wanted = [int(Fraction(2 * i + 1, 2) * n / o) for i in range(o)]
    assert resize_nearest(x, (o,), middle=True)[0, 0].tolist() == wanted


@given(st.integers(2, 9), st.integers(1, 9), st.sampled_from(["linear", "bicubic"]), seeds)
def test_a_stretched_kernel_keeps_what_is_even_and_skips_nothing(
    n: int, o: int, mode: Mode, seed: int
) -> None:
    """The weights of a place sum to one, and in a size that is not larger every place counts somewhere."""
    use = case(Resize(size=(o, o), mode=mode, antialias=True), tensor(batch=1, channel=1, height=n, width=n))
    (even,) = forward(use, Numbers((np.full((1, 1, n, n), 3.0),)), "eval")
    assert np.allclose(even, 3, rtol=1e-14)
    for i in range(n):
        x = np.zeros((1, 1, n, n))
        x[0, 0, i, :] = 1
        (y,) = forward(use, Numbers((x,)), "eval")
        assert y.any()


def test_a_width_of_one_is_wrong_in_torch_and_right_with_the_axes_exchanged() -> None:
    """Without this `resize_smooth` would have no reason to be."""
    x = torch.tensor([1.0, 2.0, 4.0], dtype=torch.float64).view(1, 1, 3, 1)
    wanted = torch.tensor([[5, 3, 0], [0, 3, 5]], dtype=torch.float64) / 8 @ x.flatten()
    assert torch.allclose(resize_smooth(x, (2, 1), "bilinear").flatten(), wanted)
    assert not torch.allclose(
        F.interpolate(x, size=(2, 1), mode="bilinear", antialias=True).flatten(), wanted
    )
    ((_, written),) = lowered(
        case(
            Resize(size=(2, 1), mode="linear", antialias=True), tensor(batch=1, channel=1, height=3, width=1)
        )
    )
    assert written.support == ("resize_smooth",)
