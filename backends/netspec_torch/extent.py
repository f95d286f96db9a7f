"""Sizes in generated code: numbers where they are known, `x.shape[i]` where they are free."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from netspec.ir.types import TensorType
from netspec_torch.rule import Value, literal, subscript


def size_of(value: ast.expr, kind: TensorType, place: int) -> Value:
    """The size of one axis of a value: `64`, or `x.shape[2]`."""
    known = kind.axes[place].size.value
    if known is not None:
        return known
    return subscript(ast.Attribute(value, "shape", ast.Load()), place)


def by_place(sizes: Mapping[int, Value]) -> ast.expr:
    """Sizes by the position of their axis: `{2: x.shape[2] * 2, 3: 64}`."""
    return ast.Dict([literal(place) for place in sizes], [literal(size) for size in sizes.values()])


def rounded_up(size: Value, multiple: int) -> ast.expr:
    """`-(-size // multiple) * multiple`."""
    down = ast.BinOp(ast.UnaryOp(ast.USub(), literal(size)), ast.FloorDiv(), literal(multiple))
    return ast.BinOp(ast.UnaryOp(ast.USub(), down), ast.Mult(), literal(multiple))


def scaled(size: Value, up: int, down: int) -> Value:
    """`size * up // down`, written with what changes it alone."""
    if isinstance(size, int):
        return size * up // down
    made = size if up == 1 else ast.BinOp(literal(size), ast.Mult(), literal(up))
    return made if down == 1 else ast.BinOp(literal(made), ast.FloorDiv(), literal(down))


def known_sizes(*kinds: TensorType) -> bool:
    """Whether all sizes of space are numbers."""
    return all(axis.size.value is not None for kind in kinds for axis in kind.axes[2:])
