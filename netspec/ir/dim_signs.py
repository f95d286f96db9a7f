"""The signs that a formula of sizes can take: what `decide` asks of it.

Over one symbol the answer is complete as long as the period stays within bounds; over several it is sound.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from math import gcd

from netspec.ir.dim_bounds import affordable, bounds_of
from netspec.ir.dim_pieces import Extent, TooManyPieces, period_of, pieces_of, sign_runs, spans
from netspec.ir.dim_terms import Poly, constant_term, symbols_of, value_of


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
