"""What element by element lowerings share: plain numbers written as literals."""

from __future__ import annotations

import ast
from math import isfinite

from netspec.ops.elementwise import number
from netspec_torch.rule import Lowered, Site, literal

LARGEST_WHOLE = 2.0**53


def operand(at: Site, i: int, *, whole: bool = True) -> ast.expr:
    """Input `i`; a plain number as a literal, written `2` for 2.0 unless `whole` is false."""
    value = number(at.types[i])
    return at.inputs[i] if value is None else plain(value, whole=whole)


def plain(value: float, *, whole: bool = True) -> ast.expr:
    """A number as a person writes it."""
    if whole and isfinite(value) and value % 1 == 0 and abs(value) < LARGEST_WHOLE:
        return literal(int(value))
    return literal(value)


def folded(at: Site) -> Lowered | None:
    """The result as a literal where every input is a plain number; None where there is a tensor among them."""
    if any(number(kind) is None for kind in at.types):
        return None
    value = number(at.outputs[0])
    return None if value is None else Lowered(literal(value))
