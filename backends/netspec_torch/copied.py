"""Text of support code as it stands in a written file: what was written for wider pages is laid anew."""

from __future__ import annotations

import ast
import textwrap

from netspec_torch.printer import LIMIT

Definition = ast.FunctionDef | ast.ClassDef


def laid(node: ast.stmt, text: str) -> tuple[ast.stmt, str]:
    """A definition with its docstrings broken into lines that fit; its code stays as it is.

    The tree is that of the new text, since a docstring is part of it.
    """
    lines = text.splitlines()
    if all(len(line) <= LIMIT for line in lines):
        return node, text
    made = ast.parse(text).body[0]
    docs = [
        one.body[0]
        for one in ast.walk(made)
        if isinstance(one, (ast.FunctionDef, ast.ClassDef))
        and ast.get_docstring(one, clean=False) is not None
    ]
    for doc in sorted(docs, key=lambda one: -one.lineno):
        first, last = doc.lineno - 1, doc.end_lineno or doc.lineno
        if any(len(line) > LIMIT for line in lines[first:last]):
            lines[first:last] = _wrapped(lines[first:last], doc.col_offset)
    new = "\n".join(lines)
    return ast.parse(new).body[0], new


def _wrapped(lines: list[str], indent: int) -> list[str]:
    """The lines of a docstring, quotes included, paragraph by paragraph; the closing quotes stand alone behind many."""
    margin = " " * indent
    body = (
        textwrap.dedent("\n".join([margin + lines[0].strip()[3:], *lines[1:]])).rstrip().removesuffix('"""')
    )
    made: list[str] = []
    for part in body.rstrip().split("\n\n"):
        joined = " ".join(part.split())
        wrapped = textwrap.wrap(
            joined, LIMIT - indent - (0 if made else 3), break_long_words=False, break_on_hyphens=False
        )
        made.extend([*([""] if made else []), *wrapped])
    made[0] = f'"""{made[0]}'
    return [*(f"{margin}{line}" if line else "" for line in made), f'{margin}"""']
