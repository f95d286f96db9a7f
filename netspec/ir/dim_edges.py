"""Formulas that only rise or only fall, as most that layers ask about do: where they pass zero, if they ever do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from netspec.ir.dim_rounding import substitute
from netspec.ir.dim_terms import Poly, Symbol, add, atom_poly, constant, evaluate, symbols_of


class Edge(NamedTuple):
    """The formula is at least 0 exactly from this size on (`rising`), or exactly up to it; 0 where for no size."""

    size: int
    rising: bool


def edge_of(poly: Poly) -> Edge | None:
    """The edge of a formula of one symbol from size 1 on; None where it may both rise and fall.

    Symbols, floors and maxima are never negative and never fall (their own coefficients are not negative, see
    `dim_terms`), and grow without end; so do sums of their products with coefficients of one sign.
    """
    coefficients = [coefficient for monomial, coefficient in poly if monomial]
    if not coefficients:
        return None
    if all(coefficient > 0 for coefficient in coefficients):
        return Edge(_first(poly, wanted=True), rising=True)
    if all(coefficient < 0 for coefficient in coefficients):
        return Edge(_first(poly, wanted=False) - 1, rising=False)
    return None


def rises_from(poly: Poly, least: Mapping[str, int]) -> bool:
    """Whether a formula plainly never falls below 0 while its symbols are at least what `least` says.

    With every symbol counted from its lowest value no coefficient is negative: (H - 2)*(W - 2) from 3 on is H*W + H + W
    + 1. False says nothing. DimTooComplex where the counting makes the formula too long.
    """
    shifts = {
        name: add(atom_poly(Symbol(name)), constant(least[name])) for name in symbols_of(poly) if least[name]
    }
    return all(coefficient >= 0 for _, coefficient in substitute(poly, shifts))


def _first(poly: Poly, *, wanted: bool) -> int:
    """The first size from 1 on at which `poly >= 0` is as wanted, of a formula for which that changes once."""
    (name,) = symbols_of(poly)

    def is_there(size: int) -> bool:
        return (evaluate(poly, {name: size}) >= 0) is wanted

    low, high = 0, 1
    while not is_there(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_there(middle) else (middle, high)
    return high
