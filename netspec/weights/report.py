"""What becomes of every tensor of a network, and of every tensor of a file, and why: for a person and as data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from netspec.text.html import table
from netspec.text.shown import shown, width
from netspec.weights.layers import Shape, fits

Status = Literal["kept", "renamed", "reshaped", "new", "ambiguous"]

TAKEN: tuple[Status, ...] = ("kept", "renamed", "reshaped")
"""What a tensor of the network is that gets its numbers from the file."""

ORDER: tuple[Status, ...] = (*TAKEN, "new", "ambiguous")


@dataclass(frozen=True)
class Row:
    """One tensor of the network: where its numbers come from, or why it keeps its first values.

    `source` is the file's name of it. Of a tensor that is `new` it is what stands in its place there, if anything does;
    `source_shape` is its shape.
    """

    name: str
    shape: Shape
    status: Status
    why: str = ""
    source: str | None = None
    source_shape: Shape | None = None

    @property
    def taken(self) -> bool:
        """Whether the numbers come from the file."""
        return self.status in TAKEN


@dataclass(frozen=True)
class Unused:
    """One tensor of the file that the network does not take, and why."""

    name: str
    shape: Shape
    why: str


@dataclass(frozen=True)
class Report:
    """What becomes of all tensors: those of the network in its order, then what is left of the file in its order.

    `notes` tell what holds for the file as a whole.
    """

    rows: tuple[Row, ...]
    unused: tuple[Unused, ...]
    notes: tuple[str, ...] = field(default=())

    @property
    def sources(self) -> dict[str, str]:
        """The file's names by the network's, of all that is taken. No tensor of the file is taken twice."""
        return {row.name: row.source for row in self.rows if row.taken and row.source is not None}

    @property
    def whole(self) -> bool:
        """Whether every tensor of the network is taken from the file."""
        return all(row.taken for row in self.rows)

    @property
    def counts(self) -> dict[str, int]:
        """How many tensors there are of each status, and of the file's unused ones."""
        found = Counter(row.status for row in self.rows)
        told: dict[str, int] = {status: found[status] for status in ORDER}
        return {**told, "unused": len(self.unused)}

    def as_json(self) -> dict[str, object]:
        """The report as plain data."""
        return {
            "counts": self.counts,
            "tensors": [
                {
                    "name": row.name,
                    "shape": list(row.shape),
                    "status": row.status,
                    "source": row.source,
                    "source_shape": None if row.source_shape is None else list(row.source_shape),
                    "why": row.why,
                }
                for row in self.rows
            ],
            "unused": [{"name": one.name, "shape": list(one.shape), "why": one.why} for one in self.unused],
            "notes": list(self.notes),
        }

    def lines(self, *, every: bool = False) -> Iterator[str]:
        """The report for a person: a line for each layer, long runs of layers of one story cut short unless `every`."""
        table = [*_told(_of_layers(self.rows), every=every), *_told(_left(self.unused), every=every)]
        wide = [max((width(line[at]) for line in table if len(line) > 1), default=0) for at in range(3)]
        for line in table:
            if len(line) == 1:
                yield line[0]
                continue
            cells = [cell + " " * (wide[at] - width(cell)) for at, cell in enumerate(line[:3])]
            yield "  ".join((*cells, line[3])).rstrip()
        yield from self.notes
        yield self.summary

    @property
    def summary(self) -> str:
        """How much there is of each."""
        counts = self.counts
        told = [f"{counts[status]} {status}" for status in ORDER if counts[status]]
        taken = sum(counts[status] for status in TAKEN)
        left = f"; {counts['unused']} of the file unused" if self.unused else ""
        return f"{taken} of {len(self.rows)} tensors from the file ({', '.join(told) or 'none'}){left}"

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def _repr_html_(self) -> str:
        """A table for a notebook; every name of the file is nothing but a word."""
        rows = [*_told(_of_layers(self.rows), every=True), *_told(_left(self.unused), every=True)]
        caption = " ".join((self.summary, *self.notes))
        return table(caption, ("", "here", "in the file", "why"), rows, 4)


SHOWN = 6
"""Layers one after another of which the same is to be said, before they are cut short."""

Line = tuple[str, ...]


def _of_layers(rows: Iterable[Row]) -> list[Line]:
    """One line for the tensors of a layer of which the same is to be said: status, here, there, why."""
    found: dict[tuple[str, str, str, str], list[str]] = {}
    sizes: dict[str, int] = {}
    for row in rows:
        here, _, own = row.name.rpartition(".")
        there = row.source.rpartition(".")[0] if row.source and row.taken else ""
        found.setdefault((row.status, here, there, row.why), []).append(own)
        sizes[here] = sizes.get(here, 0) + 1
    return [
        (status, shown(_named(here, own, whole=len(own) == sizes[here])), shown(there), shown(why))
        for (status, here, there, why), own in found.items()
    ]


def _named(layer: str, own: list[str], *, whole: bool) -> str:
    """A layer, with the names of its tensors where it is not told whole."""
    return layer if whole and layer else f"{layer}: {', '.join(own)}" if layer else ", ".join(own)


def _left(unused: Iterable[Unused]) -> list[Line]:
    """One line for the tensors of a layer of the file."""
    found: dict[tuple[str, str], list[str]] = {}
    for one in unused:
        there, _, own = one.name.rpartition(".")
        found.setdefault((there, one.why), []).append(own)
    return [
        ("unused", "", shown(_named(there, own, whole=False)), shown(why))
        for (there, why), own in found.items()
    ]


def _told(lines: list[Line], *, every: bool) -> Iterator[Line]:
    """The lines; of a long run with one status and one reason the first and the last, and how many are between."""
    start = 0
    while start < len(lines):
        end = start
        while end < len(lines) and (lines[end][0], lines[end][3]) == (lines[start][0], lines[start][3]):
            end += 1
        run = lines[start:end]
        if every or len(run) <= SHOWN or run[0][0] in {"new", "ambiguous"}:
            yield from run
        else:
            yield from run[:2]
            yield (f"  and {len(run) - 3} more layers",)
            yield run[-1]
        start = end


def words(shape: Shape | None) -> str:
    """A shape as it is written: `[64, 3, 7, 7]`."""
    return "[" + ", ".join(str(size) for size in shape or ()) + "]"


def placed(
    key: str, shape: Shape, source: str, there: Shape, why: str, whole: Mapping[str, Shape] | None
) -> Row:
    """What becomes of a tensor whose place in the file is known."""
    if shape == there:
        same = key == source
        return Row(key, shape, "kept" if same else "renamed", "" if same else why, source, there)
    if fits(there, shape, (whole or {}).get(key)):
        return Row(
            key,
            shape,
            "reshaped",
            f"{words(there)} there, {words(shape)} here: the same numbers",
            source,
            there,
        )
    return Row(key, shape, "new", f"{words(there)} there, {words(shape)} here", source, there)
