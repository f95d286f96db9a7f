"""What several expressions have in common: one expression, with a hole wherever they differ in a number or a word."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

from netspec_torch.blocks.copies import united
from netspec_torch.blocks.signatures import DEFAULTS, POSITIONAL
from netspec_torch.blocks.slots import (
    MISSING,
    NOT_PLAIN,
    Copies,
    Differ,
    Dotted,
    Hole,
    dotted_name,
    plain,
    same,
    written,
)

Told = Sequence["ast.expr | None"]
"""One expression for each use; None for a use that has none."""


class Unifier:
    """Makes one expression of several. `defaults` are those of the classes that were written before, by name."""

    def __init__(self, defaults: Mapping[str, Mapping[str, object]]) -> None:
        self.defaults = defaults

    def one(self, told: Told, hint: str) -> ast.expr:
        """The expression that all have in common; Differ where they have none."""
        there = [one for one in told if one is not None]
        first = there[0]
        if len(there) > 1 and any(isinstance(one, Copies) for one in there):
            return self._copies(told, hint)
        if all(same(first, one) for one in there[1:]):
            return first
        if any(isinstance(one, Hole) for one in there):
            raise Differ
        values = [MISSING if one is None else plain(one) for one in told]
        if NOT_PLAIN not in values:
            if any(isinstance(one, Dotted) for one in values) and not all(
                isinstance(one, Dotted) or one is MISSING for one in values
            ):
                raise Differ
            return Hole(values, hint)
        if len({type(one) for one in there}) > 1:
            raise Differ
        if isinstance(first, ast.Call):
            return self._call(told, hint)
        made = type(first).__new__(type(first))
        for field in first._fields:
            parts = [None if one is None else getattr(one, field, None) for one in told]
            setattr(made, field, self._field(parts, [one is not None for one in told], hint))
        return made

    def _field(self, parts: Sequence[object], there: Sequence[bool], hint: str) -> object:
        """One field of several nodes of one kind."""
        given = [part for part, is_there in zip(parts, there, strict=True) if is_there]
        if all(isinstance(part, ast.expr) for part in given):
            return self.one([part if isinstance(part, ast.expr) else None for part in parts], hint)
        if all(isinstance(part, list) for part in given):
            lists = [part if isinstance(part, list) else None for part in parts]
            return self._each(lists, [hint] * max(len(one) for one in lists if one is not None))
        if any(isinstance(part, ast.AST) for part in given):
            first = given[0]
            if all(type(part) is type(first) and not getattr(part, "_fields", ()) for part in given):
                return first
            raise Differ
        if any(part != given[0] for part in given):
            raise Differ
        return given[0]

    def _each(self, lists: Sequence[list[ast.expr] | None], hints: Sequence[str]) -> list[ast.expr]:
        """Lists of expressions, place by place."""
        lengths = {len(one) for one in lists if one is not None}
        if len(lengths) > 1 or any(
            not isinstance(part, ast.expr) for one in lists if one is not None for part in one
        ):
            raise Differ
        return [
            self.one([None if one is None else one[i] for one in lists], hints[i])
            for i in range(lengths.pop())
        ]

    def _call(self, told: Told, hint: str) -> ast.expr:
        """Calls, with what one leaves out and another writes put in."""
        calls = [one if isinstance(one, ast.Call) else None for one in told]
        there = [one for one in calls if one is not None]
        called = dotted_name(there[0].func)
        function = self.one([None if one is None else one.func for one in calls], hint)
        names = POSITIONAL.get(called, ())
        most = max(len(one.args) for one in there)
        hints = [names[i] if i < len(names) and names[i] else hint for i in range(most)]
        positional = self._each([None if one is None else one.args for one in calls], hints)
        keywords: dict[str, None] = {}
        for one in sorted(there, key=lambda one: -len(one.keywords)):
            for keyword in one.keywords:
                if keyword.arg is None:
                    raise Differ
                keywords[keyword.arg] = None
        usual = self.defaults.get(called) or DEFAULTS.get(called, {})
        if usual:
            keywords = dict.fromkeys(sorted(keywords, key=lambda key: _place(key, usual)))
        made: list[ast.keyword] = []
        for key in keywords:
            parts: list[ast.expr | None] = []
            for made_by in calls:
                given = () if made_by is None else made_by.keywords
                found = next((k.value for k in given if k.arg == key), None)
                if made_by is not None and found is None:
                    if key not in usual:
                        raise Differ
                    found = written(usual[key])
                parts.append(found)
            made.append(ast.keyword(key, self.one(parts, key)))
        return ast.Call(function, list(positional), made)

    def _copies(self, told: Told, hint: str) -> ast.expr:
        """Rows of copies: the same number of them, each with the one in its place."""
        rows = [one if isinstance(one, Copies) else None for one in told]
        if any(row is None and one is not None for row, one in zip(rows, told, strict=True)):
            raise Differ
        return united(rows, self, hint)


def _place(key: str, usual: Mapping[str, object]) -> int:
    """Where an argument stands among those with a default; the others stand before them."""
    return list(usual).index(key) if key in usual else -1
