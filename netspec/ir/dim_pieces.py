"""Formulas of one free size, seen along one residue class, where floors vanish and maxima split.

With H = first + period*t and a period that is a multiple of every divisor on the way, each floor is a polynomial in t
with integer coefficients, and each maximum is one between finitely many splitting points. So a formula is a list of
pieces, and its sign and its bounds are known exactly for all t >= 0 at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from math import comb, lcm
from typing import TypeAlias

from netspec.ir.dim_terms import Atom, Floor, Maximum, Poly

MAX_PIECES = 64

Curve: TypeAlias = tuple[int, ...]
"""The coefficients of a polynomial in t, lowest power first, without zeros at the end."""
Pieces: TypeAlias = list[tuple[int, Curve]]
"""(from this t on, this curve) in ascending order, the first from 0 and the last without end."""
Extent: TypeAlias = tuple[int | None, int | None]
"""The lowest and the highest value, None where there is none."""


class TooManyPieces(Exception):
    """A formula has more pieces than are worth looking at; the answer is then unknown."""


def period_of(poly: Poly) -> int:
    """A period of H after which the formula, but for its maxima, repeats as a polynomial with integer coefficients."""
    return lcm(*(_atom_period(atom) for monomial, _ in poly for atom, _ in monomial))


def _atom_period(atom: Atom) -> int:
    if isinstance(atom, Floor):
        return atom.divisor * period_of(atom.numerator)
    return lcm(*map(period_of, atom.choices)) if isinstance(atom, Maximum) else 1


def pieces_of(poly: Poly, size: Curve) -> Pieces:
    """The formula with `size` (first, period) in place of its one symbol."""
    total: Pieces = [(0, ())]
    for monomial, coefficient in poly:
        term: Pieces = [(0, (coefficient,))]
        for atom, power in monomial:
            factor = _atom_pieces(atom, size)
            for _ in range(power):
                term = _combined(term, factor, _product)
        total = _combined(total, term, _sum)
    return total


def _atom_pieces(atom: Atom, size: Curve) -> Pieces:
    if isinstance(atom, Floor):
        # all coefficients but the first are multiples of the divisor, by the choice of the period
        return [
            (start, _trimmed([c // atom.divisor for c in curve]))
            for start, curve in pieces_of(atom.numerator, size)
        ]
    if not isinstance(atom, Maximum):
        return [(0, size)]
    highest, *others = (pieces_of(choice, size) for choice in atom.choices)
    for other in others:
        highest = _higher(highest, other)
    return highest


def _combined(left: Pieces, right: Pieces, how: Callable[[Curve, Curve], Curve]) -> Pieces:
    return [(start, how(a, b)) for start, _, a, b in _common(left, right)]


def _common(left: Pieces, right: Pieces) -> Iterator[tuple[int, int | None, Curve, Curve]]:
    """(start, end or None, curve of left, curve of right) over the pieces of both; the end is included."""
    starts = sorted({start for start, _ in left} | {start for start, _ in right})
    if len(starts) > MAX_PIECES:
        raise TooManyPieces
    first, second = dict(left), dict(right)
    a: Curve = ()
    b: Curve = ()
    for start, following in pairwise([*starts, None]):
        assert start is not None
        a, b = first.get(start, a), second.get(start, b)
        yield start, None if following is None else following - 1, a, b


def _higher(left: Pieces, right: Pieces) -> Pieces:
    result: Pieces = []
    for start, end, a, b in _common(left, right):
        for split, sign in sign_runs(_sum(a, tuple(-c for c in b)), start, end):
            curve = a if sign >= 0 else b
            if not result or result[-1][1] != curve:
                result.append((split, curve))
    return result


def _trimmed(coefficients: Sequence[int]) -> Curve:
    length = len(coefficients)
    while length and not coefficients[length - 1]:
        length -= 1
    return tuple(coefficients[:length])


def _sum(left: Curve, right: Curve) -> Curve:
    if len(left) < len(right):
        left, right = right, left
    return _trimmed([a + b for a, b in zip(left, right, strict=False)] + list(left[len(right) :]))


def _product(left: Curve, right: Curve) -> Curve:
    if not left or not right:
        return ()
    result = [0] * (len(left) + len(right) - 1)
    for i, a in enumerate(left):
        for j, b in enumerate(right):
            result[i + j] += a * b
    return tuple(result)


def _value(curve: Curve, t: int) -> int:
    value = 0
    for coefficient in reversed(curve):
        value = value * t + coefficient
    return value


def _step(curve: Curve) -> Curve:
    """The curve of f(t + 1) - f(t), one degree lower."""
    result = [0] * (len(curve) - 1)
    for power, coefficient in enumerate(curve):
        for lower in range(power):
            result[lower] += coefficient * comb(power, lower)
    return tuple(result)


def sign_runs(curve: Curve, start: int, end: int | None) -> list[tuple[int, int]]:
    """(from this t on, sign of the curve: -1, 0 or 1) for the integers start .. end, or without end where that is None.

    The signs of f(t + 1) - f(t), found the same way, tell where f rises and falls; on each such stretch a search finds
    the change of sign.
    """
    if len(curve) <= 1:
        return [(start, _sign(curve[0]) if curve else 0)]
    runs: list[tuple[int, int]] = []
    for first, last, direction in _stretches(curve, start, end):
        rising = curve if direction > 0 else tuple(-c for c in curve)
        reaches = _first_at_least(rising, 0, first, last)
        exceeds = _first_at_least(rising, 1, first, last)
        for at, sign in ((first, -1), (reaches, 0), (exceeds, 1)):
            if at is None or (last is not None and at > last):
                continue
            while runs and runs[-1][0] >= at:
                runs.pop()
            if not runs or runs[-1][1] != sign * direction:
                runs.append((at, sign * direction))
    return runs


def _stretches(curve: Curve, start: int, end: int | None) -> Iterator[tuple[int, int | None, int]]:
    """(first, last, direction) such that the curve never turns between first and last; direction is 1 or -1."""
    changes = sign_runs(_step(curve), start, end)
    for (first, direction), following in zip(changes, [*changes[1:], None], strict=True):
        yield first, end if following is None else following[0] - 1, direction or 1


def _first_at_least(rising: Curve, level: int, first: int, last: int | None) -> int | None:
    """The first t in first .. last where a rising curve is at least this level, or None."""
    if len(rising) == 2 and rising[1] > 0:
        at = max(first, -((rising[0] - level) // rising[1]))
        return at if last is None or at <= last else None
    if last is None:
        reach = 1
        while _value(rising, first + reach) < level:  # ends: a curve that rises forever passes every level
            reach *= 2
        last = first + reach
    elif _value(rising, last) < level:
        return None
    low, high = first, last
    while low < high:
        middle = (low + high) // 2
        if _value(rising, middle) >= level:
            high = middle
        else:
            low = middle + 1
    return low


def _sign(value: int) -> int:
    return (value > 0) - (value < 0)


def spans(pieces: Pieces) -> Iterator[tuple[int, int | None, Curve]]:
    """(start, end or None, curve) of each piece, the end included."""
    for start, end, curve, _ in _common(pieces, [(0, ())]):
        yield start, end, curve


def extent(pieces: Pieces) -> Extent:
    """The lowest and the highest value over all t >= 0."""
    lows: list[int | None] = []
    highs: list[int | None] = []
    for start, end, curve in spans(pieces):
        if len(curve) <= 1:
            lows.append(_value(curve, 0))
            highs.append(_value(curve, 0))
            continue
        for first, last, direction in _stretches(curve, start, end):
            at_first = _value(curve, first)
            # a stretch reaches over the step to its neighbour, whose first value is counted there
            at_last = None if last is None else _value(curve, last)
            lows.append(at_first if direction > 0 else at_last)
            highs.append(at_last if direction > 0 else at_first)
    low = None if None in lows else min(value for value in lows if value is not None)
    high = None if None in highs else max(value for value in highs if value is not None)
    return low, high
