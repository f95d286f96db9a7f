from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from netspec.ir.view import (
    EVERYTHING,
    View,
    compose,
    fixed,
    same,
    scattered,
    shifted,
    spaced,
    transposed,
    union,
    window,
)


class Step(NamedTuple):
    """A convolution or, upwards, its transpose."""

    up: bool
    taps: int
    stride: int
    padding: int
    dilation: int

    def view(self) -> View:
        make = transposed if self.up else window
        return make("width", self.taps, stride=self.stride, padding=self.padding, dilation=self.dilation)

    def places(self, place: int) -> set[int]:
        """The very places, one by one."""
        if not self.up:
            return {self.stride * place - self.padding + self.dilation * k for k in range(self.taps)}
        reached = (place + self.padding - self.dilation * k for k in range(self.taps))
        return {one // self.stride for one in reached if one % self.stride == 0}


steps = st.builds(
    Step, st.booleans(), st.integers(1, 4), st.integers(1, 3), st.integers(0, 3), st.integers(1, 3)
)


def chain(written: list[Step]) -> View | None:
    """The view through all of these, the first nearest to the input."""
    view: View | None = same("width")
    for step in written:
        assert view is not None
        view = compose(step.view(), view)
    return view


def brute_chain(written: list[Step], place: int) -> set[int]:
    seen = {place}
    for step in reversed(written):
        seen = {one for at in seen for one in step.places(at)}
    return seen


def ends(places: set[int]) -> tuple[int, int] | None:
    return (min(places), max(places)) if places else None


@given(st.lists(steps, max_size=5))
def test_a_chain_of_views_ends_where_the_places_seen_one_by_one_end(
    written: list[Step],
) -> None:
    view = chain(written)
    assert view is not None
    assert view.is_window
    event(f"period {view.period}")
    for place in range(-5, 30):
        assert view.span(place) == ends(brute_chain(written, place))


@given(st.lists(st.lists(steps, max_size=3), min_size=2, max_size=3))
def test_ways_that_meet_reach_from_the_first_to_the_last_place_of_any(
    ways: list[list[Step]],
) -> None:
    views = [chain(one) for one in ways]
    found = union(views)
    assert found is not None
    if len({view.jump for view in views if view is not None}) > 1:
        event("no common jump")
        assert not found.is_window
        return
    for place in range(12):
        seen = set[int]().union(*(brute_chain(one, place) for one in ways))
        assert found.span(place) == ends(seen)


def test_sizes_jumps_and_starts_are_those_of_the_textbook() -> None:
    view = chain(
        [Step(False, 7, 2, 3, 1), Step(False, 3, 2, 1, 1), Step(False, 3, 1, 1, 1), Step(False, 3, 1, 1, 1)]
    )
    assert view is not None
    assert (view.size, float(view.jump), view.start) == (27, 4.0, -13)
    up = chain([Step(False, 3, 2, 1, 1), Step(True, 2, 2, 0, 1), Step(False, 3, 1, 1, 1)])
    assert up is not None
    assert (up.size, float(up.jump), up.period) == (5, 1.0, 2)


def test_what_slides_by_ratios_repeats() -> None:
    view = spaced("width", 3, 2, [(0, 0), (0, 1), (1, 1)])
    assert (view.jump, view.size, view.span(4)) == (Fraction(2, 3), 2, (2, 3))
    assert spaced("width", 4, 4, [(i, i + 1) for i in range(4)]) == window("width", 2)


@pytest.mark.parametrize(
    "outer, inner, wanted",
    [
        (EVERYTHING, window("a", 3), EVERYTHING),
        (EVERYTHING, scattered("a"), EVERYTHING),
        (window("b", 3), EVERYTHING, EVERYTHING),
        (window("b", 3), fixed(4), fixed(4)),
        (scattered("b"), window("a", 3), scattered("b")),
        (window("b", 3), scattered("a"), scattered("b")),
        (fixed(4), window("a", 3, stride=2), View(None, 1, 0, (8,), (10,))),
        (fixed(4), scattered("a"), None),
        (shifted("b", 2), window("a", 3, stride=2), window("b", 3, stride=2, padding=-4)),
    ],
)
def test_views_follow_one_another(outer: View, inner: View, wanted: View | None) -> None:
    assert compose(outer, inner) == wanted


@pytest.mark.parametrize(
    "views, wanted",
    [
        ([window("a", 3), None], None),
        ([EVERYTHING, None], EVERYTHING),
        ([window("a", 3), EVERYTHING], EVERYTHING),
        ([window("a", 3, padding=1), window("a", 5, padding=2)], window("a", 5, padding=2)),
        ([window("a", 3), window("a", 3, stride=2)], scattered("a")),
        ([window("a", 3), window("b", 3)], None),
        ([fixed(1), fixed(4)], View(None, 1, 0, (1,), (4,))),
        ([fixed(1), same("a")], None),
    ],
)
def test_views_unite(views: list[View | None], wanted: View | None) -> None:
    assert union(views) == wanted


def test_a_view_that_would_repeat_too_late_is_none_that_is_known() -> None:
    view: View | None = same("a")
    for period in (31, 29):
        assert view is not None
        view = compose(spaced("a", period, 1, [(0, i % 2) for i in range(period)]), view)
    assert view == scattered("a")
