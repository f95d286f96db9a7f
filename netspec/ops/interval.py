"""Interval arithmetic: what bounds on the inputs say of the bounds of a result. Bounds speak of real numbers.

An interval is a pair (low, high), either end may be infinite, and both ends belong to it where they are finite. Every
function gives an interval that holds all results; where nothing simple can be said it gives `EVERYTHING`.
The rules are those of R. E. Moore, Interval Analysis (1966), chapter 2.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from math import inf
from typing import TypeAlias

from netspec.ir.types import TensorType

Interval: TypeAlias = tuple[float, float]

EVERYTHING: Interval = (-inf, inf)


def of(x: TensorType) -> Interval:
    """The bounds that are proved of the numbers of `x`."""
    return x.facts.low, x.facts.high


def hull(intervals: Iterable[Interval]) -> Interval:
    """The smallest interval that holds all of one or more intervals."""
    lows, highs = zip(*intervals, strict=True)
    return min(lows), max(highs)


def add(x: Interval, y: Interval) -> Interval:
    """All sums."""
    return x[0] + y[0], x[1] + y[1]


def negative(x: Interval) -> Interval:
    """All opposites."""
    return -x[1], -x[0]


def multiply(x: Interval, y: Interval) -> Interval:
    """All products: the extremes stand in the corners."""
    corners = [_product(a, b) for a in x for b in y]
    return min(corners), max(corners)


def reciprocal(x: Interval) -> Interval:
    """All 1 / x; nothing is known once zero is among the x."""
    if x[0] > 0 or x[1] < 0:
        return 1 / x[1], 1 / x[0]
    if x[0] == 0 and x[1] > 0:
        return 1 / x[1], inf
    if x[1] == 0 and x[0] < 0:
        return -inf, 1 / x[0]
    return EVERYTHING


def absolute(x: Interval) -> Interval:
    """All magnitudes."""
    high = max(abs(x[0]), abs(x[1]))
    return (0.0, high) if x[0] <= 0 <= x[1] else (min(abs(x[0]), abs(x[1])), high)


def power(x: Interval, y: Interval) -> Interval:
    """All x ** y where one of the two is a single number; nothing is known of other cases but a sign."""
    if y[0] == y[1]:
        return _to_number(x, y[0])
    if x[0] == x[1] and x[0] > 0:
        base = x[0]
        ends = [rising(lambda t: base**t)((end, end))[0] for end in y]
        return min(ends), max(ends)
    return (0.0, inf) if x[0] >= 0 else EVERYTHING


def repeated(x: Interval, count: int | None) -> Interval:
    """All sums of `count` numbers of `x`; None for a count of which only is known that it is at least one."""
    if count is not None:
        return multiply(x, (float(count), float(count)))
    return (x[0] if x[0] >= 0 else -inf), (x[1] if x[1] <= 0 else inf)


def rising(function: Callable[[float], float]) -> Callable[[Interval], Interval]:
    """The interval rule of a function that never falls; what overflows is infinite."""

    def at(value: float) -> float:
        try:
            return function(value)
        except OverflowError:
            return inf

    return lambda x: (at(x[0]), at(x[1]))


def _to_number(x: Interval, exponent: float) -> Interval:
    """All x ** exponent."""
    if exponent < 0:
        return reciprocal(_to_number(x, -exponent))
    if exponent == 0:
        return 1.0, 1.0
    rise = rising(lambda t: math.pow(t, exponent))
    if exponent % 2 == 0:
        return rise(absolute(x))
    if x[0] >= 0:
        return rise(x)
    if exponent % 2 == 1:
        return -rise((-x[0], -x[0]))[0], _signed(x[1], rise)
    return EVERYTHING


def _signed(value: float, rise: Callable[[Interval], Interval]) -> float:
    """An odd power of a number of either sign."""
    return rise((value, value))[0] if value >= 0 else -rise((-value, -value))[0]


def _product(a: float, b: float) -> float:
    """A product in which zero times an unbounded end is zero: the end itself is never reached."""
    return 0.0 if a == 0 or b == 0 else a * b
