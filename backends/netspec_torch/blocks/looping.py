"""Copies as the arguments of a call: equal ones in a loop, and those that grow by steps in one that counts."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from netspec_torch.blocks.slots import Copies, Differ, Hole, Loop, filled, same
from netspec_torch.blocks.unify import Unifier
from netspec_torch.rule import binary, call, literal, name

LOOPED = 3
"""So many equal copies are written as a loop."""


def runs(entries: Sequence[ast.expr]) -> list[ast.expr]:
    """Copies with equal ones in a loop, as the arguments of a call."""
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
