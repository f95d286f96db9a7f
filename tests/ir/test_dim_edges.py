from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netspec.ir.dim import Dim
from netspec.ir.dim_edges import Edge, edge_of, rises_from

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
    edge = None if size.value is not None else edge_of(size.poly)
    if edge is None:
        return
    assert edge.rising is not turned
    there = [at for at in range(1, 200) if size.evaluate({"H": at}) >= 0]
    assert there == (list(range(edge.size, 200)) if edge.rising else list(range(1, edge.size + 1)))


@pytest.mark.parametrize(
    "size, edge",
    [
        (H - 5, Edge(5, rising=True)),
        (H + 5, Edge(1, rising=True)),
        ((H - 3) // 2 - 4, Edge(11, rising=True)),
        (9 - H, Edge(9, rising=False)),
        (-H, Edge(0, rising=False)),
        (H * H - 50, Edge(8, rising=True)),
        (H - 10**40, Edge(10**40, rising=True)),
        (16 * (H // 16) - H, None),
        (Dim.minimum(H, 9) - 4, None),
    ],
    ids=str,
)
def test_known_formulas_have_their_edges(size: Dim, edge: Edge | None) -> None:
    assert edge_of(size.poly) == edge


def test_a_formula_that_rises_forever_has_an_edge_without_a_search_of_every_size() -> None:
    assert edge_of((H // 1000 - 10**60).poly) == Edge(1000 * 10**60, rising=True)


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
