"""Bounds of a size when each of its symbols is at least some number: exact over one symbol, sound over several."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

from netspec.ir.dim_pieces import Extent, TooManyPieces, extent, period_of, pieces_of
from netspec.ir.dim_rounding import substitute
from netspec.ir.dim_terms import (
    Atom,
    DimTooComplex,
    Floor,
    Maximum,
    Monomial,
    Poly,
    Symbol,
    add,
    atom_poly,
    constant,
    length,
    poly_of,
    symbols_of,
    value_of,
)

MAX_PERIOD = 4096
MAX_WORK = 100_000
"""Residue classes times characters of the formula that are looked at before the answer is "unknown"."""

MAX_WAYS = 4
"""How many of the symbols are tried as the one to sort a formula by."""

MAX_SHIFTED = 2_000
"""How long a formula, in characters, is still tried a second time with its symbols counted from their lowest value."""


def affordable(period: int, polys: Iterable[Poly]) -> bool:
    """Whether looking at every residue class of this period is worth its time."""
    return period <= MAX_PERIOD and period * sum(map(length, polys)) <= MAX_WORK


@lru_cache(maxsize=1024)
def _extent_of_one(poly: Poly, least: int) -> Extent | None:
    """The bounds of a formula of one symbol, exact, or None where that is too much work."""
    period = period_of(poly)
    if not affordable(period, [poly]):
        return None
    try:
        return _around([extent(pieces_of(poly, (least + residue, period))) for residue in range(period)])
    except TooManyPieces:
        return None


def bounds_of(poly: Poly, least: Mapping[str, int]) -> Extent:
    """Sound bounds of a formula whose symbols are at least what `least` says, exact where it has one symbol."""
    value = value_of(poly)
    if value is not None:
        return value, value
    names = sorted(symbols_of(poly))
    return _bounds(poly, tuple((name, least[name]) for name in names))


@lru_cache(
    maxsize=1024
)  # or a formula nested deeply would be taken apart anew, in every way, at each of its levels
def _bounds(poly: Poly, lowest_sizes: tuple[tuple[str, int], ...]) -> Extent:
    """The tightest bounds of some ways to take the formula apart."""
    least = dict(lowest_sizes)
    names = list(least)
    if len(names) == 1:
        exact = _extent_of_one(poly, least[names[0]])
        if exact is not None:
            return exact
    bounds: Extent = (None, None)
    for form, lowest in _forms(poly, least):
        for name in names[:MAX_WAYS]:
            bounds = _overlap(bounds, _sum_bounds(_by_cofactor(form, name), lowest))
    return bounds


def _forms(poly: Poly, least: Mapping[str, int]) -> list[tuple[Poly, Mapping[str, int]]]:
    """The formula as it is, and with every symbol counted from its lowest value: (H - 1)*(W - 1) becomes H*W."""
    if not any(least.values()) or length(poly) > MAX_SHIFTED:
        return [(poly, least)]
    shifts = {name: add(atom_poly(Symbol(name)), constant(low)) for name, low in least.items()}
    try:
        return [(poly, least), (substitute(poly, shifts), dict.fromkeys(least, 0))]
    except DimTooComplex:
        return [(poly, least)]


def _by_cofactor(poly: Poly, name: str) -> dict[Monomial, Poly]:
    """The formula as a sum of products: what has this symbol alone, by what stands beside it."""
    tables: dict[Monomial, dict[Monomial, int]] = {}
    for monomial, coefficient in poly:
        own = tuple(factor for factor in monomial if factor[0].symbols == {name})
        rest = tuple(factor for factor in monomial if factor[0].symbols != {name})
        tables.setdefault(rest, {})[own] = coefficient
    return {rest: poly_of(table) for rest, table in tables.items()}


def _sum_bounds(parts: Mapping[Monomial, Poly], least: Mapping[str, int]) -> Extent:
    low: int | None = 0
    high: int | None = 0
    for rest, poly in parts.items():
        part = _product(_monomial_bounds(rest, least), _extent_or_unknown(poly, least))
        low = None if low is None or part[0] is None else low + part[0]
        high = None if high is None or part[1] is None else high + part[1]
    return low, high


def _extent_or_unknown(poly: Poly, least: Mapping[str, int]) -> Extent:
    value = value_of(poly)
    if value is not None:
        return value, value
    (name,) = symbols_of(poly)
    exact = _extent_of_one(poly, least[name])
    if exact is not None:
        return exact
    return _sum_bounds({monomial: constant(coefficient) for monomial, coefficient in poly}, least)


def _monomial_bounds(monomial: Monomial, least: Mapping[str, int]) -> Extent:
    result: Extent = (1, 1)
    for atom, power in monomial:
        factor = bounds = _atom_bounds(atom, least)
        for _ in range(power - 1):
            factor = _product(factor, bounds)
        if power % 2 == 0:  # an even power is never negative
            factor = 0 if factor[0] is None else max(factor[0], 0), factor[1]
        result = _product(result, factor)
    return result


def _atom_bounds(atom: Atom, least: Mapping[str, int]) -> Extent:
    if isinstance(atom, Floor):
        low, high = bounds_of(atom.numerator, least)
        return None if low is None else low // atom.divisor, None if high is None else high // atom.divisor
    if isinstance(atom, Maximum):
        bounds = [bounds_of(choice, least) for choice in atom.choices]
        lows = [low for low, _ in bounds if low is not None]
        highs = [high for _, high in bounds if high is not None]
        return max(lows, default=None), max(highs) if len(highs) == len(bounds) else None
    return least[atom.key], None


def _product(left: Extent, right: Extent) -> Extent:
    """The bounds of x*y for x and y within bounds, which lie at corners; 0 times an endless side is 0."""
    corners = [(a * b, _finite_product(a, b, x, y)) for a, x in _ends(left) for b, y in _ends(right)]
    endless = {sign for sign, value in corners if value is None}
    values = [value for _, value in corners if value is not None]
    low = None if -1 in endless else min(values, default=None)
    return low, None if 1 in endless else max(values, default=None)


def _ends(bounds: Extent) -> list[tuple[int, int | None]]:
    """Both ends as (sign, value), the value None where that side is endless."""
    low, high = bounds
    return [(-1 if low is None else _sign(low), low), (1 if high is None else _sign(high), high)]


def _finite_product(sign_a: int, sign_b: int, a: int | None, b: int | None) -> int | None:
    if not sign_a or not sign_b:
        return 0
    return None if a is None or b is None else a * b


def _sign(value: int) -> int:
    return (value > 0) - (value < 0)


def _around(bounds: list[Extent]) -> Extent:
    lows = [low for low, _ in bounds]
    highs = [high for _, high in bounds]
    return (
        None if None in lows else min(low for low in lows if low is not None),
        None if None in highs else max(high for high in highs if high is not None),
    )


def _overlap(first: Extent, second: Extent) -> Extent:
    lows = [low for low in (first[0], second[0]) if low is not None]
    highs = [high for high in (first[1], second[1]) if high is not None]
    return max(lows, default=None), min(highs, default=None)
