"""Where one use of an op is written, and what is written beside it; the edit that puts a layer behind another."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from netspec.ir.record import Record
from netspec.ir.types import TensorType
from netspec.lang.tree import Mapping as Table
from netspec.lang.tree import Node as Written
from netspec.lang.tree import Sequence as Sequenced
from netspec.text import Edit, Label, Span

MOST_CAUSES = 2
"""Arguments of a block that are shown with what is wrong in it."""


@dataclass(frozen=True)
class Place:
    """Where one use of an op is written: its name, its arguments, its inputs; `advice` is help that only it knows.

    `called` is what the user wrote where that is no op: then both ways to it are traced.
    `causes` tells of arguments that are a block's parameters where they were given.
    """

    head: Span
    arguments: Mapping[str, Span] = field(default_factory=dict)
    inputs: Sequence[Span | None] = ()
    layer: bool = True
    item: Written | None = None
    advice: str = ""
    called: str = ""
    causes: Callable[[], Mapping[str, Label]] = dict

    def why(self, at: str | int | None) -> tuple[Label, ...]:
        """Where the arguments come from that a Problem speaks of: those that a block was given."""
        causes = {} if isinstance(at, int) else self.causes()
        if isinstance(at, str):
            return (causes[at],) if at in causes else ()
        return tuple(dict.fromkeys(causes.values()))[:MOST_CAUSES]

    def of(self, at: str | int | None) -> Span:
        """The place a Problem speaks of."""
        if isinstance(at, str):
            return self.arguments.get(at, self.head)
        if isinstance(at, int) and at < len(self.inputs):
            return self.inputs[at] or self.head
        return self.head


@dataclass(frozen=True)
class Wiring:
    """What is written beside an op and ends up in the node: freezing, initialisers, a claim about the result, names."""

    freeze: frozenset[str] | None = frozenset()
    inits: Mapping[str, Record] = field(default_factory=dict)
    by_op: Mapping[str, Mapping[str, Record]] = field(default_factory=dict)
    """What the `init` section says of all ops: those that an op is said with start as they do elsewhere."""
    init_spans: Mapping[str, Span] = field(default_factory=dict)
    init_places: Mapping[str, Span] = field(default_factory=dict)
    claim: TensorType | None = None
    freeze_span: Span | None = None
    names: tuple[str, ...] = ()


NO_WIRING = Wiring()


def appended(item: Written, layer: str) -> Edit | None:
    """The edit that puts one more layer behind a written one; a name goes over to the new layer.

    None where that is more than an insertion: the name must stand last, in a layer that begins a line.
    """
    source, start = item.span.source, item.span.start
    line = source.line(item.span.line)
    indent = line[: len(line) - len(line.lstrip())]
    if line[: item.span.column - 1].strip() != "-":
        return None
    if not isinstance(item, Table) or item.get("name") is None:
        if isinstance(item, Table) and len(item) > 1:
            return None
        return Edit(source.span(item.span.end, item.span.end), f"\n{indent}- {layer}")
    *before, last = item.entries
    if last.name != "name" or isinstance(last.value, Sequenced) or not before:
        return None
    head = source.text[start : last.span.start].rstrip()
    if item.flow:
        place = start + len(head.rstrip(","))
        return Edit(source.span(place, place), f"}}\n{indent}- {{{layer}")
    place = start + len(head)
    return Edit(source.span(place, place), f"\n{indent}- {layer}:")
