"""Columns that a writer made: values under one another, and tables of lists."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TypeAlias

from netspec.lang.canonical.parts import Branch, Part
from netspec.lang.canonical.words import on_one_line
from netspec.lang.tree import Scalar
from netspec.text.source import Span

Cell: TypeAlias = tuple[str, Scalar]
"""A value of a table, and its text."""

Row: TypeAlias = list[Cell]


def aligned(parts: Sequence[Part]) -> bool:
    """Whether the values of these entries stood in one column, and not by chance."""
    if len(parts) < 2:
        return False
    columns, chance = set(), True
    for part in parts:
        span = _span(part)
        if part.key is None or span.line != part.key.span.line:
            return False
        columns.add(span.column)
        chance = chance and span.start - part.key.span.end <= 2
    return len(columns) == 1 and not chance


def table(branch: Branch) -> list[str] | None:
    """The rows of a list of lists whose columns stood under one another, as they stood; None where they did not.

    Where a cell is written in another way now, numbers are set to the right of their column and all else to the left.
    """
    rows: list[Row] = []
    for part in branch.parts:
        row = _row(part)
        if not row or (rows and len(row) != len(rows[0])):
            return None
        rows.append(row)
    if len(rows) < 2 or not any(map(_spaced, rows)):
        return None
    columns = list(zip(*rows, strict=True))
    for column in columns:
        lefts = {cell.span.column for _, cell in column}
        rights = {cell.span.end_column for _, cell in column}
        if len(lefts) > 1 and len(rights) > 1:
            return None
    if all(text == cell.span.text for row in rows for text, cell in row):
        return [part.value.node.span.text for part in branch.parts if isinstance(part.value, Branch)]
    texts = [_set(column, last=column is columns[-1]) for column in columns]
    return [f"[{' '.join(cells)}]" for cells in zip(*texts, strict=True)]


def _spaced(row: Row) -> bool:
    """Whether a row has more space somewhere than one that stands alone."""
    source, start = row[0][1].span.source, row[0][1].span.start
    gaps = [after.span.start - before.span.end for (_, before), (_, after) in pairwise(row)]
    return any(gap > 2 for gap in gaps) or source.text[start - 1] != "["


def _row(part: Part) -> Row | None:
    """The cells of one row with their texts; None where it is no list of values on one line."""
    row = part.value
    if not isinstance(row, Branch) or row.mapping or not row.bracketed or row.remarked:
        return None
    span = row.node.span
    if span.line != span.end_line:
        return None
    cells = []
    for one in row.parts:
        text = on_one_line(one.value, flow=True) if isinstance(one.value, Scalar) else None
        if text is None or not isinstance(one.value, Scalar):
            return None
        cells.append((text, one.value))
    return cells


def _set(column: Sequence[Cell], *, last: bool) -> list[str]:
    """The cells of one column at one width, each with its comma."""
    width = max(len(text) for text, _ in column)
    comma = "" if last else ","
    number = all(
        isinstance(cell.value, int | float) and not isinstance(cell.value, bool) for _, cell in column
    )
    if number:
        return [f"{text:>{width}}{comma}" for text, _ in column]
    return [text if last else f"{text + comma:<{width + 1}}" for text, _ in column]


def _span(part: Part) -> Span:
    return part.value.span if isinstance(part.value, Scalar) else part.value.node.span
