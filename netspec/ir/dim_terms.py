"""The normal form of symbolic sizes: integer polynomials over symbols, floors and maxima.

A polynomial is a sorted tuple of (monomial, coefficient) pairs without zeros; a monomial is a sorted tuple of
(atom, power) pairs, the empty one standing for 1; an atom is a symbol (`H`), a floor (`(H + 1)//2`) or a maximum. There
is no minimum: min(a, b) is written -max(-a, -b), so that H - min(H, 4) and max(H - 4, 0) come out the same. Every rule
used here and in `dim_rounding` holds for all integers, so two polynomials that are identical are equal everywhere; the
converse is what `dim_decide` is for.

These are functions on plain tuples; people use the class `Dim` of the module `dim`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

MAX_TERMS = 128
MAX_DEGREE = 12
MAX_DEPTH = 24
MAX_KEY = 8_000
MAX_MAGNITUDE = 1 << 256
TOO_LONG = "this size is too long or too deeply nested a formula of the free sizes"


class DimTooComplex(ValueError):
    """A symbolic size outgrew what netspec is willing to compute with: make some of the free sizes numbers."""


class Atom:
    """What a polynomial is built over. `key` tells atoms apart: equal keys are the same atom."""

    __slots__ = ("_hash", "depth", "key", "order", "symbols")

    def __init__(self, rank: int, key: str, depth: int, symbols: frozenset[str]) -> None:
        if depth > MAX_DEPTH or len(key) > MAX_KEY:
            raise DimTooComplex(TOO_LONG)
        self.key = key
        self.order = (rank, key)
        self.depth = depth
        self.symbols = symbols
        self._hash = hash(key)

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Atom) and self.key == other.key)

    def __hash__(self) -> int:
        return self._hash


Monomial: TypeAlias = tuple[tuple[Atom, int], ...]
Poly: TypeAlias = tuple[tuple[Monomial, int], ...]

ZERO: Poly = ()


class Symbol(Atom):
    """A free size, such as `H`."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        super().__init__(0, name, 1, frozenset((name,)))
        self.name = name

    def __reduce__(self) -> tuple[type[Symbol], tuple[str]]:
        return Symbol, (self.name,)  # made anew, because the hash of a string differs between processes


class Floor(Atom):
    """The floor of `numerator / divisor`; every coefficient of the numerator lies in 0 .. divisor - 1."""

    __slots__ = ("divisor", "numerator")

    def __init__(self, numerator: Poly, divisor: int) -> None:
        super().__init__(
            1, f"({poly_key(numerator)})//{divisor}", 1 + _depth(numerator), symbols_of(numerator)
        )
        self.numerator = numerator
        self.divisor = divisor

    def __reduce__(self) -> tuple[type[Floor], tuple[Poly, int]]:
        return Floor, (self.numerator, self.divisor)


class Maximum(Atom):
    """The largest of two or more polynomials, all coefficients of which are at least 0."""

    __slots__ = ("choices",)

    def __init__(self, choices: Iterable[Poly]) -> None:
        named = sorted((poly_key(choice), choice) for choice in choices)
        kept = tuple(choice for _, choice in named)
        symbols = frozenset[str]().union(*map(symbols_of, kept))
        super().__init__(2, f"max({','.join(key for key, _ in named)})", 1 + max(map(_depth, kept)), symbols)
        self.choices = kept

    def __reduce__(self) -> tuple[type[Maximum], tuple[tuple[Poly, ...]]]:
        return Maximum, (self.choices,)


def poly_key(poly: Poly) -> str:
    """A string that is the same for two polynomials exactly if they are identical."""
    return "+".join(
        "*".join([str(coefficient), *(f"{atom.key}^{power}" for atom, power in monomial)])
        for monomial, coefficient in poly
    )


def _length(monomial: Monomial) -> int:
    return 8 + sum(len(atom.key) for atom, _ in monomial)


def length(poly: Poly) -> int:
    """How long a formula is, in characters, about: what working with it costs is in proportion."""
    return sum(_length(monomial) for monomial, _ in poly)


def _depth(poly: Poly) -> int:
    return max((atom.depth for monomial, _ in poly for atom, _ in monomial), default=0)


def symbols_of(poly: Poly) -> frozenset[str]:
    """The names of all free sizes in a polynomial."""
    return frozenset[str]().union(*(atom.symbols for monomial, _ in poly for atom, _ in monomial))


def degree(monomial: Monomial) -> int:
    """The sum of a monomial's powers; a floor or a maximum counts as one factor."""
    return sum(power for _, power in monomial)


def _term_order(term: tuple[Monomial, int]) -> tuple[int, list[tuple[tuple[int, str], int]]]:
    monomial, _ = term
    return (-degree(monomial), [(atom.order, -power) for atom, power in monomial])


def poly_of(terms: Mapping[Monomial, int]) -> Poly:
    """The polynomial with these coefficients; DimTooComplex when it is larger than is allowed."""
    kept = [term for term in terms.items() if term[1]]
    if len(kept) > MAX_TERMS:
        raise DimTooComplex(f"this size is a sum of more than {MAX_TERMS} terms")
    length = 0
    for monomial, coefficient in kept:
        if not -MAX_MAGNITUDE < coefficient < MAX_MAGNITUDE:
            raise DimTooComplex("this size has more than 256 bits")
        if degree(monomial) > MAX_DEGREE:
            raise DimTooComplex(f"this size is a product of more than {MAX_DEGREE} free sizes")
        length += _length(monomial)
    if length > MAX_KEY:
        raise DimTooComplex(TOO_LONG)
    if len(kept) > 1:
        kept.sort(key=_term_order)
    return tuple(kept)


def constant(value: int) -> Poly:
    """The polynomial that is this number."""
    return (((), value),) if value else ZERO


def atom_poly(atom: Atom) -> Poly:
    """The polynomial that is this atom."""
    return ((((atom, 1),), 1),)


def value_of(poly: Poly) -> int | None:
    """The number a polynomial is, or None where it has symbols."""
    if not poly:
        return 0
    monomial, coefficient = poly[0]  # the constant sorts last, so a first term that is one stands alone
    return coefficient if not monomial else None


def constant_term(poly: Poly) -> int:
    """The coefficient of 1."""
    return poly[-1][1] if poly and not poly[-1][0] else 0


def add(*polys: Poly) -> Poly:
    """The sum."""
    terms: dict[Monomial, int] = {}
    for poly in polys:
        for monomial, coefficient in poly:
            terms[monomial] = terms.get(monomial, 0) + coefficient
    return poly_of(terms)


def scale(poly: Poly, factor: int) -> Poly:
    """A polynomial times a number."""
    if factor == 1:
        return poly
    return poly_of({monomial: coefficient * factor for monomial, coefficient in poly})


def subtract(left: Poly, right: Poly) -> Poly:
    """The difference, left - right."""
    return add(left, scale(right, -1))


def multiply(left: Poly, right: Poly) -> Poly:
    """The product."""
    if len(left) * len(right) > 16 * MAX_TERMS:
        raise DimTooComplex("this size is a product of sums with too many terms")
    terms: dict[Monomial, int] = {}
    for first, a in left:
        for second, b in right:
            monomial = _joined(first, second)
            terms[monomial] = terms.get(monomial, 0) + a * b
    return poly_of(terms)


def _joined(first: Monomial, second: Monomial) -> Monomial:
    if not first or not second:
        return first or second
    powers = dict(first)
    for atom, power in second:
        powers[atom] = powers.get(atom, 0) + power
    return tuple(sorted(powers.items(), key=lambda factor: factor[0].order))


def evaluate(poly: Poly, sizes: Mapping[str, int]) -> int:
    """The value at these sizes; KeyError naming the first symbol that has none."""
    total = 0
    for monomial, coefficient in poly:
        term = coefficient
        for atom, power in monomial:
            term *= _atom_value(atom, sizes) ** power
        total += term
    return total


def _atom_value(atom: Atom, sizes: Mapping[str, int]) -> int:
    if isinstance(atom, Floor):
        return evaluate(atom.numerator, sizes) // atom.divisor
    if isinstance(atom, Maximum):
        return max(evaluate(choice, sizes) for choice in atom.choices)
    return sizes[atom.key]
