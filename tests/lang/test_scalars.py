from __future__ import annotations

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from netspec.lang.scalars import LONGEST, complaint, resolve


@pytest.mark.parametrize(
    "text, value",
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("Null", None),
        ("true", True),
        ("FALSE", False),
        ("0", 0),
        ("-12", -12),
        ("+3", 3),
        ("010", 10),
        ("0o10", 8),
        ("0x1f", 31),
        ("0xFF", 255),
        ("1e-4", 1e-4),
        ("1E3", 1000.0),
        (".5", 0.5),
        ("5.", 5.0),
        ("-1.5e+2", -150.0),
        (".inf", math.inf),
        ("-.Inf", -math.inf),
        ("+.INF", math.inf),
    ],
)
def test_a_bare_word_has_its_value_of_yaml_1_2(text: str, value: object) -> None:
    assert resolve(text) == value
    assert type(resolve(text)) is type(value)
    assert complaint(text) is None


def test_not_a_number_is_read() -> None:
    assert all(math.isnan(float(str(resolve(text)))) for text in (".nan", ".NaN", ".NAN"))
    assert isinstance(resolve(".nan"), float)


LOOKALIKES = (
    "on off yes no y N tRUE nULL 2026-01-01 12:30:45 = << 1.2.3 0o8 e5 - + . .. -.nan .INf 0x 1e 3x3 inf nan"
)


@pytest.mark.parametrize("text", [*LOOKALIKES.split(), "2 mm", "\u0663", "\uff11\uff12"])
def test_what_only_looks_like_a_value_is_a_word(text: str) -> None:
    assert resolve(text) == text


CURES = {
    "1_000": "1000",
    "-1_0.5_0": "-10.50",
    "1_0e3": "10e3",
    "0b11": "3",
    "-0B101": "-5",
    "0X1F": "31",
    "0x_ff": "255",
    "+0x1f": "31",
    "0O17": "15",
}


@pytest.mark.parametrize("text, cure", CURES.items())
def test_a_number_of_another_version_of_yaml_is_refused_with_the_number_it_means(
    text: str, cure: str
) -> None:
    found = complaint(text)
    assert found is not None
    assert found.cure == cure
    assert isinstance(resolve(cure), int | float)
    assert complaint(cure) is None


@pytest.mark.parametrize(
    "text", ["12_3x", "_1", "0b12", "0b", "0b_", "0xyz", "0o8", "1__", "2026_01_01x", "v1_0"]
)
def test_a_word_with_digits_is_left_alone(text: str) -> None:
    assert resolve(text) == text
    assert complaint(text) is None or text == "1__"


def test_a_number_without_end_is_refused_and_never_computed() -> None:
    long = "9" * 100_000
    found = complaint(long)
    assert found is not None
    assert f"{LONGEST}" in found.message
    assert complaint("9" * LONGEST) is None
    assert resolve("9" * LONGEST) == int("9" * LONGEST)
    assert complaint("a" * 100_000) is None
    assert complaint("1 " * 1000) is None


def test_a_number_beyond_all_others_is_refused() -> None:
    found = complaint("1e999")
    assert found is not None
    assert ".inf" in found.help
    assert complaint("1e308") is None


@given(st.integers(-(10**30), 10**30))
def test_every_integer_is_read_back(number: int) -> None:
    assert resolve(str(number)) == number
    assert number < 0 or (resolve(hex(number)) == number and resolve(oct(number)) == number)


@given(st.floats(allow_nan=False, allow_infinity=False))
@example(5e-324)
def test_every_float_is_read_back(number: float) -> None:
    assert resolve(repr(number)) == number


@given(st.text(alphabet="0123456789_+-.eExXoObBaAfF ", max_size=80))
def test_no_text_of_digits_makes_it_fail(text: str) -> None:
    value = resolve(text)
    assert value is None or isinstance(value, str | int | float)
    found = complaint(text)
    assert found is None or not found.cure or complaint(found.cure) is None
