"""In which uses of a block a part is there, said by its parameters: `stride == 1 and in_channels == channels`."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, permutations

from netspec_torch.blocks.relation import Row, equal, take, whole
from netspec_torch.rule import binary, name

MARKS = (0, 1)
"""The numbers that parameters are compared with."""


@dataclass(frozen=True)
class Atom:
    """One comparison: its expression, in which uses it holds, and the parameters in it."""

    made: ast.expr
    holds: list[bool]
    rows: tuple[Row, ...]


def condition(values: Sequence[bool], rows: Sequence[Row]) -> ast.expr | None:
    """A condition that holds in just the uses where `values` is true; None where there is no simple one."""
    for row in rows:
        if equal(values, row.values):
            return take((name(row.name), (row,)))
    atoms = [one for one in _atoms(rows) if True in one.holds and False in one.holds]
    for one in atoms:
        if one.holds == list(values):
            return take((one.made, one.rows))
    for one, other in combinations(atoms, 2):
        pairs = list(zip(one.holds, other.holds, strict=True))
        both = (*one.rows, *other.rows)
        if [a and b for a, b in pairs] == list(values):
            return take((ast.BoolOp(ast.And(), [one.made, other.made]), both))
        if [a or b for a, b in pairs] == list(values):
            return take((ast.BoolOp(ast.Or(), [one.made, other.made]), both))
    return None


def _atoms(rows: Sequence[Row]) -> Iterator[Atom]:
    """Comparisons of parameters with numbers, with multiples of one another, and with one another."""
    varying = [row for row in rows if row.varies]
    for row in varying:
        yield from _marked(row)
    known = [row for row in varying if all(type(one) is int for one in row.values)]
    for row, other in permutations(known, 2):
        for times in sorted(other.multiples):
            yield from _alike(row, other, times)
    for row, other in combinations(known, 2):
        yield from _alike(row, other, 1)


def _marked(row: Row) -> Iterator[Atom]:
    """A parameter is 0 or 1, or it is not: more than that, where it is never less."""
    values = [one for one in row.values if type(one) in (int, float)]
    numbers = [one for one in values if isinstance(one, (int, float))]
    if len(numbers) < len(row.values):
        return
    for mark in MARKS:
        same = [one == mark for one in numbers]
        yield Atom(_compared(row, ast.Eq(), ast.Constant(mark)), same, (row,))
        sign = ast.Gt() if min(numbers) >= mark else ast.NotEq()
        yield Atom(_compared(row, sign, ast.Constant(mark)), [not one for one in same], (row,))


def _alike(row: Row, other: Row, times: int) -> Iterator[Atom]:
    """A parameter is a multiple of another, or it is not."""
    pairs = zip(row.values, other.values, strict=True)
    same = [whole(a) == whole(b) * times for a, b in pairs]
    right = name(other.name) if times == 1 else binary(name(other.name), "*", times)
    yield Atom(_compared(row, ast.Eq(), right), same, (row, other))
    yield Atom(_compared(row, ast.NotEq(), right), [not one for one in same], (row, other))


def _compared(row: Row, sign: ast.cmpop, right: ast.expr) -> ast.expr:
    return ast.Compare(name(row.name), [sign], [right])
