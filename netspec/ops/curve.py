"""What is true after a function of every number: one that never falls, and one that falls and then rises."""

from __future__ import annotations

from collections.abc import Callable

from netspec.ir.facts import Facts
from netspec.ir.types import TensorType
from netspec.ops import interval


def risen(x: TensorType, function: Callable[[float], float]) -> Facts:
    """The facts after a function that never falls: bounds are mapped, and order along an axis is kept."""
    low, high = interval.rising(function)(interval.of(x))
    return Facts(low=low, high=high, nondecreasing=x.facts.nondecreasing)


def dipped(x: TensorType, function: Callable[[float], float], lowest: float) -> Facts:
    """The facts after a function that falls up to `lowest` and rises from there; order is kept where it only rises."""
    at = interval.rising(function)
    low, high = interval.of(x)
    if low >= lowest:
        return risen(x, function)
    (first, last) = at((low, high))
    if high <= lowest:
        return Facts(low=last, high=first)
    return Facts(low=at((lowest, lowest))[0], high=max(first, last))
