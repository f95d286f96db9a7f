"""Copies of a layer in series: a number of them, or one for each row of a table of settings."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from netspec.ir.graph import Ref, Scope
from netspec.lang.layer import Layer
from netspec.lang.tree import Entry, Mapping, Scalar, Sequence
from netspec.text import Edit, Label

if TYPE_CHECKING:
    from netspec.lang.body import Body

MOST_COPIES = 10_000

INDEX = "i"
"""What a copy's number is called in expressions: it counts from 0."""


Row: TypeAlias = "tuple[Entry, ...]"
"""The arguments that a row of a table gives one copy: its columns as keys, its cells as values."""


def repeat(body: Body, layer: Layer, path: str) -> tuple[Ref, ...] | None:
    """The values of the last copy. Each takes what the one before it gave as its first input, and the other inputs as
    they are; without a copy, the flow passes by.
    """
    rows = _rows(body, layer, layer.wires["repeat"])
    if rows is None:
        return None
    wires = {key: entry for key, entry in layer.wires.items() if key != "repeat"}
    once = Layer(layer.item, layer.head, wires)
    refs: tuple[Ref, ...] | None = None
    for i, row in enumerate(rows):
        copy = body.inner(scope=body.scope.extended({INDEX: i}))
        if i:
            if refs is not None and len(refs) != 1:
                _several(body, layer)
            if refs is None or len(refs) != 1:
                return None
            copy.start(refs[0])
            once = Layer(layer.item, layer.head, _first_from_flow(wires))
        scope = Scope(body.weaver.scope.block, body.weaver.scope.instance, i)
        with body.report.within(None), body.weaver.inside(scope=scope):
            refs = copy.call(_with(once, row), f"{path}.{i}")
        body.weaver.named[f"{path}.{i}"] = refs[0] if refs else None
    if rows:
        return refs
    if not body.flowing:
        body.report.error("NS128", f"no copy of `{layer.op}` is made, and nothing flows", layer.span)
        return None
    return None if body.flow is None else (body.flow,)


def _rows(body: Body, layer: Layer, entry: Entry) -> list[Row] | None:
    """One row for each copy; None after an error."""
    if isinstance(entry.value, Mapping):
        return _table(body, layer, entry.value)
    good, count = body.values.read(entry.value)
    if not good:
        return None
    if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= MOST_COPIES:
        most = f"{MOST_COPIES:,}"
        lost = isinstance(count, str) and count in body.scope
        help = "write `repeat: 3`, `repeat: $depth` or `repeat: {columns: [channels], rows: [[32], [64]]}`"
        body.report.error(
            "NS144",
            f"`repeat` is how many copies there are, from 0 to {most}, or a table of settings",
            entry.value.span if entry.value.span.text else entry.key.span,
            help=f"did you mean `${count}`?" if lost else help,
            edit=Edit(entry.value.span, f"${count}") if lost else None,
        )
        return None
    return [()] * count


def _table(body: Body, layer: Layer, node: Mapping) -> list[Row] | None:
    """The rows of `{columns: [argument, …], rows: [[value, …], …]}`; None after an error."""
    report = body.report
    columns, rows = node.get("columns"), node.get("rows")
    names = columns.value.items if columns and isinstance(columns.value, Sequence) else ()
    given = rows.value.items if rows and isinstance(rows.value, Sequence) else ()
    words = [one for one in names if isinstance(one, Scalar) and isinstance(one.value, str)]
    if set(node.keys()) != {"columns", "rows"} or not given or not words or len(words) != len(names):
        report.error(
            "NS149",
            "a table of settings has `columns`, the names of arguments, and `rows`, lists of their values",
            node.span,
            help="`repeat: {columns: [channels, stride], rows: [[32, 1], [64, 2]]}`",
        )
        return None
    found: list[Row] = []
    for row in given:
        if not isinstance(row, Sequence) or len(row) != len(words):
            cells = len(row) if isinstance(row, Sequence) else 1
            are = "1 value" if cells == 1 else f"{cells} values"
            message = f"this row has {are}, and there are {len(words)} columns"
            report.error("NS149", message, row.span, help="columns: " + ", ".join(one.text for one in words))
            return None
        found.append(tuple(map(Entry, words, row)))
    if len(found) > MOST_COPIES:
        report.error("NS144", f"a table of {len(found):,} rows; {MOST_COPIES:,} are allowed", node.span)
        return None
    return found if _apart(body, layer, words) else None


def _apart(body: Body, layer: Layer, columns: list[Scalar]) -> bool:
    """Whether what stands under the op beside a table is named, and in no column too."""
    own, report = layer.head.value, body.report
    if not isinstance(own, Mapping):
        if isinstance(own, Scalar) and own.value is None:
            return True
        help = "write `" + layer.op + ": {argument: value}`, or make it a column"
        report.error("NS149", "beside a table, arguments are written by name", own.span, help=help)
        return False
    for column in columns:
        twice = own.get(column.text)
        if twice is not None:
            message = f"`{column.text}` of `{layer.op}` is a column of the table, and stands under the op"
            labels = (Label(column.span, "the column"),)
            report.error(
                "NS149", message, twice.key.span, labels=labels, help="write it in one of the two places"
            )
            return False
    return True


def _with(layer: Layer, row: Row) -> Layer:
    """The layer with the arguments of a row."""
    if not row:
        return layer
    own = layer.head.value
    entries = own.entries if isinstance(own, Mapping) else ()
    span = own.span if isinstance(own, Mapping) else row[0].value.span
    return replace(layer, head=Entry(layer.head.key, Mapping((*entries, *row), span, flow=True)))


def _first_from_flow(wires: dict[str, Entry]) -> dict[str, Entry]:
    """The wires of a copy behind the first: its first input is what flows, its others are as written."""
    entry = wires.get("from")
    if entry is None:
        return wires
    others = entry.value.items[1:] if isinstance(entry.value, Sequence) else ()
    flow = Scalar("_", entry.value.span, text="_")
    return {**wires, "from": Entry(entry.key, Sequence((flow, *others), entry.value.span, flow=True))}


def _several(body: Body, layer: Layer) -> None:
    """Report copies that cannot stand in series."""
    body.report.error(
        "NS144",
        f"`{layer.op}` gives several values, so copies of it cannot follow one another",
        layer.wires["repeat"].key.span,
        help="repeat a group that ends with one value",
    )
