"""Floors, minima and maxima of symbolic sizes, brought to the normal form of `dim_terms`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from math import gcd

from netspec.ir.dim_terms import (
    ZERO,
    Atom,
    DimTooComplex,
    Floor,
    Maximum,
    Monomial,
    Poly,
    add,
    atom_poly,
    constant,
    constant_term,
    multiply,
    poly_key,
    poly_of,
    scale,
    subtract,
    symbols_of,
    value_of,
)

MAX_CHOICES = 32


def _linear(poly: Poly, kind: type[Atom]) -> list[tuple[Atom, int]]:
    """The (atom, coefficient) of each term that is a number times one atom of this kind."""
    return [
        (monomial[0][0], coefficient)
        for monomial, coefficient in poly
        if len(monomial) == 1 and monomial[0][1] == 1 and isinstance(monomial[0][0], kind)
    ]


def floor(poly: Poly, divisor: int) -> Poly:
    """The floor of poly / divisor, the divisor being positive.

    Whole multiples leave the floor, common factors cancel, a floor inside is merged, as floor((floor(a/m) + r)/n) =
    floor((a + m r)/(m n)), and a maximum that is alone changes places with the floor, which is monotone.
    """
    if divisor == 1 or not poly:
        return poly
    whole = poly_of({monomial: c // divisor for monomial, c in poly if c % divisor == 0})
    poly = tuple(term for term in poly if term[1] % divisor)
    spread = _floor_of_choices(poly, divisor)
    if spread is not None:
        return add(whole, spread)
    whole = add(whole, poly_of({monomial: coefficient // divisor for monomial, coefficient in poly}))
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
    """The floor of a sum with one maximum in it as a maximum (or minimum) of floors; None without one to spread.

    Several are left where they are: their choices would multiply.
    """
    maxima = _linear(poly, Maximum)
    if len(maxima) != 1:
        return None
    ((atom, coefficient),) = maxima
    assert isinstance(atom, Maximum)
    others = subtract(poly, scale(atom_poly(atom), coefficient))
    floors = [floor(add(others, scale(choice, coefficient)), divisor) for choice in atom.choices]
    return maximum(floors) if coefficient > 0 else minimum(floors)


def minimum(choices: Sequence[Poly]) -> Poly:
    """The smallest of one or more polynomials, written as the negative of a maximum."""
    return scale(maximum([scale(choice, -1) for choice in choices]), -1)


def maximum(choices: Sequence[Poly]) -> Poly:
    """The largest of one or more polynomials.

    Maxima inside are flattened, what another choice always reaches is dropped, and what all choices share (for every
    monomial the smallest of its coefficients, then a common factor) moves out: the form does not depend on a shift.
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
    groups: dict[Poly, list[Poly]] = {}
    for choice in choices:
        alike = groups.setdefault(_unpaired(choice), [])
        if any(_never_negative(subtract(other, choice)) for other in alike):
            continue
        alike[:] = [other for other in alike if not _never_negative(subtract(choice, other))]
        alike.append(choice)
    kept = [choice for alike in groups.values() for choice in alike]
    if len(kept) > MAX_CHOICES:
        raise DimTooComplex(f"this size is a minimum or maximum of more than {MAX_CHOICES} formulas")
    return kept


def _unpaired(poly: Poly) -> Poly:
    """The terms that must be the same in two choices for `_never_negative` to tell anything of their difference."""
    return tuple(term for term in poly if term[0] and not _is_floor(term[0]))


def _is_floor(monomial: Monomial) -> bool:
    return len(monomial) == 1 and monomial[0][1] == 1 and isinstance(monomial[0][0], Floor)


def _never_negative(difference: Poly) -> bool:
    """Whether this is plainly >= 0 at all integers: a constant plus pairs c*((p + i)//n) - c*((p + j)//n)."""
    lowest = constant_term(difference)
    if not difference or not difference[0][0]:
        return lowest >= 0
    pairs: dict[tuple[str, int], list[tuple[int, int]]] = {}
    for monomial, coefficient in difference:
        if not monomial:
            continue
        atom, _ = monomial[0]
        if not _is_floor(monomial) or not isinstance(atom, Floor):
            return False
        offset = constant_term(atom.numerator)
        fraction = (poly_key(subtract(atom.numerator, constant(offset))), atom.divisor)
        pairs.setdefault(fraction, []).append((coefficient, offset))
    for pair in pairs.values():
        if len(pair) != 2 or pair[0][0] != -pair[1][0]:
            return False
        (size, up), (_, down) = sorted(pair, reverse=True)
        lowest -= (
            size if up < down else 0
        )  # offsets lie in 0 .. divisor - 1: the floors differ by at most one
    return lowest >= 0


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
