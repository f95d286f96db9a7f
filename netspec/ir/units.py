"""Units of measure: products of powers of the words a spec may write, and what one is in another.

A value carries its unit as text in a normal form: `mm2`, `ml/s`, `cm*mm`, `1/year`. Equal texts are equal units. Two
units of one dimension, as `ml` and `mm3`, stay apart until `convert` brings them together, so that no factor is hidden.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

WORDS = ("ml", "mm", "mm2", "mm3", "cm", "cm2", "s", "ms", "year", "kg", "degree")
"""The units that inputs and targets are declared in."""

LONGEST = 100
LARGEST_POWER = 12

_BASES: dict[str, tuple[dict[str, int], Fraction]] = {
    "mm": ({"length": 1}, Fraction(1)),
    "cm": ({"length": 1}, Fraction(10)),
    "ml": ({"length": 3}, Fraction(1000)),
    "ms": ({"time": 1}, Fraction(1, 1000)),
    "s": ({"time": 1}, Fraction(1)),
    "year": ({"time": 1}, Fraction(31_557_600)),  # of 365.25 days, the Julian year of astronomy
    "kg": ({"mass": 1}, Fraction(1)),
    "degree": ({"angle": 1}, Fraction(1)),
}
"""What each word measures, and how much of it one is: of millimetres, seconds, kilograms and degrees."""

_PART = re.compile(r"([*/]?)(?:([a-z]+)([0-9]{1,2})?(?:\^\(([0-9]{1,2})/([0-9]{1,2})\))?|1(?=/))")

Powers = tuple[tuple[str, Fraction], ...]


@dataclass(frozen=True)
class Unit:
    """A product of powers of base words, sorted by word, without powers of zero."""

    powers: Powers = ()

    def __mul__(self, other: Unit) -> Unit:
        total = dict(self.powers)
        for word, power in other.powers:
            total[word] = total.get(word, Fraction(0)) + power
        return Unit(tuple(sorted((word, power) for word, power in total.items() if power)))

    def __pow__(self, exponent: Fraction) -> Unit:
        return Unit(tuple((word, power * exponent) for word, power in self.powers if exponent))

    @property
    def dimension(self) -> dict[str, Fraction]:
        """The powers of length, time, mass and angle that it measures."""
        total: dict[str, Fraction] = {}
        for word, power in self.powers:
            for name, each in _BASES[word][0].items():
                total[name] = total.get(name, Fraction(0)) + each * power
        return {name: power for name, power in total.items() if power}

    def __str__(self) -> str:
        above = [_spelled(word, power) for word, power in self.powers if power > 0]
        below = [_spelled(word, -power) for word, power in self.powers if power < 0]
        return "/".join(["*".join(above) or "1", *below])


NONE = Unit()


def _spelled(word: str, power: Fraction) -> str:
    """A word to a positive power: `mm`, `mm2`, `ml^(1/2)`."""
    if power.denominator != 1:
        return f"{word}^({power})"
    return word if power == 1 else f"{word}{power}"


@cache
def read(text: str) -> Unit | None:
    """The unit of a text such as `mm2`, `ml/s` or `cm*mm`; None where it is none."""
    made, at = NONE, 0
    while at < len(text) <= LONGEST:
        found = _PART.match(text, at)
        if (
            found is None
            or (found[1] == "") != (at == 0)
            or (found[2] is not None and found[2] not in _BASES)
        ):
            return None
        if found[2] is not None:
            power = Fraction(int(found[3] or 1))
            if found[4] is not None:
                if found[3] is not None or int(found[5]) == 0:
                    return None
                power = Fraction(int(found[4]), int(found[5]))
            if not 0 < power <= LARGEST_POWER:
                return None
            made *= Unit(((found[2], power),)) ** Fraction(-1 if found[1] == "/" else 1)
        elif at:
            return None
        at = found.end()
    return made if made != NONE and at == len(text) else None


def known(unit: str | None) -> Unit:
    """The unit of a value's text; a value without one is a pure number. ValueError for a text that is no unit."""
    if unit is None:
        return NONE
    found = read(unit)
    if found is None:
        raise ValueError(f"{unit!r} is no unit")
    return found


def told(unit: Unit) -> str | None:
    """The text of a unit; None for pure numbers, and for what is too long or too high to mean anything."""
    if unit == NONE or any(
        abs(power) > LARGEST_POWER or power.denominator > LARGEST_POWER for _, power in unit.powers
    ):
        return None
    text = str(unit)
    return text if len(text) <= LONGEST else None


def product(units: Iterable[str | None]) -> str | None:
    """The unit of a product: `mm` times `mm2` is `mm3`."""
    made = NONE
    for unit in units:
        made *= known(unit)
    return told(made)


def quotient(above: str | None, below: str | None) -> str | None:
    """The unit of a quotient: `ml` over `ml` is none."""
    return told(known(above) * known(below) ** Fraction(-1))


def power(unit: str | None, exponent: float) -> str | None:
    """The unit of a power: the root of `mm2` is `mm`. None for powers that are no fractions of small numbers."""
    near = Fraction(exponent).limit_denominator(12)
    if float(near) != exponent:
        return None
    return told(known(unit) ** near)


def factor(unit: str, to: str) -> float | None:
    """By what numbers in `unit` are multiplied to be in `to`: 0.001 from `mm3` to `ml`; None where nothing does."""
    one, other = known(unit), known(to)
    if one.dimension != other.dimension:
        return None
    exact, rough = Fraction(1), 1.0
    for word, exponent in (one * other ** Fraction(-1)).powers:
        scale = _BASES[word][1]
        if exponent.denominator == 1:
            exact *= scale**exponent.numerator
        else:
            rough *= float(scale) ** float(exponent)
    return float(exact) * rough


def alike(unit: str) -> tuple[str, ...]:
    """The declared words that `unit` can be converted to, itself left out."""
    return tuple(word for word in WORDS if word != unit and factor(unit, word) is not None)
