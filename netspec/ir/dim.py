"""Dim: the size of one axis, a number or a formula of free sizes such as `H//2 - 1`.

Arithmetic keeps a normal form (see `dim_terms`), so sizes reached by different ways compare equal wherever the form
settles it: (H + 2)//2 == H//2 + 1. What it does not settle is asked of `dim_decide.decide`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeAlias

from netspec.ir import dim_rounding, dim_terms
from netspec.ir.dim_terms import MAX_MAGNITUDE, DimTooComplex, Poly
from netspec.ir.dim_text import poly_text

__all__ = ["Dim", "DimLike", "DimTooComplex"]

_SYMBOL = re.compile(r"[A-Z][0-9]{0,15}")


class Dim:
    """An immutable, hashable size: `Dim.of(64)`, `Dim.of("H")`, and what + - * // min and max make of them.

    A number is kept apart from the polynomials, because most shapes are numbers throughout. A size equal to an int
    compares and hashes like it. There is no < or >, and no truth of a symbolic size: the answer may depend on the
    symbols, so ask `decide`. Arithmetic raises DimTooComplex where a formula outgrows its limits.
    """

    __slots__ = ("_hash", "_poly", "value")

    value: int | None
    """The number, or None where the size is symbolic."""
    _poly: Poly
    _hash: int

    def __init__(self) -> None:
        raise TypeError("make a size with Dim.of(value)")

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a Dim is immutable, so its `{name}` cannot be set")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a Dim is immutable, so its `{name}` cannot be deleted")

    @staticmethod
    def of(value: DimLike | str) -> Dim:
        """A size from an int, from a symbol (one capital letter and digits), or from a size, which is returned.

        ValueError for a string that is no symbol, TypeError for anything else.
        """
        if isinstance(value, Dim):
            return value
        if isinstance(value, int) and not isinstance(value, bool):
            return _number(value)
        if not isinstance(value, str):
            raise TypeError(f"a size is an int, a symbol or a Dim, not {type(value).__name__}")
        if not _SYMBOL.fullmatch(value):
            raise ValueError(
                f"a free size is one capital letter and digits, such as H or S2, not {value[:40]!r}"
            )
        return _from_poly(dim_terms.atom_poly(dim_terms.Symbol(value)))

    @staticmethod
    def minimum(*dims: DimLike | str) -> Dim:
        """The smallest of one or more sizes."""
        return _extreme(dims, smallest=True)

    @staticmethod
    def maximum(*dims: DimLike | str) -> Dim:
        """The largest of one or more sizes."""
        return _extreme(dims, smallest=False)

    @property
    def poly(self) -> Poly:
        """The normal form, for those who compute with it (see `dim_terms`)."""
        return self._poly if self.value is None else dim_terms.constant(self.value)

    @property
    def symbols(self) -> frozenset[str]:
        """The names of the free sizes in it."""
        return frozenset() if self.value is not None else dim_terms.symbols_of(self._poly)

    def __add__(self, other: DimLike) -> Dim:
        if self.value is not None and type(other) is int:
            return _number(self.value + other)
        right = other if isinstance(other, Dim) else _operand(other)
        if right is None:
            return NotImplemented
        if self.value is not None and right.value is not None:
            return _number(self.value + right.value)
        return _from_poly(dim_terms.add(self.poly, right.poly))

    __radd__ = __add__

    def __neg__(self) -> Dim:
        return _number(-self.value) if self.value is not None else _from_poly(dim_terms.scale(self._poly, -1))

    def __sub__(self, other: DimLike) -> Dim:
        if self.value is not None and type(other) is int:
            return _number(self.value - other)
        right = other if isinstance(other, Dim) else _operand(other)
        if right is None:
            return NotImplemented
        if self.value is not None and right.value is not None:
            return _number(self.value - right.value)
        return _from_poly(dim_terms.subtract(self.poly, right.poly))

    def __rsub__(self, other: int) -> Dim:
        left = _operand(other)
        return NotImplemented if left is None else left - self

    def __mul__(self, other: DimLike) -> Dim:
        if self.value is not None and type(other) is int:  # most sizes are numbers: no detour for them
            return _number(self.value * other)
        right = other if isinstance(other, Dim) else _operand(other)
        if right is None:
            return NotImplemented
        if self.value is not None and right.value is not None:
            return _number(self.value * right.value)
        return _from_poly(dim_terms.multiply(self.poly, right.poly))

    __rmul__ = __mul__

    def __floordiv__(self, divisor: DimLike) -> Dim:
        """Rounded down; the divisor is a positive number (ValueError otherwise)."""
        if self.value is not None and type(divisor) is int and divisor > 0:
            return _number(self.value // divisor)
        right = divisor if isinstance(divisor, Dim) else _operand(divisor)
        if right is None:
            return NotImplemented
        if right.value is None or right.value < 1:
            raise ValueError(f"a size is divided by a positive number, not by {right}")
        if self.value is not None:
            return _number(self.value // right.value)
        return _from_poly(dim_rounding.floor(self._poly, right.value))

    def ceildiv(self, divisor: DimLike) -> Dim:
        """Divided and rounded up; the divisor is a positive number (ValueError otherwise)."""
        return (self + divisor - 1) // divisor

    def substitute(self, sizes: Mapping[str, DimLike]) -> Dim:
        """The size with symbols replaced by numbers or sizes; those not mentioned stay."""
        if self.value is not None:
            return self
        polys = {name: Dim.of(size).poly for name, size in sizes.items()}
        return _from_poly(dim_rounding.substitute(self._poly, polys))

    def evaluate(self, sizes: Mapping[str, int]) -> int:
        """The number at these sizes; KeyError for a symbol that has none."""
        return self.value if self.value is not None else dim_terms.evaluate(self._poly, sizes)

    def __int__(self) -> int:
        if self.value is None:
            raise TypeError(f"the size {self} is not a number until its free sizes are")
        return self.value

    def __bool__(self) -> bool:
        if self.value is None:
            raise TypeError(f"whether the size {self} is zero is a question for `decide`")
        return self.value != 0

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Dim):
            return self.value == other.value and (self.value is not None or self._poly == other._poly)
        return self.value == other if isinstance(other, int) and self.value is not None else False

    def __hash__(self) -> int:
        return hash(self.value) if self.value is not None else self._hash

    def __str__(self) -> str:
        return str(self.value) if self.value is not None else poly_text(self._poly)

    def __repr__(self) -> str:
        return f"Dim({self})"

    def __reduce__(self) -> tuple[object, tuple[Poly]]:
        return _from_poly, (self.poly,)

    def __copy__(self) -> Dim:
        return self

    def __deepcopy__(self, memo: object) -> Dim:
        return self


DimLike: TypeAlias = "int | Dim"

_new = object.__new__
# Dim refuses assignment, so it is filled through the slots' own setters, which are quicker than object.__setattr__.
_set_value = Dim.__dict__["value"].__set__
_set_poly = Dim.__dict__["_poly"].__set__
_set_hash = Dim.__dict__["_hash"].__set__


def _number(value: int) -> Dim:
    if not -MAX_MAGNITUDE < value < MAX_MAGNITUDE:
        raise DimTooComplex("this size has more than 256 bits")
    dim = _new(Dim)
    _set_value(dim, value)
    return dim


def _from_poly(poly: Poly) -> Dim:
    value = dim_terms.value_of(poly)
    if value is not None:
        return _number(value)
    dim = _new(Dim)
    _set_value(dim, None)
    _set_poly(dim, poly)
    _set_hash(dim, hash(poly))
    return dim


def _operand(value: object) -> Dim | None:
    return _number(value) if isinstance(value, int) and not isinstance(value, bool) else None


def _extreme(dims: tuple[DimLike | str, ...], *, smallest: bool) -> Dim:
    if not dims:
        raise ValueError("a minimum or maximum is taken of one or more sizes")
    sizes = [Dim.of(dim) for dim in dims]
    values = [size.value for size in sizes if size.value is not None]
    if len(values) == len(sizes):
        return _number(min(values) if smallest else max(values))
    polys = [size.poly for size in sizes]
    return _from_poly(dim_rounding.minimum(polys) if smallest else dim_rounding.maximum(polys))
