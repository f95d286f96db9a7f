"""Whether a relation between two sizes holds for every legal value of their symbols, for none, or for some only.

Over one symbol the answer is complete: every residue class is looked at, all sizes of it at once (see `dim_pieces`), as
long as the period stays within bounds. Over several symbols bounds are taken of the parts that have one symbol each;
they are sound, so an answer is right, but it may be None where a cleverer proof exists.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from math import gcd
from typing import Literal, TypeAlias

from netspec.ir.dim import Dim, DimLike
from netspec.ir.dim_bounds import affordable, bounds_of
from netspec.ir.dim_pieces import Extent, TooManyPieces, period_of, pieces_of, sign_runs, spans
from netspec.ir.dim_terms import DimTooComplex, Poly, constant_term, symbols_of, value_of

Relation: TypeAlias = Literal["==", "!=", ">=", ">", "<=", "<"]

HOLDS: Mapping[str, frozenset[int]] = {
    "==": frozenset((0,)),
    "!=": frozenset((-1, 1)),
    ">=": frozenset((0, 1)),
    ">": frozenset((1,)),
    "<=": frozenset((-1, 0)),
    "<": frozenset((-1,)),
}
"""The signs of left - right with which each relation holds."""


def decide(
    left: DimLike, relation: Relation, right: DimLike, known: Mapping[str, int] | None = None
) -> bool | None:
    """Say True if the relation holds for all legal sizes, False if for none, None if that depends or is not known.

    A legal size is at least 1, or at least what `known` says of the symbol.
    """
    if relation not in HOLDS:
        raise ValueError(f"no relation between sizes: {relation!r}")
    left, right = Dim.of(left), Dim.of(right)
    if left.value is not None and right.value is not None:
        return _sign(left.value - right.value) in HOLDS[relation]
    try:
        difference = (left - right).poly
        least = {name: (known or {}).get(name, 1) for name in symbols_of(difference)}
        signs = possible_signs(difference, least)
    except DimTooComplex:
        return None
    holds = HOLDS[relation]
    if signs <= holds:
        return True
    return False if signs.isdisjoint(holds) else None


def possible_signs(difference: Poly, least: Mapping[str, int]) -> frozenset[int]:
    """The signs a formula takes when each symbol is at least what `least` says; over several symbols perhaps more."""
    value = value_of(difference)
    if value is not None:
        return frozenset((_sign(value),))
    names = sorted(symbols_of(difference))
    if len(names) == 1:
        signs = _signs_of_one(difference, least[names[0]])
        if signs is not None:
            return signs
    signs = _signs_within(bounds_of(difference, least))
    return signs - {0} if _never_zero(difference) else signs


def _sign(value: int) -> int:
    return (value > 0) - (value < 0)


@lru_cache(maxsize=1024)
def _signs_of_one(poly: Poly, least: int) -> frozenset[int] | None:
    """All signs a formula of one symbol takes, or None where that is too much work."""
    period = period_of(poly)
    if not affordable(period, [poly]):
        return None
    signs: set[int] = set()
    try:
        for residue in range(period):
            for start, end, curve in spans(pieces_of(poly, (least + residue, period))):
                signs.update(sign for _, sign in sign_runs(curve, start, end))
            if len(signs) == 3:
                break
    except TooManyPieces:
        return None
    return frozenset(signs)


def _signs_within(bounds: Extent) -> frozenset[int]:
    low, high = bounds
    signs = {0} if (low is None or low <= 0) and (high is None or high >= 0) else set()
    if low is None or low < 0:
        signs.add(-1)
    if high is None or high > 0:
        signs.add(1)
    return frozenset(signs)


def _never_zero(poly: Poly) -> bool:
    """Whether a divisor of all other coefficients does not divide the constant, as in 2*H - 2*W + 1."""
    common = gcd(*(coefficient for monomial, coefficient in poly if monomial))
    return constant_term(poly) % common != 0
