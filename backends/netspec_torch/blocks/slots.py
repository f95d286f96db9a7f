"""Syntax with gaps: where a value, a layer or a number is put in once it is known what it is called here."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from netspec_torch.rule import Value, literal


class Slot(ast.expr):
    """Where input number `index` of an item stands."""

    _fields = ()

    def __init__(self, index: int) -> None:
        super().__init__()
        self.index = index


class Home(ast.expr):
    """Where the item's own layer stands: `self.conv1`."""

    _fields = ()


class Copies(ast.expr):
    """The arguments of an `nn.Sequential` or `nn.ModuleList` of numbered layers."""

    _fields = ()

    def __init__(self, entries: Sequence[ast.expr]) -> None:
        super().__init__()
        self.entries = list(entries)


class Loop(ast.expr):
    """Copies that are alike: `*(entry for _ in range(count))`, or for each of `rows`, whose cells are `variable`."""

    _fields = ()

    def __init__(
        self, entry: ast.expr, count: ast.expr, variable: str = "_", rows: ast.expr | None = None
    ) -> None:
        super().__init__()
        self.entry = entry
        self.count = count
        self.variable = variable
        self.rows = rows


class Hole(ast.expr):
    """A number that differs between uses of a block: its values by use, and what it is called where it stands."""

    _fields = ()

    def __init__(self, values: Sequence[object], hint: str) -> None:
        super().__init__()
        self.values = tuple(values)
        self.hint = hint


@dataclass(frozen=True)
class Dotted:
    """A function as a value: `F.relu`."""

    name: str


class _Mark:
    def __init__(self, shown: str) -> None:
        self.shown = shown

    def __repr__(self) -> str:
        return self.shown


MISSING = _Mark("MISSING")
"""The value of a hole in a use that has nothing there."""

NOT_PLAIN = _Mark("NOT_PLAIN")
"""What `plain` gives for an expression that is no plain value."""


def plain(expression: ast.expr) -> object:
    """The value of a literal, or of the name of a function of `torch`; NOT_PLAIN for anything else."""
    if isinstance(expression, ast.Constant):
        return expression.value
    if isinstance(expression, ast.UnaryOp) and isinstance(expression.operand, ast.Constant):
        inner = expression.operand.value
        return (
            -inner if isinstance(inner, (int, float)) and isinstance(expression.op, ast.USub) else NOT_PLAIN
        )
    if isinstance(expression, ast.Tuple):
        parts = tuple(plain(one) for one in expression.elts)
        return NOT_PLAIN if NOT_PLAIN in parts else parts
    dotted = dotted_name(expression)
    return Dotted(dotted) if dotted.startswith(("F.", "torch.")) else NOT_PLAIN


def dotted_name(expression: ast.expr) -> str:
    """`nn.Conv2d` of an expression that is such a name; empty for anything else."""
    if isinstance(expression, ast.Name):
        return expression.id
    if isinstance(expression, ast.Attribute):
        before = dotted_name(expression.value)
        return f"{before}.{expression.attr}" if before else ""
    return ""


def written(value: object) -> ast.expr:
    """A plain value as an expression."""
    if isinstance(value, Dotted):
        first, *rest = value.name.split(".")
        made: ast.expr = ast.Name(first, ast.Load())
        for part in rest:
            made = ast.Attribute(made, part, ast.Load())
        return made
    if isinstance(value, tuple):
        return ast.Tuple([written(one) for one in value], ast.Load())
    kept: Value = value  # type: ignore[assignment]  # what `plain` gives is a literal
    return literal(kept)


def filled(tree: ast.expr, put: Callable[[ast.expr], ast.expr | None]) -> ast.expr:
    """A copy of `tree` in which `put` has replaced what it knows; it gives None for what stays."""
    found = put(tree)
    if found is not None:
        return found
    if isinstance(tree, (ast.Constant, ast.Name, Slot, Home, Hole)):
        return tree
    if isinstance(tree, Copies):
        return Copies([filled(one, put) for one in tree.entries])
    if isinstance(tree, Loop):
        rows = None if tree.rows is None else filled(tree.rows, put)
        return Loop(filled(tree.entry, put), filled(tree.count, put), tree.variable, rows)
    made = type(tree).__new__(type(tree))
    for field in tree._fields:
        setattr(made, field, _filled(getattr(tree, field, None), put))
    return made


def _filled(value: object, put: Callable[[ast.expr], ast.expr | None]) -> object:
    if isinstance(value, ast.expr):
        return filled(value, put)
    if isinstance(value, list):
        return [_filled(one, put) for one in value]
    if isinstance(value, (ast.keyword, ast.comprehension)):
        made = type(value).__new__(type(value))
        for field in value._fields:
            setattr(made, field, _filled(getattr(value, field, None), put))
        return made
    return value


class Differ(Exception):
    """The expressions are not the same but for numbers and words."""


def same(a: object, b: object) -> bool:
    """Whether two expressions are the same."""
    if a is b:
        return True
    if type(a) is not type(b):
        return False
    if isinstance(a, ast.Constant) and isinstance(b, ast.Constant):
        return type(a.value) is type(b.value) and repr(a.value) == repr(b.value)
    if isinstance(a, Slot) and isinstance(b, Slot):
        return a.index == b.index
    if isinstance(a, Home):
        return True
    if isinstance(a, Copies) and isinstance(b, Copies):
        return same(a.entries, b.entries)
    if isinstance(a, (Hole, Loop)):
        return False
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, ast.AST):
        return all(same(getattr(a, key, None), getattr(b, key, None)) for key in a._fields)
    return a == b
