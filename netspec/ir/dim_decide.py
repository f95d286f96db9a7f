"""Whether a relation between two sizes holds for every legal value of their symbols, for none, or for some only.

Over one symbol the answer is complete: every residue class is looked at, all sizes of it at once (see `dim_pieces`), as
long as the period stays within bounds. Over several symbols bounds are taken of the parts that have one symbol each;
they are sound, so an answer is right, but it may be None where a cleverer proof exists.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

from netspec.ir.dim import Dim, DimLike
from netspec.ir.dim_terms import DimTooComplex, symbols_of

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
        difference = left.value - right.value
        return (difference > 0) - (difference < 0) in HOLDS[relation]
    return _of_formulas(left, relation, right, known or {})


def _of_formulas(left: Dim, relation: Relation, right: Dim, known: Mapping[str, int]) -> bool | None:
    """The same where a size is free."""
    from netspec.ir.dim_signs import possible_signs  # noqa: PLC0415 - most specs have numbers throughout

    try:
        difference = (left - right).poly
        least = {name: known.get(name, 1) for name in symbols_of(difference)}
        signs = possible_signs(difference, least)
    except DimTooComplex:
        return None
    holds = HOLDS[relation]
    if signs <= holds:
        return True
    return False if signs.isdisjoint(holds) else None
