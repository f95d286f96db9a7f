"""Mutants of a source file: one small change each, of the kind that a tired author makes.

Left alone is what no test should hold: docstrings, words of messages, samples (they are tests themselves), type hints,
and the descriptions of fields.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
COUNTED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.MatMult: ast.Mult,
}
CALLED = {
    "min": "max",
    "max": "min",
    "floor": "ceil",
    "ceil": "floor",
    "maximum": "minimum",
    "minimum": "maximum",
    "any": "all",
    "all": "any",
    "argmax": "argmin",
    "sum": "mean",
    "mean": "sum",
    "exp": "expm1",
    "zeros": "ones",
    "ones": "zeros",
    "zeros_like": "ones_like",
    "ones_like": "zeros_like",
}
SILENT = frozenset({"samples"})
"""Functions that are left alone."""

WORDS = frozenset({"Problem", "Warned", "SpecError", "AssertionError", "TypeError", "ValueError"})
"""Calls whose arguments are messages."""


@dataclass(frozen=True)
class Mutant:
    """One change of one file: where it is, what stood there, what stands there now, and the whole new text."""

    line: int
    kind: str
    before: str
    after: str
    text: str

    def __str__(self) -> str:
        return f"{self.line}: {self.kind}: `{self.before}` -> `{self.after}`"


def mutants(text: str) -> Iterator[Mutant]:
    """Every mutant of a source text, in the order of the text."""
    tree = ast.parse(text)
    count = sum(1 for _ in _places(tree))
    for i in range(count):
        fresh = ast.parse(text)
        node, kind, change = next(one for j, one in enumerate(_places(fresh)) if j == i)
        before = ast.unparse(node)
        change()
        after = ast.unparse(ast.fix_missing_locations(node))
        whole = ast.unparse(ast.fix_missing_locations(fresh))
        yield Mutant(getattr(node, "lineno", 0), kind, _short(before), _short(after), whole)


def _short(code: str) -> str:
    """The first line of some code, cut where it is long."""
    line = code.splitlines()[0]
    return line if len(line) <= 90 else f"{line[:87]}..."


Place = tuple[ast.AST, str, Callable[[], None]]
"""What is changed, the kind of the change, and what does it."""


def _places(node: ast.AST) -> Iterator[Place]:
    """Every change of what stands below `node`."""
    for child in _below(node):
        yield from _changes(child)
        yield from _places(child)


def _below(node: ast.AST) -> Iterator[ast.AST]:
    """The children that a change may lie in."""
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "type_params", "bases"):
            continue
        children = [
            one for one in (value if isinstance(value, list) else [value]) if isinstance(one, ast.AST)
        ]
        for child in children:
            if not _left_alone(child):
                yield child


def _left_alone(node: ast.AST) -> bool:
    """Words, samples, imports, and the schema's own descriptions."""
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return node.name in SILENT
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return True
    if isinstance(node, ast.Call):
        return getattr(node.func, "id", "") in {*WORDS, "Field"} or getattr(node.func, "attr", "") == "of"
    if isinstance(node, (ast.Assign, ast.AnnAssign)):
        # Constants of a module and class variables are mostly names; what they decide is tested where it is used.
        value = node.value
        return isinstance(value, ast.Constant) and isinstance(value.value, str)
    return isinstance(node, (ast.JoinedStr, ast.Import, ast.ImportFrom))


def _changes(node: ast.AST) -> Iterator[Place]:
    """The changes of one node itself."""
    if isinstance(node, ast.Compare) and type(node.ops[0]) in COMPARED:
        yield node, "comparison", lambda: node.ops.__setitem__(0, COMPARED[type(node.ops[0])]())
    elif isinstance(node, ast.BinOp) and type(node.op) in COUNTED:
        yield node, "operator", lambda: setattr(node, "op", COUNTED[type(node.op)]())
    elif isinstance(node, ast.BoolOp):
        other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield node, "and, or", lambda: setattr(node, "op", other)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.Not, ast.USub)):
        yield (
            node,
            "sign",
            lambda: setattr(node, "op", ast.UAdd() if isinstance(node.op, ast.USub) else _yes()),
        )
    elif isinstance(node, ast.Constant) and type(node.value) in (int, float, bool):
        yield node, "number", lambda: setattr(node, "value", _other(node.value))
    elif isinstance(node, (ast.If, ast.IfExp)):
        yield node, "condition", lambda: setattr(node, "test", ast.UnaryOp(ast.Not(), node.test))
    elif isinstance(node, ast.Call):
        yield from _calls(node)
    elif isinstance(node, ast.AugAssign):
        yield node, "operator", lambda: setattr(node, "op", COUNTED.get(type(node.op), ast.Sub)())


def _calls(node: ast.Call) -> Iterator[Place]:
    """Another function of its kind, or one argument fewer."""
    name = getattr(node.func, "id", getattr(node.func, "attr", ""))
    if name in CALLED:
        where = "id" if isinstance(node.func, ast.Name) else "attr"
        yield node, "function", lambda: setattr(node.func, where, CALLED[name])
    for keyword in node.keywords:
        if keyword.arg is not None:
            yield node, "argument", partial(node.keywords.remove, keyword)


def _yes() -> ast.unaryop:
    """What leaves a truth as it is, and makes a number of it, which is as true."""
    return ast.UAdd()


def _other(value: object) -> object:
    """Another number of the same kind."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    assert isinstance(value, float)
    return 2 * value + 1
