"""What a random transform draws from, as written: `{uniform: [-15, 15]}`, `{normal: {std: 4 mm}}`, or a number."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import exp, inf, isfinite, log
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BeforeValidator

if TYPE_CHECKING:
    import numpy as np

Form = Literal["number", "uniform", "log_uniform", "normal", "integers"]

_WRITTEN = re.compile(r"\s*([+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)\s*([A-Za-z]+)\s*")

LARGEST = 1e6
"""The greatest number that a distribution may name."""


@dataclass(frozen=True)
class Distribution:
    """One of the forms with its two numbers: the ends, or mean and standard deviation; a plain number twice.

    `unit` is what the numbers were written in, empty for bare ones. The ends of `integers` are both drawn.
    """

    form: Form
    first: float
    second: float
    unit: str = ""

    @property
    def low(self) -> float:
        """The least number that is drawn."""
        return -inf if self._endless else self.first

    @property
    def high(self) -> float:
        """The greatest number that is drawn."""
        return inf if self._endless else self.first if self.form == "normal" else self.second

    @property
    def whole(self) -> bool:
        """Whether it draws whole numbers only."""
        return self.form == "integers" or (self.form == "number" and self.first.is_integer())

    @property
    def _endless(self) -> bool:
        return self.form == "normal" and self.second > 0

    def draw(self, generator: np.random.Generator) -> float:
        """One number."""
        match self.form:
            case "uniform":
                return float(generator.uniform(self.first, self.second))
            case "log_uniform":
                return exp(generator.uniform(log(self.first), log(self.second)))
            case "normal":
                return float(generator.normal(self.first, self.second))
            case "integers":
                return float(generator.integers(int(self.first), int(self.second), endpoint=True))
            case _:
                return self.first

    def __str__(self) -> str:
        def told(value: float) -> str:
            return f"{value:g} {self.unit}".strip()

        if self.form == "number":
            return told(self.first)
        if self.form == "normal":
            return f"{{normal: {{mean: {told(self.first)}, std: {told(self.second)}}}}}"
        return f"{{{self.form}: [{told(self.first)}, {told(self.second)}]}}"


@dataclass(frozen=True)
class _Reader:
    """A validator that takes one of the forms, its numbers in `unit`; ValueError says what was expected."""

    unit: str = ""

    def __call__(self, value: object) -> object:
        if isinstance(value, Distribution):
            return value
        if not isinstance(value, Mapping):
            plain = self._number(value)
            return Distribution("number", plain, plain, self.unit)
        if len(value) != 1 or next(iter(value)) not in ("uniform", "log_uniform", "normal", "integers"):
            raise ValueError(
                "a distribution has one form? Write `uniform: [a, b]`, `log_uniform: [a, b]`, "
                "`normal: {mean: m, std: s}`, `integers: [a, b]`, or a plain number"
            )
        ((form, inside),) = value.items()
        return self._normal(inside) if form == "normal" else self._ends(form, inside)

    @property
    def _example(self) -> str:
        return f"4 {self.unit}".strip()

    def _number(self, value: object) -> float:
        number = self._length(value) if self.unit else value
        if not isinstance(number, int | float) or isinstance(number, bool) or not isfinite(number):
            raise ValueError("a number is needed? Write a number, or a distribution as `{uniform: [0, 1]}`")
        if abs(number) > LARGEST:
            raise ValueError(f"{number:g} is beyond all use? Write a number of at most {LARGEST:g}")
        return float(number)

    def _length(self, value: object) -> float:
        if isinstance(value, int | float) and not isinstance(value, bool):
            # a TypeError would leave pydantic as it is; only a ValueError becomes a located message
            raise ValueError(f"{value:g} of what? Write the unit, as in `{value:g} {self.unit}`")  # noqa: TRY004
        found = _WRITTEN.fullmatch(value) if isinstance(value, str) and len(value) <= 64 else None
        if found is None or found[2] != self.unit:
            raise ValueError(f"a length in `{self.unit}` is needed? Write it as `{self._example}`")
        return float(found[1])

    def _normal(self, inside: object) -> Distribution:
        if not isinstance(inside, Mapping) or "std" not in inside or not inside.keys() <= {"mean", "std"}:
            raise ValueError(f"`normal` takes `mean` and `std`? Write `{{normal: {{std: {self._example}}}}}`")
        mean = self._number(inside["mean"]) if "mean" in inside else 0.0
        std = self._number(inside["std"])
        if std < 0:
            raise ValueError(f"`std` is below 0? Write `std: {self._example}`")
        return Distribution("normal", mean, std, self.unit)

    def _ends(self, form: Form, inside: object) -> Distribution:
        if not isinstance(inside, tuple | list) or len(inside) != 2:
            raise ValueError(f"`{form}` takes two ends? Write `{{{form}: [a, b]}}`")
        low, high = self._number(inside[0]), self._number(inside[1])
        if low > high:
            raise ValueError(f"`{form}` falls from {low:g} to {high:g}? Write the smaller end first")
        if form == "log_uniform" and low <= 0:
            raise ValueError("`log_uniform` has ends above 0? Write `{log_uniform: [0.8, 1.25]}`")
        if form == "integers" and not (low.is_integer() and high.is_integer()):
            raise ValueError("`integers` has whole ends? Write `{integers: [0, 29]}`")
        return Distribution(form, low, high, self.unit)


@dataclass(frozen=True)
class Drawn:
    """A mark on a type: it is a distribution, whose numbers are in `unit`."""

    unit: str = ""


Numbers = Annotated[Distribution, BeforeValidator(_Reader()), Drawn()]
"""What numbers are drawn from."""

Lengths = Annotated[Distribution, BeforeValidator(_Reader("mm")), Drawn("mm")]
"""What lengths in millimetres are drawn from."""
