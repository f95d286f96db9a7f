"""Sizes as people write them: `H//2 - 1`, `2*H + 4`, `H*W`, `min(H, 4)`."""

from __future__ import annotations

from netspec.ir import dim_terms
from netspec.ir.dim_rounding import shared_part
from netspec.ir.dim_terms import Atom, Floor, Maximum, Monomial, Poly


def poly_text(poly: Poly) -> str:
    """The formula in Python's own arithmetic, so that it reads, and evaluates, as what it means."""
    terms = _with_minima(poly)
    if not terms:
        return "0"
    first = next((index for index, term in enumerate(terms) if term[1] > 0), 0)  # `100 - H`, not `-H + 100`
    factors, coefficient = terms.pop(first)
    text = _term_text(factors, abs(coefficient))
    if coefficient < 0:
        text = f"-({text})" if "//" in text else f"-{text}"  # a minus binds closer than //
    for factors, coefficient in terms:
        text += (" - " if coefficient < 0 else " + ") + _term_text(factors, abs(coefficient))
    return text


def _with_minima(poly: Poly) -> list[tuple[str, int]]:
    """The terms as (factors, coefficient), with a minimum for a negative maximum where that is shorter."""
    minima: list[tuple[str, int]] = []
    for monomial, coefficient in poly:
        maxima = [atom for atom, power in monomial if power == 1 and isinstance(atom, Maximum)]
        if coefficient > 0 or len(maxima) != 1:
            continue
        others = tuple(factor for factor in monomial if factor[0] != maxima[0])
        shared, choices = _as_minimum(maxima[0])
        exchange = dim_terms.multiply(
            ((others, -coefficient),), dim_terms.add(dim_terms.atom_poly(maxima[0]), shared)
        )
        shorter = dim_terms.add(poly, exchange)
        if len(shorter) < len(poly):
            poly = shorter
            minimum = f"min({_choices_text(choices)})"
            minima.append(
                (f"{_monomial_text(others, alone=False)}*{minimum}" if others else minimum, -coefficient)
            )
    return minima + [(_monomial_text(monomial, alone=abs(c) == 1), c) for monomial, c in poly]


def _as_minimum(atom: Maximum) -> tuple[Poly, list[Poly]]:
    """-max(...) as shared + min(choices)."""
    negated = [dim_terms.scale(choice, -1) for choice in atom.choices]
    shared = shared_part(negated)
    return shared, [dim_terms.subtract(choice, shared) for choice in negated]


def _choices_text(choices: list[Poly] | tuple[Poly, ...]) -> str:
    texts = sorted((dim_terms.value_of(choice) is not None, poly_text(choice)) for choice in choices)
    return ", ".join(text for _, text in texts)  # numbers last


def _term_text(factors: str, size: int) -> str:
    if not factors:
        return str(size)
    return factors if size == 1 else f"{size}*{factors}"


def _monomial_text(monomial: Monomial, *, alone: bool) -> str:
    alone = alone and len(monomial) == 1 and monomial[0][1] == 1
    return "*".join(_atom_text(atom, alone=alone) + (f"**{p}" if p > 1 else "") for atom, p in monomial)


def _atom_text(atom: Atom, *, alone: bool) -> str:
    if isinstance(atom, Maximum):
        return f"max({_choices_text(atom.choices)})"
    if not isinstance(atom, Floor):
        return atom.key
    (monomial, coefficient), *more = atom.numerator
    single = not more and coefficient == 1 and dim_terms.degree(monomial) == 1
    inner = poly_text(atom.numerator)
    text = f"{inner}//{atom.divisor}" if single else f"({inner})//{atom.divisor}"
    return text if alone else f"({text})"
