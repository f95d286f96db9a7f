"""Which places of an axis the places of another size fall on: what resizing computes, and what it sees."""

from __future__ import annotations

import math
from fractions import Fraction
from math import gcd
from typing import Literal

from netspec.ir.dim import Dim
from netspec.ir.types import TensorType
from netspec.ir.view import MAX_PERIOD, View, Views, alike, fixed, same, scattered, spaced

Mode = Literal["nearest", "nearest_exact", "linear", "bicubic"]

Ratio = tuple[int, int] | None
"""Sizes before and after, or two numbers in the same ratio where only that is known; None where it is not."""


def source(mode: Mode, i: int, n: int, o: int, *, align_corners: bool) -> tuple[int, Fraction]:
    """The place of n that place i of o falls on, before edges: a whole number and what is over, exactly."""
    if mode == "nearest":
        return i * n // o, Fraction(0)
    if mode == "nearest_exact":
        return (2 * i + 1) * n // (2 * o), Fraction(0)
    place = Fraction(i * (n - 1), max(o - 1, 1)) if align_corners else Fraction((2 * i + 1) * n - o, 2 * o)
    return place.numerator // place.denominator, place % 1


def smoothed(mode: Mode, i: int, n: int, o: int) -> tuple[int, int]:
    """The first and the last place of n that place i of o weighs where the kernel is stretched over what is skipped."""
    middle, stretch = Fraction((2 * i + 1) * n - o, 2 * o), max(Fraction(n, o), Fraction(1))
    reach = stretch * (2 if mode == "bicubic" else 1)
    low, high = math.floor(middle - reach) + 1, math.ceil(middle + reach) - 1
    if mode == "bicubic" and stretch == 1 and middle.denominator == 1:
        return low + 1, high - 1  # the cubic is 0 at a distance of 1
    return low, high


def both(n: Dim, o: Dim) -> Ratio:
    """The ratio of two sizes."""
    if n == o:
        return 1, 1
    return (n.value, o.value) if n.value is not None and o.value is not None else None


def by_factor(n: Dim, factor: Fraction, *, align_corners: bool) -> Ratio:
    """The ratio that a factor makes, which is known of free sizes too if it is whole; corners want the sizes."""
    if n.value is not None or factor.denominator > 1 or align_corners:
        return both(n, n * factor.numerator // factor.denominator)
    return 1, factor.numerator


def resized_views(
    x: TensorType, ratios: list[Ratio], mode: Mode, *, align_corners: bool, antialias: bool
) -> Views:
    """What a place sees along each axis of space; channels and samples are their own."""
    space = zip(x.names[2:], ratios, strict=True)
    return alike(x.names[:2]) | {
        axis: _view(axis, ratio, mode, align_corners=align_corners, antialias=antialias)
        for axis, ratio in space
    }


def _view(axis: str, ratio: Ratio, mode: Mode, *, align_corners: bool, antialias: bool) -> View:
    """The neighbours of every place until they repeat, `advance` places on."""
    if ratio is None:
        return scattered(axis)
    n, o = ratio
    if n == o:
        return same(axis)
    if align_corners and o == 1:
        return fixed(0)
    less = 1 if align_corners else 0
    common = gcd(n - less, o - less)
    period, advance = (o - less) // common, (n - less) // common
    if period > MAX_PERIOD:
        return scattered(axis)
    if antialias:
        return spaced(axis, period, advance, [smoothed(mode, i, n, o) for i in range(period)])
    before, after = {"nearest": (0, 0), "nearest_exact": (0, 0), "linear": (0, 1), "bicubic": (1, 2)}[mode]
    spans = []
    for i in range(period):
        first, over = source(mode, i, n, o, align_corners=align_corners)
        spans.append((first - before, first + after) if over else (first, first))
    return spaced(axis, period, advance, spans)
