"""A class that stands for many uses: its parts, its parameters, and what its constructor takes."""

from __future__ import annotations

import ast
import keyword
from collections.abc import Sequence
from dataclasses import dataclass, field

from netspec_torch.blocks.items import Call, Item, Leaf, Piece, Series
from netspec_torch.blocks.relation import Row
from netspec_torch.blocks.slots import MISSING, Copies, Dotted, written
from netspec_torch.rule import call, name

Label = tuple[str, int]
"""A value as a class sees it: the item that makes it, and which of its outputs; `@x` is the input `x`."""


@dataclass(eq=False)
class Part:
    """An item of a class. `told` has the item of each use; `present` is None where all uses have it."""

    key: str
    told: list[Item | None]
    inputs: tuple[Label, ...]
    construct: ast.expr | None
    call: ast.expr
    home: str
    present: list[bool] | None = None
    bypass: dict[int, Label] = field(default_factory=dict)
    when: ast.expr | None = None

    @property
    def first(self) -> Item:
        """The item of some use that has it."""
        return next(one for one in self.told if one is not None)


@dataclass(eq=False)
class Template:
    """A class: its parts, its parameters, and the names of what goes in and comes out."""

    pieces: list[Piece]
    parts: list[Part]
    inputs: tuple[str, ...]
    outputs: tuple[Label, ...]
    rows: list[Row] = field(default_factory=list)
    stored: dict[str, ast.expr] = field(default_factory=dict)
    choices: dict[tuple[bool, ...], ast.expr] = field(default_factory=dict)
    name: str = ""

    @property
    def used(self) -> list[Row]:
        """The parameters of the constructor: those that must be given first."""
        rows = [row for row in self.rows if row.used]
        return [row for row in rows if row.default is MISSING] + [
            row for row in rows if row.default is not MISSING
        ]

    @property
    def defaults(self) -> dict[str, object]:
        """The parameters in order, those without a default too: their value is MISSING."""
        return {row.name: row.default for row in self.used}

    def construct(self, k: int) -> ast.expr:
        """The call of the class for use `k`, every argument by name."""
        given = []
        for row in self.used:
            value = row.values[k]
            if value is MISSING:
                value = row.default
            if row.default is not MISSING and repr(value) == repr(row.default):
                continue
            given.append(ast.keyword(row.name, written(value)))
        return ast.Call(name(self.name), [], given)


def bare(key: str) -> str:
    """A word for an item: `conv1` is `conv`."""
    word = key.rpartition(".")[2].rstrip("0123456789") or key.rpartition(".")[2]
    return word if word.isidentifier() and not keyword.iskeyword(word) else "value"


def construct_of(item: Item, constructs: dict[int, ast.expr]) -> ast.expr | None:
    """The constructor of an item, once those of the pieces in it are there."""
    if isinstance(item, Leaf):
        return item.lowered.construct if item.home == item.path else None
    if isinstance(item, Call):
        return constructs.get(id(item.piece))
    assert isinstance(item, Series)  # there is no fourth kind
    inner = [construct_of(one, constructs) for one in item.parts]
    made = [one for one in inner if one is not None]
    if item.numbered:
        return call("nn.Sequential", Copies(made))
    named = {one.path.rpartition(".")[2]: made for one, made in zip(item.parts, made, strict=True)}
    return call("nn.Sequential", call("OrderedDict", **named))


def annotation_of(row: Row) -> str:
    """The type of a parameter."""
    return _kinds([one for one in (*row.values, row.default) if one is not MISSING])


def _kinds(values: Sequence[object]) -> str:
    """The type of several values, None last."""
    tuples = [one for one in values if isinstance(one, tuple)]
    kinds = dict.fromkeys(
        "Callable[[Tensor], Tensor]" if isinstance(one, Dotted) else type(one).__name__
        for one in values
        if one is not None and not isinstance(one, tuple)
    )
    if "float" in kinds:
        kinds.pop("int", None)
    if tuples:
        kinds[f"tuple[{_kinds([part for one in tuples for part in one]) or 'int'}, ...]"] = None
    if None in values:
        kinds["None"] = None
    return " | ".join(kinds)
