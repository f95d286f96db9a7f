from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netspec.text import Edit, Source
from netspec.text.edits import apart, applied


def edit(source: Source, start: int, end: int, text: str) -> Edit:
    return Edit(source.span(start, end), text)


def test_edits_are_made_where_they_were_meant() -> None:
    source = Source("a.yaml", "one two three\n")
    edits = [
        edit(source, 4, 7, "2"),
        edit(source, 0, 0, "no "),
        edit(source, 8, 13, ""),
        edit(source, 13, 13, "!"),
    ]
    assert applied(source, edits) == Source("a.yaml", "no one 2 !\n")
    assert applied(source, []) == source


def test_of_two_edits_of_the_same_characters_the_first_is_kept() -> None:
    source = Source("a.yaml", "abcdef")
    first, second, third = edit(source, 0, 3, "x"), edit(source, 2, 4, "y"), edit(source, 3, 3, "z")
    assert apart([third, second, first]) == [first, third]
    assert apart([edit(source, 1, 1, "p"), edit(source, 1, 1, "q")]) == [edit(source, 1, 1, "p")]


def test_what_is_put_into_a_file_of_windows_has_its_line_ends() -> None:
    source = Source("a.yaml", "a: 1\r\nb: 2\r\n")
    assert applied(source, [edit(source, 6, 6, "c: 3\nd: 4\r\n")]).text == "a: 1\r\nc: 3\r\nd: 4\r\nb: 2\r\n"


@pytest.mark.parametrize("places", [[(0, 3), (2, 4)], [(1, 1), (1, 1)], [(2, 9)], [(3, 2)], [(1, 1), (1, 3)]])
def test_edits_that_do_not_fit_are_a_mistake_of_the_caller(places: list[tuple[int, int]]) -> None:
    source = Source("a.yaml", "abcdef")
    with pytest.raises(ValueError, match="touch the same characters"):
        applied(source, [edit(source, start, end, "") for start, end in places])


def test_an_edit_of_another_file_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match=r"an edit of `b\.yaml` does not fit `a\.yaml`"):
        applied(Source("a.yaml", "a"), [edit(Source("b.yaml", "a"), 0, 1, "")])


PLACES = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 4), st.text("xy\n", max_size=3)), max_size=6)


@given(PLACES)
def test_making_edits_at_once_is_making_them_one_by_one_from_the_end(
    places: list[tuple[int, int, str]],
) -> None:
    source = Source("a.yaml", "abcdefghijkl")
    edits = [edit(source, at, min(at + length, 12), text) for at, length, text in places]
    kept = apart(edits)
    wanted = source.text
    for one in reversed(kept):
        wanted = wanted[: one.span.start] + one.text + wanted[one.span.end :]
    assert applied(source, kept).text == wanted
    assert all(one in edits for one in kept)
    assert bool(kept) == bool(edits)
