"""Copies in a row, as a person writes them: the first by itself, the rest in a loop, or a loop over a table."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import TYPE_CHECKING

from netspec_torch.blocks.slots import MISSING, Copies, Differ, Hole, Loop, filled, same, written
from netspec_torch.rule import literal, name

if TYPE_CHECKING:
    from netspec_torch.blocks.unify import Unifier


def united(rows: Sequence[Copies | None], unifier: Unifier, hint: str) -> ast.expr:
    """Rows of copies, one for each use of a block, as one; Differ where they cannot be."""
    for way in (_uniform, _headed, _placed, _tabled):
        try:
            return way(rows, unifier, hint)
        except Differ:
            continue
    raise Differ


def _uniform(rows: Sequence[Copies | None], unifier: Unifier, hint: str, start: int = 0) -> ast.expr:
    """All copies of a use are the same."""
    rests = [None if row is None else row.entries[start:] for row in rows]
    given = [rest for rest in rests if rest]
    if not given or any(not all(same(rest[0], one) for one in rest[1:]) for rest in given):
        raise Differ
    entry = unifier.one([rest[0] if rest else None for rest in rests], hint)
    counts = [MISSING if rest is None else len(rest) for rest in rests]
    known = {one for one in counts if one is not MISSING}
    count: ast.expr = (
        written(known.pop()) if len(known) == 1 else Hole(counts, "depth" if start == 0 else "rest")
    )
    return Copies([Loop(entry, count)])


def _headed(rows: Sequence[Copies | None], unifier: Unifier, hint: str) -> ast.expr:
    """The first copy is another than the rest."""
    rest = _uniform(rows, unifier, hint, 1)
    first = unifier.one([None if row is None else row.entries[0] for row in rows], hint)
    assert isinstance(rest, Copies)  # what `_uniform` gives
    return Copies([first, *rest.entries])


def _placed(rows: Sequence[Copies | None], unifier: Unifier, hint: str) -> ast.expr:
    """As many copies in each use, each in its place."""
    lengths = {len(row.entries) for row in rows if row is not None}
    if len(lengths) > 1:
        raise Differ
    count = lengths.pop()
    return Copies(
        [unifier.one([None if row is None else row.entries[i] for row in rows], hint) for i in range(count)]
    )


def _tabled(rows: Sequence[Copies | None], unifier: Unifier, hint: str) -> ast.expr:
    """What differs from copy to copy is a table that each use gives."""
    flat = [(k, one) for k, row in enumerate(rows) if row is not None for one in row.entries]
    entry = unifier.one([one for _, one in flat], hint)
    columns: list[tuple[Hole, str]] = []

    def put(tree: ast.expr) -> ast.expr | None:
        if isinstance(tree, (Copies, Loop)):
            raise Differ
        if not isinstance(tree, Hole):
            return None
        by_use: list[list[object]] = [[] for _ in rows]
        for (k, _), value in zip(flat, tree.values, strict=True):
            by_use[k].append(value)
        if all(len({repr(one) for one in values}) <= 1 for values in by_use):
            return Hole([values[0] if values else MISSING for values in by_use], tree.hint)
        for column, variable in columns:
            if column.values == tree.values:
                return name(variable)
        variable, number = tree.hint, 2
        while any(variable == other for _, other in columns):
            variable, number = f"{tree.hint}{number}", number + 1
        columns.append((tree, variable))
        return name(variable)

    written_entry = filled(entry, put)
    if not columns or any(MISSING in column.values for column, _ in columns):
        raise Differ
    tables: list[list[object]] = [[] for _ in rows]
    for i, (k, _) in enumerate(flat):
        cells = tuple(column.values[i] for column, _ in columns)
        tables[k].append(cells if len(cells) > 1 else cells[0])
    variables = ", ".join(variable for _, variable in columns)
    values = [MISSING if row is None else tuple(table) for row, table in zip(rows, tables, strict=True)]
    plural = f"{columns[0][1]}s" if len(columns) == 1 else "settings"
    table: ast.expr = (
        written(values[0])
        if len({repr(one) for one in values if one is not MISSING}) == 1
        else Hole(values, plural)
    )
    return Copies([Loop(written_entry, literal(0), variables, table)])
