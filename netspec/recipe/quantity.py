"""A number with its unit, as it is written: `2 mm`, `5 epochs`, `2 %`. A bare number is refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

_WRITTEN = re.compile(r"\s*([+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)\s*([A-Za-z%]+)\s*")
_SINGULAR = {"epoch": "epochs", "step": "steps"}


@dataclass(frozen=True)
class Quantity:
    """A number and the unit it was written in (`mm`, `%`, `epochs`, `steps`)."""

    value: float
    unit: str

    @property
    def share(self) -> float:
        """The number as a fraction of one: 2 % is 0.02; only percentages have one."""
        if self.unit != "%":
            raise ValueError(f"`{self}` is no percentage")
        return self.value / 100

    def __str__(self) -> str:
        return f"{self.value:g} {self.unit}"


def _reader(*units: str) -> Callable[[object], object]:
    """A validator that takes `NUMBER UNIT` with one of `units`; ValueError says what was expected."""
    wanted = " or ".join(f"`{unit}`" for unit in units)

    def read(value: object) -> object:
        if isinstance(value, Quantity):
            if value.unit in units:
                return value
            raise ValueError(f"`{value}` is not in {wanted}")
        if isinstance(value, int | float) and not isinstance(value, bool):
            # a TypeError would leave pydantic as it is; only a ValueError becomes a located message
            raise ValueError(f"{value:g} of what? Write the unit, as in `{value:g} {units[0]}`")  # noqa: TRY004
        found = _WRITTEN.fullmatch(value) if isinstance(value, str) and len(value) <= 64 else None
        if found is None:
            raise ValueError(f"a number with its unit is needed, as in `2 {units[0]}`")
        unit = _SINGULAR.get(found[2], found[2])
        if unit not in units:
            raise ValueError(f"`{found[0].strip()}` is not in {wanted}")
        number = float(found[1])
        if number < 0 or number == float("inf"):
            raise ValueError(f"`{found[0].strip()}` cannot be: it must be finite and not negative")
        return Quantity(number, unit)

    return read


def _whole(quantity: Quantity) -> Quantity:
    """A number without a fraction."""
    if not quantity.value.is_integer():
        raise ValueError(f"`{quantity}` is not counted in whole {quantity.unit}")
    return quantity


@dataclass(frozen=True)
class Units:
    """A mark on a type: the units its numbers may be written in."""

    names: tuple[str, ...]


def units(metadata: Iterable[object]) -> tuple[str, ...]:
    """The units among the marks of a type; none where it is no quantity."""
    return next((one.names for one in metadata if isinstance(one, Units)), ())


Length = Annotated[Quantity, BeforeValidator(_reader("mm")), Units(("mm",))]
"""A length in millimetres, as `2 mm`."""

Share = Annotated[Quantity, BeforeValidator(_reader("%")), Units(("%",))]
"""A share of a whole, as `2 %`."""

Epochs = Annotated[Quantity, BeforeValidator(_reader("epochs")), AfterValidator(_whole), Units(("epochs",))]
"""A number of whole epochs, as `5 epochs`."""

Duration = Annotated[Quantity, BeforeValidator(_reader("epochs", "steps")), Units(("epochs", "steps"))]
"""A stretch of training, as `5 epochs` or `2000 steps`."""
