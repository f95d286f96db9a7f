"""Numbers of many uses of a block, said by its parameters: `channels * 4` where that is so in every use."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from netspec_torch.blocks.slots import MISSING, written
from netspec_torch.rule import binary, name

ENOUGH = 3
"""So many different values make a sum of two parameters, or of one and a number, more than chance."""

PARTS = (2, 3, 4, 8, 16)
"""By what parameters are divided."""

GEOMETRY = ("stride", "kernel", "dilation", "padding", "depth", "p", "rest", "size")
"""Words of parameters that say where windows go: no number of channels is a multiple of one but by chance."""


@dataclass(eq=False)
class Row:
    """A parameter of a class: its value in each use. `default` is MISSING for none.

    `told` says that the spec has it, `enters` that it is how many channels come in. `multiples` are the numbers by
    which it was multiplied to say others.
    """

    name: str
    values: list[object]
    told: bool
    default: object = MISSING
    used: bool = False
    enters: bool = False
    multiples: set[int] = field(default_factory=set)

    @property
    def varies(self) -> bool:
        """Whether it is not the same in all uses."""
        return len({repr(one) for one in self.values if one is not MISSING}) > 1


Values = Sequence[object]
Said = tuple[ast.expr, tuple[Row, ...]]
"""An expression, and the parameters in it."""


@dataclass(frozen=True)
class _Whole:
    """A parameter that is a whole number wherever it is asked for: its values there."""

    row: Row
    values: list[int]

    @property
    def name(self) -> ast.expr:
        """The parameter as an expression."""
        return name(self.row.name)


def equal(values: Values, other: Values) -> bool:
    """Whether `other` is what `values` wants, wherever it wants something: 2.0 for 2 among numbers with fractions."""
    kinds = (float, int) if any(isinstance(one, float) for one in values) else ()
    return all(
        a is MISSING or ((type(a) is type(b) or (type(a) in kinds and type(b) is float)) and a == b)
        for a, b in zip(values, other, strict=True)
    )


def express(values: Values, rows: Sequence[Row], hint: str = "") -> ast.expr | None:
    """An expression of parameters that has these values; None where there is no simple one.

    `hint` is what the number is called where it stands.
    """
    entering = hint.startswith(("in_", "num_"))
    for row in sorted(rows, key=lambda one: one.enters != entering):
        if equal(values, row.values):
            row.used = True
            return name(row.name)
    there = [one for one in values if one is not MISSING]
    if all(isinstance(one, tuple) for one in there):
        return _tuple(values, rows, hint)
    if not all(type(one) is int for one in there) or len(set(there)) == 1:
        return None
    place = _is_geometry(hint)
    found = next(_said(values, [row for row in rows if _is_geometry(row.name) == place or not hint]), None)
    return None if found is None else take(found)


def take(said: Said) -> ast.expr:
    """The expression, whose parameters are used from now on."""
    made, rows = said
    for row in rows:
        row.used = True
    return made


def _tuple(values: Values, rows: Sequence[Row], hint: str) -> ast.expr | None:
    """A tuple, place by place."""
    lengths = {len(one) for one in values if isinstance(one, tuple)}
    if len(lengths) != 1:
        return None
    parts: list[ast.expr] = []
    for i in range(lengths.pop()):
        column = [one[i] if isinstance(one, tuple) else MISSING for one in values]
        there = [one for one in column if one is not MISSING]
        same = all(one == there[0] for one in there)
        found = written(there[0]) if same else express(column, rows, hint)
        if found is None:
            return None
        parts.append(found)
    return ast.Tuple(parts, ast.Load())


def _said(values: Values, rows: Sequence[Row]) -> Iterator[Said]:
    """Products and sums of parameters and whole numbers that have these values, the simple ones first."""
    at = [i for i, one in enumerate(values) if one is not MISSING]
    wanted = [whole(values[i]) for i in at]
    known = [
        _Whole(row, [whole(row.values[i]) for i in at])
        for row in rows
        if row.varies and all(type(row.values[i]) is int for i in at)
    ]
    yield from _products(known, wanted)
    yield from _quotients(known, wanted)
    yield from _moved(known, wanted)
    if len(set(wanted)) >= ENOUGH:
        yield from _pairs(known, wanted)


def _products(known: Sequence[_Whole], wanted: Sequence[int]) -> Iterator[Said]:
    """A parameter times a number, the smallest number first."""
    found: list[tuple[int, _Whole]] = []
    for one in known:
        times = wanted[0] // one.values[0] if one.values[0] else 0
        if times > 1 and [value * times for value in one.values] == wanted:
            found.append((times, one))
    for times, one in sorted(found, key=lambda pair: pair[0]):
        one.row.multiples.add(times)
        yield binary(one.name, "*", times), (one.row,)


def _quotients(known: Sequence[_Whole], wanted: Sequence[int]) -> Iterator[Said]:
    """A parameter divided by a number."""
    for one in known:
        for by in PARTS:
            if [value // by for value in one.values] == wanted:
                yield _over(one.name, by), (one.row,)


def _moved(known: Sequence[_Whole], wanted: Sequence[int]) -> Iterator[Said]:
    """A parameter and a number more or less."""
    for one in known:
        more = wanted[0] - one.values[0]
        many = len(set(wanted)) >= ENOUGH or abs(more) == 1
        if many and [value + more for value in one.values] == wanted:
            yield binary(one.name, "+" if more > 0 else "-", abs(more)), (one.row,)


def _pairs(known: Sequence[_Whole], wanted: Sequence[int]) -> Iterator[Said]:
    """Two parameters: their sum, their product, half of one times the other, one and a multiple of the other."""
    for one, other in combinations(known, 2):
        both = list(zip(one.values, other.values, strict=True))
        rows = (one.row, other.row)
        if [a + b for a, b in both] == wanted:
            yield binary(one.name, "+", other.name), rows
        if [a * b for a, b in both] == wanted:
            yield binary(one.name, "*", other.name), rows
        if _is_geometry(one.row.name) and [a // 2 * b for a, b in both] == wanted:
            yield binary(_over(one.name, 2), "*", other.name), rows
        if _is_geometry(other.row.name) and [b // 2 * a for a, b in both] == wanted:
            yield binary(_over(other.name, 2), "*", one.name), rows
        for left, right in ((one, other), (other, one)):
            times = (wanted[0] - left.values[0]) // right.values[0] if right.values[0] else 0
            sums = [a + times * b for a, b in zip(left.values, right.values, strict=True)]
            if times > 1 and sums == wanted:
                yield binary(left.name, "+", binary(right.name, "*", times)), rows


def _over(value: ast.expr, by: int) -> ast.expr:
    """`value // by`."""
    return ast.BinOp(value, ast.FloorDiv(), ast.Constant(by))


def _is_geometry(word: str) -> bool:
    """Whether a word is of those that say where windows go."""
    return any(part in GEOMETRY for part in word.split("_"))


def whole(value: object) -> int:
    """A value that is known to be a whole number."""
    assert isinstance(value, int)  # the callers have asked
    return value
