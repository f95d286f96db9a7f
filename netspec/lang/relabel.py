"""What a drawn factor makes of a target: an expression of the targets and of `factor`, never run by Python."""

from __future__ import annotations

import ast
from collections.abc import Container, Iterable, Mapping
from functools import lru_cache
from math import isfinite

from netspec.ir.dim import Dim
from netspec.ir.problem import Problem
from netspec.lang.constants import FUNCTIONS, Evaluator, Refused
from netspec.lang.expression import Expression, parse
from netspec.lang.report import Report
from netspec.lang.tree import Scalar
from netspec.text import Source, Span

FACTOR = "factor"
"""What the drawn number is called."""


def check_relabel(text: str, targets: Iterable[str]) -> None:
    """Raise Problem where `text` is no expression of `targets` and of the factor."""
    expression = _parsed(text)
    names = (*targets, FACTOR)
    calls = {id(node.func) for node in ast.walk(expression.tree) if isinstance(node, ast.Call)}
    for node in ast.walk(expression.tree):
        if not isinstance(node, ast.Name):
            continue
        known: Container[str] = FUNCTIONS if id(node) in calls else names
        if node.id not in known:
            told = ", ".join(f"`{name}`" for name in names)
            raise Problem("NS110", f"`{node.id}` is no target, nor `{FACTOR}`", help=f"it can use {told}")
    _value(expression, dict.fromkeys(names, 1.0))


def relabel(text: str, known: Mapping[str, float]) -> float:
    """The value of the expression; Problem where it has none."""
    return _value(_parsed(text), known)


def _value(expression: Expression, known: Mapping[str, float]) -> float:
    try:
        value = Evaluator(dict(known), _no_sizes).value(expression.tree)
    except Refused as refused:
        raise Problem(refused.code, refused.message, help=refused.help) from None
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        words = f"`{expression.text}` gives no number"
        raise Problem("NS134", words, help="write for instance `systole * factor ** 2`")
    return float(value)


@lru_cache(maxsize=64)
def _parsed(text: str) -> Expression:
    """The checked tree of a text."""
    report = Report()
    source = Source("targets", text)
    found = parse(Scalar(text, Span(source, 0, len(text)), text=text), report)
    if found is None:
        first = report.diagnostics[0]
        raise Problem(first.code, first.message, help=first.help)
    return found


def _no_sizes(value: str, axis: str) -> Dim | None:
    del value, axis
    return None
