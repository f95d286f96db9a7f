"""Formulas that only rise or only fall, as most that layers ask about do: where they pass zero, if they ever do."""

from __future__ import annotations

from collections.abc import Mapping

from netspec.ir.dim_rounding import substitute
from netspec.ir.dim_terms import Poly, Symbol, add, atom_poly, constant, evaluate, symbols_of


def direction(poly: Poly) -> int:
    """1 for a formula of sizes that never falls, -1 for one that never rises, 0 where that is not plain.

    Symbols, floors and maxima are never negative and never fall (their own coefficients are not negative, see
    `dim_terms`), and grow without end; so do sums of their products with coefficients of one sign.
    """
    coefficients = [coefficient for monomial, coefficient in poly if monomial]
    if not coefficients:
        return 0
    if all(coefficient > 0 for coefficient in coefficients):
        return 1
    return -1 if all(coefficient < 0 for coefficient in coefficients) else 0


def first_size(rising: Poly, beyond: int = 0) -> int:
    """The first size at which a formula of one symbol that rises is at least 0; it is behind `beyond`."""
    return _first(rising, beyond, wanted=True)


def last_size(falling: Poly) -> int:
    """The last size from 1 on at which a formula of one symbol that falls is at least 0; 0 where it is at none."""
    return _first(falling, 0, wanted=False) - 1


def rises_from(poly: Poly, least: Mapping[str, int]) -> bool:
    """Whether a formula plainly never falls below 0 while its symbols are at least what `least` says.

    With every symbol counted from its lowest value no coefficient is negative: (H - 2)*(W - 2) from 3 on is H*W + H + W
    + 1. False says nothing. DimTooComplex where the counting makes the formula too long.
    """
    shifts = {
        name: add(atom_poly(Symbol(name)), constant(least[name])) for name in symbols_of(poly) if least[name]
    }
    return all(coefficient >= 0 for _, coefficient in substitute(poly, shifts))


def _first(poly: Poly, beyond: int, *, wanted: bool) -> int:
    """The first size behind `beyond` at which `poly >= 0` is as wanted, of a formula for which that changes once."""
    (name,) = symbols_of(poly)

    def is_there(size: int) -> bool:
        return (evaluate(poly, {name: size}) >= 0) is wanted

    low, step = beyond, 1
    while not is_there(low + step):
        low, step = low + step, 2 * step
    high = low + step
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_there(middle) else (middle, high)
    return high
