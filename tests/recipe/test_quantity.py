"""Quantities: a number always says of what."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from netspec.recipe.quantity import Duration, Length, Quantity, Share

LENGTH: TypeAdapter[Quantity] = TypeAdapter(Length)
DURATION: TypeAdapter[Quantity] = TypeAdapter(Duration)
SHARE: TypeAdapter[Quantity] = TypeAdapter(Share)


@pytest.mark.parametrize(
    "written, number", [("2 mm", 2.0), ("1.5mm", 1.5), (" .5 mm ", 0.5), ("1e-1 mm", 0.1), ("0 mm", 0.0)]
)
def test_a_number_with_its_unit_is_read(written: str, number: float) -> None:
    assert LENGTH.validate_python(written) == Quantity(number, "mm")


def test_one_of_a_thing_is_the_same_unit() -> None:
    assert DURATION.validate_python("1 epoch") == Quantity(1, "epochs")
    assert DURATION.validate_python("200 steps") == Quantity(200, "steps")


def test_a_percentage_is_a_share_of_one() -> None:
    assert SHARE.validate_python("2 %").share == 0.02
    with pytest.raises(ValueError, match="no percentage"):
        _ = Quantity(2, "mm").share


@pytest.mark.parametrize("bare", [2, 2.0])
def test_a_bare_number_is_asked_of_what(bare: float) -> None:
    with pytest.raises(ValidationError, match="2 of what\\? Write the unit, as in `2 mm`"):
        LENGTH.validate_python(bare)


@pytest.mark.parametrize(
    "written, message",
    [
        ("2 cm", "`2 cm` is not in `mm`"),
        ("two mm", "a number with its unit is needed"),
        ("-2 mm", "finite and not negative"),
        ("1e999 mm", "finite and not negative"),
        ("2 mm 3", "a number with its unit is needed"),
        ("9" * 99 + " mm", "a number with its unit is needed"),
        (True, "a number with its unit is needed"),
        (None, "a number with its unit is needed"),
        (Quantity(2, "%"), "is not in `mm`"),
    ],
)
def test_anything_else_is_refused_with_an_example(written: object, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        LENGTH.validate_python(written)


def test_a_quantity_is_shown_as_it_is_written() -> None:
    assert str(Quantity(1.5, "mm")) == "1.5 mm"
