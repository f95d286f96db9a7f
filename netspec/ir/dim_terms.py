"""The normal form of symbolic sizes: integer polynomials over symbols, floors and maxima.

A polynomial is a sorted tuple of (monomial, coefficient) pairs without zeros; a monomial is a sorted tuple of (atom, power)
pairs, the empty one standing for 1; an atom is a symbol (`H`), a floor (`(H + 1)//2`) or a maximum. There is no minimum:
min(a, b) is written -max(-a, -b), so that a sum such as H - min(H, 4) and max(H - 4, 0) come out the same. Every rule used here
holds for all integers, so two polynomials that are identical are equal everywhere; the converse is what `dim_decide` is for.

These are functions on plain tuples; people use the class `Dim` of the module `dim`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from math import gcd
from typing import TypeAlias

MAX_TERMS = 128
MAX_DEGREE = 12
MAX_DEPTH = 24
MAX_CHOICES = 32
MAX_KEY = 8_000
MAX_MAGNITUDE = 1 << 256


class DimTooComplex(ValueError):
    """A symbolic size outgrew what netspec is willing to compute with; the shape should be simplified or made a number."""


class Atom:
    """What a polynomial is built over. `key` tells atoms apart: equal keys are the same atom."""

    __slots__ = ("_hash", "depth", "key", "order", "symbols")

    def __init__(self, rank: int, key: str, depth: int, symbols: frozenset[str]) -> None:
        if depth > MAX_DEPTH or len(key) > MAX_KEY:
            raise DimTooComplex("this size is a too deeply nested or too long formula of its symbols")
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


class Floor(Atom):
    """The floor of `numerator / divisor`; every coefficient of the numerator lies in 0 .. divisor - 1."""

    __slots__ = ("divisor", "numerator")

    def __init__(self, numerator: Poly, divisor: int) -> None:
        super().__init__(1, f"({_key(numerator)})//{divisor}", 1 + _depth(numerator), symbols_of(numerator))
        self.numerator = numerator
        self.divisor = divisor


class Maximum(Atom):
    """The largest of two or more polynomials, all coefficients of which are at least 0."""

    __slots__ = ("choices",)

    def __init__(self, choices: Iterable[Poly]) -> None:
        named = sorted((_key(choice), choice) for choice in choices)
        kept = tuple(choice for _, choice in named)
        symbols = frozenset[str]().union(*map(symbols_of, kept))
        super().__init__(2, f"max({','.join(key for key, _ in named)})", 1 + max(map(_depth, kept)), symbols)
        self.choices = kept


def _key(poly: Poly) -> str:
    return "+".join(
        "*".join([str(coefficient), *(f"{atom.key}^{power}" for atom, power in monomial)])
        for monomial, coefficient in poly
    )


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
    for monomial, coefficient in kept:
        if not -MAX_MAGNITUDE < coefficient < MAX_MAGNITUDE:
            raise DimTooComplex("this size has more than 256 bits")
        if degree(monomial) > MAX_DEGREE:
            raise DimTooComplex(f"this size is a product of more than {MAX_DEGREE} free sizes")
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
    """left - right."""
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


def _linear(poly: Poly, kind: type[Atom]) -> list[tuple[Atom, int]]:
    """The (atom, coefficient) of each term that is a number times one atom of this kind."""
    return [
        (monomial[0][0], coefficient)
        for monomial, coefficient in poly
        if len(monomial) == 1 and monomial[0][1] == 1 and isinstance(monomial[0][0], kind)
    ]


def floor(poly: Poly, divisor: int) -> Poly:
    """The floor of poly / divisor, the divisor being positive.

    Whole multiples leave the floor, common factors cancel, a floor inside is merged (floor((floor(a/m) + r)/n) =
    floor((a + m r)/(m n))) and maxima change places with the floor, which is monotone.
    """
    if divisor == 1 or not poly:
        return poly
    spread = _floor_of_choices(poly, divisor)
    if spread is not None:
        return spread
    whole = poly_of({monomial: coefficient // divisor for monomial, coefficient in poly})
    rest = {monomial: coefficient % divisor for monomial, coefficient in poly if coefficient % divisor}
    common = gcd(divisor, *(coefficient for monomial, coefficient in rest.items() if monomial))
    if common > 1:
        rest = {monomial: coefficient // common for monomial, coefficient in rest.items()}
        divisor //= common
    numerator = poly_of(rest)
    if divisor == 1:
        return add(whole, numerator)
    if value_of(numerator) is not None:
        return whole
    for atom, coefficient in _linear(numerator, Floor):
        if coefficient == 1 and isinstance(atom, Floor):
            others = subtract(numerator, atom_poly(atom))
            merged = add(atom.numerator, scale(others, atom.divisor))
            return add(whole, floor(merged, atom.divisor * divisor))
    return add(whole, atom_poly(Floor(numerator, divisor)))


def _floor_of_choices(poly: Poly, divisor: int) -> Poly | None:
    """The floor of a sum with a maximum in it as a maximum (or minimum) of floors; None where there is none to spread."""
    maxima = _linear(poly, Maximum)
    ways = 1
    for atom, _ in maxima:
        ways *= len(atom.choices) if isinstance(atom, Maximum) else 1
    if ways == 1 or ways > MAX_CHOICES:
        return None
    atom, coefficient = maxima[0]
    assert isinstance(atom, Maximum)
    others = subtract(poly, scale(atom_poly(atom), coefficient))
    floors = [floor(add(others, scale(choice, coefficient)), divisor) for choice in atom.choices]
    return maximum(floors) if coefficient > 0 else minimum(floors)


def minimum(choices: Sequence[Poly]) -> Poly:
    """The smallest of one or more polynomials, written as the negative of a maximum."""
    return scale(maximum([scale(choice, -1) for choice in choices]), -1)


def maximum(choices: Sequence[Poly]) -> Poly:
    """The largest of one or more polynomials.

    Maxima inside are flattened, what another choice always reaches is dropped, and what all choices share (for every monomial
    the smallest of its coefficients, then a common factor) moves out, so that the form does not depend on a shift.
    """
    shared_sum, factor = ZERO, 1
    while True:
        choices = _undominated(_flattened(choices))
        if len(choices) == 1:
            return add(shared_sum, scale(choices[0], factor))
        shared = shared_part(choices)
        shared_sum = add(shared_sum, scale(shared, factor))
        choices = [subtract(choice, shared) for choice in choices]
        common = gcd(*(coefficient for choice in choices for _, coefficient in choice))
        choices = [tuple((monomial, c // common) for monomial, c in choice) for choice in choices]
        factor *= common
        if not any(_linear(choice, Maximum) for choice in choices):
            return add(shared_sum, scale(atom_poly(Maximum(choices)), factor))


def shared_part(choices: Sequence[Poly]) -> Poly:
    """What all choices have in common: for every monomial the smallest of its coefficients."""
    tables = [dict(choice) for choice in choices]
    monomials = {monomial for table in tables for monomial in table}
    return poly_of({monomial: min(table.get(monomial, 0) for table in tables) for monomial in monomials})


def _flattened(choices: Sequence[Poly]) -> list[Poly]:
    """The choices with every positive multiple of a maximum in them replaced by the multiples of its own choices."""
    flat: list[Poly] = []
    for choice in choices:
        inner = [(atom, c) for atom, c in _linear(choice, Maximum) if c > 0 and isinstance(atom, Maximum)]
        ways = 1
        for atom, _ in inner:
            ways *= len(atom.choices)
        if len(flat) + ways > 8 * MAX_CHOICES:
            raise DimTooComplex("this size is a minimum or maximum of too many formulas")
        rest = subtract(choice, add(*(scale(atom_poly(atom), c) for atom, c in inner)))
        scaled = [[scale(option, c) for option in atom.choices] for atom, c in inner]
        flat.extend(add(rest, *picked) for picked in product(*scaled))
    return flat


def _undominated(choices: Sequence[Poly]) -> list[Poly]:
    """The choices that no other one reaches at all integers, as far as that is plain from their form."""
    kept: list[Poly] = []
    for choice in choices:
        if any(_never_negative(subtract(other, choice)) for other in kept):
            continue
        kept = [other for other in kept if not _never_negative(subtract(choice, other))]
        kept.append(choice)
        if len(kept) > MAX_CHOICES:
            raise DimTooComplex(f"this size is a minimum or maximum of more than {MAX_CHOICES} formulas")
    return kept


def _never_negative(difference: Poly) -> bool:
    """Whether this is plainly >= 0 at all integers: a constant, or floors of one fraction at two offsets and a constant."""
    lowest = constant_term(difference)
    if not difference or not difference[0][0]:
        return lowest >= 0
    pairs: dict[tuple[str, int], list[tuple[int, int]]] = {}
    for monomial, coefficient in difference:
        if not monomial:
            continue
        atom, power = monomial[0]
        if len(monomial) > 1 or power > 1 or not isinstance(atom, Floor):
            return False
        offset = constant_term(atom.numerator)
        fraction = (_key(subtract(atom.numerator, constant(offset))), atom.divisor)
        pairs.setdefault(fraction, []).append((coefficient, offset))
    for pair in pairs.values():
        if len(pair) != 2 or pair[0][0] != -pair[1][0]:
            return False
        (size, up), (_, down) = sorted(pair, reverse=True)
        lowest -= size if up < down else 0  # offsets lie in 0 .. divisor - 1, so the two floors differ by at most one
    return lowest >= 0


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


def substitute(poly: Poly, sizes: Mapping[str, Poly]) -> Poly:
    """The polynomial with symbols replaced; those not mentioned stay."""
    if symbols_of(poly).isdisjoint(sizes):
        return poly
    total = ZERO
    for monomial, coefficient in poly:
        term = constant(coefficient)
        for atom, power in monomial:
            replaced = _atom_substituted(atom, sizes)
            for _ in range(power):
                term = multiply(term, replaced)
        total = add(total, term)
    return total


def _atom_substituted(atom: Atom, sizes: Mapping[str, Poly]) -> Poly:
    if isinstance(atom, Floor):
        return floor(substitute(atom.numerator, sizes), atom.divisor)
    if isinstance(atom, Maximum):
        return maximum([substitute(choice, sizes) for choice in atom.choices])
    return sizes.get(atom.key, atom_poly(atom))
