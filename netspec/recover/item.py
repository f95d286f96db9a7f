"""The parts that a body of layers is made of: uses of ops, formulas, joins of branches, calls of blocks, copies.

They say what is written and nothing of how; values are known by the names they have in the sketch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from netspec.recover.sketch import Step

RESIDUAL = "residual"
FORMULA = "formula"
GROUP = "layers"


@dataclass(frozen=True)
class Item:
    """One layer of a body. `op` is an op, a block, or one of the words above.

    `inputs` are the values it takes, `outputs` those it gives. `branches` are the bodies inside, with their names: two
    of a residual, the layers and what goes past them; one of a group. `steps` are those of the sketch that it is made
    of, in the order in which the spec's own nodes come; those inside branches stand there, unless there are copies.
    `repeat` is how many copies stand in series. A call of a block is `block/` and a number.
    """

    op: str
    arguments: Mapping[str, object] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    branches: tuple[tuple[str, Body], ...] = ()
    steps: tuple[Step, ...] = ()
    repeat: object = 1
    frozen: bool | tuple[str, ...] = False

    @property
    def call(self) -> bool:
        """Whether it is a call of a block."""
        return "/" in self.op

    def walk(self) -> Iterator[Item]:
        """This item, behind all inside it."""
        for _, body in self.branches:
            for item in body:
                yield from item.walk()
        yield self

    def made(self) -> set[str]:
        """Every value that is made in it."""
        return {value for item in self.walk() for value in item.outputs}

    def taken(self) -> list[str]:
        """Every value that is taken in it, in order; those made inside as well."""
        return [value for item in self.walk() for value in item.inputs]

    def lines(self) -> int:
        """About how many lines it takes to write."""
        inside = sum(1 + sum(item.lines() for item in body) for _, body in self.branches)
        return 1 + inside

    def with_branches(self, branches: Sequence[tuple[str, Body]]) -> Item:
        """The same with other bodies inside."""
        return replace(self, branches=tuple(branches))


Body: TypeAlias = tuple[Item, ...]


def steps_of(body: Sequence[Item]) -> Iterator[Step]:
    """The steps of a body in the order of the spec's nodes; calls and copies hold all of theirs."""
    for item in body:
        if item.branches and item.repeat == 1:
            for _, inside in item.branches:
                yield from steps_of(inside)
        yield from item.steps


def names_of(items: Sequence[Item]) -> list[str]:
    """The source's names of all steps that have one."""
    return [step.name for step in steps_of(items) if step.name]


def flow_of(item: Item) -> str | None:
    """What flows on behind an item: its value, where it is one."""
    return item.outputs[0] if len(item.outputs) == 1 else None
