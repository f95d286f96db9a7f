"""Shapes of a class that is used at several sizes: a number where all uses agree, else a parameter or a letter."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from netspec.ir.types import TensorType
from netspec_torch.blocks.relation import express
from netspec_torch.blocks.slots import MISSING
from netspec_torch.blocks.template import Template

_LETTERS = {
    "batch": "B",
    "channel": "C",
    "height": "H",
    "width": "W",
    "depth": "D",
    "time": "T",
    "feature": "F",
}

_SIZED = ("channel", "feature", "bin")
"""Axes whose sizes a parameter of the class may say; those of space are only what happens to come in."""

Types = Sequence["tuple[TensorType, ...] | None"]


class Letters:
    """The letters of one class, each for the sizes that one axis has in its uses."""

    def __init__(self, template: Template) -> None:
        self._rows = [row for row in template.rows if row.used]
        self._known: dict[tuple[str, tuple[str, ...]], str] = {}
        self._taken = self._fixed(template)

    def _fixed(self, template: Template) -> set[str]:
        """The letters of the spec's own sizes that are shown, since all uses agree about them: they mean themselves."""
        found: set[str] = set()
        for part in template.parts:
            told = [item.types for item in part.told if item is not None]
            for kinds in zip(*told, strict=False):
                if len({kind.rank for kind in kinds}) > 1:
                    continue
                for sizes in zip(*(kind.sizes for kind in kinds), strict=True):
                    if len({str(size) for size in sizes}) == 1:
                        found.update(symbol for symbol in sizes[0].symbols)
        return found

    def shapes(self, told: Types) -> str:
        """The shapes of what an item makes, from those of all uses."""
        there = [one for one in told if one is not None]
        return ", ".join(
            self._shape([None if one is None else one[i] for one in told]) for i in range(len(there[0]))
        )

    def _shape(self, told: Sequence[TensorType | None]) -> str:
        """One shape."""
        there = [one for one in told if one is not None]
        first = there[0]
        if len({one.rank for one in there}) > 1 or len({one.dtype for one in there}) > 1:
            return ""
        sizes = [
            self._size(first.axes[i].name, [None if one is None else str(one.sizes[i]) for one in told])
            for i in range(first.rank)
        ]
        shown = f"[{', '.join(sizes)}]"
        return shown if first.dtype == "float32" else f"{first.dtype}{shown}"

    def _size(self, axis: str, told: Sequence[str | None]) -> str:
        """One size: what all uses have, a parameter, or a letter."""
        there = [one for one in told if one is not None]
        if len(set(there)) == 1:
            return there[0]
        if axis in _SIZED and all(one.isdecimal() for one in there):
            values: list[object] = [MISSING if one is None else int(one) for one in told]
            found = express(values, self._rows, "channels")
            if found is not None:
                return ast.unparse(found)
        return self._letter(axis, told)

    def _letter(self, axis: str, told: Sequence[str | None]) -> str:
        """The letter for these sizes: half of another letter where they are."""
        for (of, sizes), letter in self._known.items():
            if of == axis and all(a is None or a == b for a, b in zip(told, sizes, strict=True)):
                return letter
        for (of, sizes), letter in list(self._known.items()):
            by = _ratio(told, sizes)
            if of == axis and by and letter.isalnum():
                return f"{letter} / {by}"
        stem = _LETTERS.get(axis, axis[:1].upper() or "S")
        letter, number = stem, 2
        while letter in self._taken:
            letter, number = f"{stem}{number}", number + 1
        self._taken.add(letter)
        self._known[axis, tuple("" if one is None else one for one in told)] = letter
        return letter


def _ratio(told: Sequence[str | None], sizes: Sequence[str]) -> int:
    """How many times smaller all sizes are than others; 0 where there is no such number."""
    pairs = [(one, other) for one, other in zip(told, sizes, strict=True) if one is not None]
    if not all(one.isdecimal() and other.isdecimal() and int(one) for one, other in pairs):
        return 0
    ratios = {int(other) / int(one) for one, other in pairs}
    by = ratios.pop()
    return int(by) if not ratios and by > 1 and by == int(by) else 0
