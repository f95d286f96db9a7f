from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from netspec.text import Source, Span
from netspec.text.suggest import nearest


def test_lines_and_columns_count_from_one() -> None:
    source = Source("a.yaml", "ab\n\ncé\r\nd")
    assert [source.position(offset) for offset in (0, 1, 2, 3, 4, 5, 8, 9)] == [
        (1, 1),
        (1, 2),
        (1, 3),
        (2, 1),
        (3, 1),
        (3, 2),
        (4, 1),
        (4, 2),
    ]
    assert [source.line(number) for number in range(6)] == ["", "ab", "", "cé", "d", ""]


def test_a_span_tells_both_of_its_ends() -> None:
    span = Source("a.yaml", "ab\ncd\n").span(1, 4)
    assert (span.line, span.column, span.end_line, span.end_column) == (1, 2, 2, 2)
    assert (span.text, str(span)) == ("b\nc", "a.yaml:1:2")


def test_a_part_of_a_span_stays_inside_it() -> None:
    span = Source("a.yaml", "0123456789").span(2, 6)
    assert span.part(1, 3).text == "34"
    assert span.part(-5, 2).text == "23"
    assert span.part(3, 99).text == "5"
    assert span.part(99, 120).text == "5"


@given(st.text(alphabet="a\n\ré", max_size=40), st.data())
def test_a_position_leads_back_to_its_character(text: str, data: st.DataObject) -> None:
    offset = data.draw(st.integers(0, len(text)))
    source = Source("a.yaml", text)
    line, column = source.position(offset)
    assert sum(len(row) + 1 for row in text.split("\n")[: line - 1]) + column - 1 == offset
    assert source.line(line) == text.split("\n")[line - 1].rstrip("\r")


@given(st.integers(0, 9), st.integers(0, 9), st.integers(-12, 12), st.integers(-12, 12))
def test_no_part_leaves_its_span_or_is_empty(start: int, length: int, low: int, high: int) -> None:
    span = Span(Source("a.yaml", "x" * 20), start, start + length)
    part = span.part(low, high)
    assert span.start <= part.start <= part.end <= span.end
    assert part.start < part.end or not length


def test_the_name_that_is_meant_is_near() -> None:
    names = ["conv", "batch_norm", "max_pool"]
    assert nearest("Convv", names) == "conv"
    assert nearest("batchnorm", names) == "batch_norm"
    assert nearest("transformer", names) is None
    assert nearest("", names) is None
