from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netspec.ir.dim import Dim
from netspec.ir.dim_edges import direction, first_size, last_size, rises_from

H, W = Dim.of("H"), Dim.of("W")


@st.composite
def rising(draw: st.DrawFn) -> Dim:
    """A formula that only rises: windows, joins and products of such."""
    size = H * draw(st.integers(1, 3)) + draw(st.integers(-9, 9))
    for _ in range(draw(st.integers(0, 4))):
        number = draw(st.integers(1, 5))
        match draw(st.sampled_from("wadm")):
            case "w":
                size = (size - number) // draw(st.integers(1, 4)) + 1
            case "a":
                size = size + number
            case "d":
                size = size + H // number
            case _:
                size = Dim.maximum(size, number)
    return size - draw(st.integers(0, 20))


@given(rising(), st.booleans())
def test_the_edge_is_where_the_sign_changes(size: Dim, turned: bool) -> None:
    size = -size if turned else size
    way = 0 if size.value is not None else direction(size.poly)
    if way == 0:
        return
    assert way == (-1 if turned else 1)
    there = [at for at in range(1, 200) if size.evaluate({"H": at}) >= 0]
    if turned:
        assert there == list(range(1, last_size(size.poly) + 1))
        return
    first = first_size(size.poly)
    assert there == list(range(first, 200))
    for beyond in {0, first // 2, first - 1}:
        assert first_size(size.poly, beyond) == first


@pytest.mark.parametrize(
    "size, first",
    [
        (H - 5, 5),
        (H + 5, 1),
        ((H - 3) // 2 - 4, 11),
        (H * H - 50, 8),
        (H - 10**40, 10**40),
        (H // 1000 - 10**60, 1000 * 10**60),
    ],
    ids=str,
)
def test_what_rises_has_a_first_size_found_without_looking_at_all(size: Dim, first: int) -> None:
    assert (direction(size.poly), first_size(size.poly)) == (1, first)


@pytest.mark.parametrize("size, last", [(9 - H, 9), (-H, 0), (20 - H // 3, 62)], ids=str)
def test_what_falls_has_a_last_size(size: Dim, last: int) -> None:
    assert (direction(size.poly), last_size(size.poly)) == (-1, last)


@pytest.mark.parametrize("size", [16 * (H // 16) - H, Dim.minimum(H, 9) - 4, Dim.of(3), H - W], ids=str)
def test_what_may_do_both_has_no_direction(size: Dim) -> None:
    assert direction(size.poly) == 0


@pytest.mark.parametrize(
    "size, least, answer",
    [
        ((H - 2) * (W - 2) - 1, {"H": 3, "W": 3}, True),
        ((H - 2) * (W - 2) - 1, {"H": 3, "W": 2}, False),
        ((H // 2 - 4) * W, {"H": 8, "W": 1}, True),
        ((H // 2 - 4) * W, {"H": 7, "W": 1}, False),
        (H - W, {"H": 9, "W": 1}, False),
    ],
    ids=str,
)
def test_a_formula_that_plainly_rises_is_known_from_where(
    size: Dim, least: dict[str, int], answer: bool
) -> None:
    assert rises_from(size.poly, least) is answer
