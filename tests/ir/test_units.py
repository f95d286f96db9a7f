"""Units: their normal form, their arithmetic, and what one is in another."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netspec.ir.units import LARGEST_POWER, WORDS, alike, factor, known, power, product, quotient, read, told

words = st.sampled_from(WORDS)


@given(st.lists(words, min_size=1, max_size=3), st.lists(words, max_size=3))
def test_the_text_of_a_unit_reads_back_as_the_same_unit(above: list[str], below: list[str]) -> None:
    made = quotient(product(above), product(below))
    assert made is None or told(known(made)) == made


@given(words, words)
def test_a_product_and_its_quotient_undo_each_other(one: str, other: str) -> None:
    assert quotient(product([one, other]), other) == told(known(one))
    assert quotient(one, one) is None
    assert power(product([one, one]), 0.5) == told(known(one))


@given(words, words)
def test_factors_there_and_back_make_one(one: str, other: str) -> None:
    there, back = factor(one, other), factor(other, one)
    assert (there is None) == (back is None)
    assert there is None or back is None or there * back == pytest.approx(1, rel=1e-15)
    assert factor(one, one) == 1


def test_lengths_of_areas_and_volumes_are_derived() -> None:
    assert product(["mm", "mm2"]) == "mm3"
    assert product(["mm", None]) == "mm"
    assert power("mm2", 0.5) == "mm"
    assert power("mm", 2) == "mm2"
    assert quotient("ml", "s") == "ml/s"
    assert quotient(None, "s") == "1/s"
    assert product(["cm", "mm"]) == "cm*mm"
    assert power("ml", 0.5) == "ml^(1/2)"


@pytest.mark.parametrize(
    "unit, to, by",
    [
        ("mm3", "ml", 0.001),
        ("cm", "mm", 10),
        ("cm2", "mm2", 100),
        ("s", "ms", 1000),
        ("ml/mm2", "cm", 100),
        ("cm*mm", "mm2", 10),
        ("year", "s", 31_557_600),
        ("ml/s", "ml/ms", 0.001),
    ],
)
def test_one_unit_is_so_much_of_another(unit: str, to: str, by: float) -> None:
    assert factor(unit, to) == pytest.approx(by, rel=1e-15)


@pytest.mark.parametrize(
    "unit, to", [("mm", "ml"), ("mm2", "mm3"), ("kg", "ml"), ("degree", "s"), ("s", "mm")]
)
def test_what_measures_something_else_has_no_factor(unit: str, to: str) -> None:
    assert factor(unit, to) is None


def test_a_unit_knows_the_words_it_can_be_said_in() -> None:
    assert alike("ml") == ("mm3",)
    assert alike("cm") == ("mm",)
    assert alike("kg") == ()


@pytest.mark.parametrize(
    "text",
    ["", "1", "litre", "ml*", "*ml", "/s", "ml/1/s", "mm0", "mm99", "mm^(1/0)", "ml" * 60, "mm mm", "Ml"],
)
def test_what_is_no_unit_is_none(text: str) -> None:
    assert read(text) is None


def test_a_power_without_end_is_no_unit_any_more() -> None:
    assert power("mm", LARGEST_POWER) == f"mm{LARGEST_POWER}"
    assert power("mm", LARGEST_POWER + 1) is None
    assert power("mm", 0.1234) is None


def test_a_text_that_is_no_unit_is_a_fault_of_the_program() -> None:
    with pytest.raises(ValueError, match="litre"):
        known("litre")
