"""Copies in a row, as a person writes them: the first by itself, the rest in a loop, or a loop over a table."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import TYPE_CHECKING

from netspec_torch.blocks.slots import MISSING, Copies, Hole, Loop, filled, written
from netspec_torch.rule import binary, call, literal, name

if TYPE_CHECKING:
    from netspec_torch.blocks.unify import Unifier

LOOPED = 3
"""So many equal copies, and as many as a parameter says, are written as a loop."""


def united(rows: Sequence[Copies | None], unifier: Unifier, hint: str) -> ast.expr:
    """Rows of copies, one for each use of a block, as one; Differ where they cannot be."""
    from netspec_torch.blocks.unify import Differ  # noqa: PLC0415 - as above

    for way in (_uniform, _headed, _placed, _tabled):
        try:
            return way(rows, unifier, hint)
        except Differ:
            continue
    raise Differ


def _uniform(rows: Sequence[Copies | None], unifier: Unifier, hint: str, start: int = 0) -> ast.expr:
    """All copies of a use are the same."""
    from netspec_torch.blocks.unify import Differ, same  # noqa: PLC0415 - as above

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
    from netspec_torch.blocks.unify import Differ  # noqa: PLC0415 - as above

    lengths = {len(row.entries) for row in rows if row is not None}
    if len(lengths) > 1:
        raise Differ
    count = lengths.pop()
    return Copies(
        [unifier.one([None if row is None else row.entries[i] for row in rows], hint) for i in range(count)]
    )


def _tabled(rows: Sequence[Copies | None], unifier: Unifier, hint: str) -> ast.expr:
    """What differs from copy to copy is a table that each use gives."""
    from netspec_torch.blocks.unify import Differ  # noqa: PLC0415 - as above

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


def runs(entries: Sequence[ast.expr]) -> list[ast.expr]:
    """Copies with equal ones in a loop, as the arguments of a call."""
    from netspec_torch.blocks.unify import same  # noqa: PLC0415 - as above

    made: list[ast.expr] = []
    i = 0
    while i < len(entries):
        one = entries[i]
        if isinstance(one, Loop):
            made.append(_loop(one))
            i += 1
            continue
        end = i + 1
        while end < len(entries) and same(one, entries[end]):
            end += 1
        if end - i >= LOOPED:
            made.append(_loop(Loop(one, literal(end - i))))
        elif (step := _steps(entries, i)) >= LOOPED + 1:
            made.append(_counted(entries[i : i + step]))
            end = i + step
        else:
            made.extend(entries[i:end])
        i = end
    return made


def _loop(one: Loop) -> ast.expr:
    """`*(entry for _ in range(count))`."""
    over = call("range", one.count) if one.rows is None else one.rows
    names: list[ast.expr] = [ast.Name(part, ast.Store()) for part in one.variable.split(", ")]
    target = names[0] if len(names) == 1 else ast.Tuple(names, ast.Store())
    generator = ast.comprehension(target, over, [], 0)
    return ast.Starred(ast.GeneratorExp(one.entry, [generator]), ast.Load())


def _steps(entries: Sequence[ast.expr], start: int) -> int:
    """How many entries from `start` on grow by the same steps."""
    count = 2
    while start + count <= len(entries) and _line(entries[start : start + count]) is not None:
        count += 1
    return count - 1


def _line(entries: Sequence[ast.expr]) -> ast.expr | None:
    """The entry as an expression of `i`, where every number that differs grows by a fixed step; None where not."""
    from netspec_torch.blocks.unify import Differ, Unifier  # noqa: PLC0415 - as above

    try:
        made = Unifier({}).one(list(entries), "")
    except Differ:
        return None
    good = True

    def put(tree: ast.expr) -> ast.expr | None:
        nonlocal good
        if isinstance(tree, (Copies, Loop)) or (isinstance(tree, ast.Name) and tree.id == "i"):
            good = False
        if not isinstance(tree, Hole):
            return None
        values = tree.values
        if not all(type(one) is int for one in values):
            good = False
            return None
        numbers = [one for one in values if isinstance(one, int)]
        step = numbers[1] - numbers[0]
        if step <= 0 or numbers != [numbers[0] + step * i for i in range(len(numbers))]:
            good = False
            return None
        grown = name("i") if step == 1 else binary(step, "*", name("i"))
        return binary(numbers[0], "+", grown) if numbers[0] else grown

    made = filled(made, put)
    return made if good else None


def _counted(entries: Sequence[ast.expr]) -> ast.expr:
    """`*(Dense(64 + 32 * i) for i in range(6))`."""
    entry = _line(entries)
    assert entry is not None  # `_steps` has asked
    return _loop(Loop(entry, literal(len(entries)), "i"))
