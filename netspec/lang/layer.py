"""One written layer taken apart: the op with what it is, and beside it how it is wired; and the layers it holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from netspec import ops
from netspec.lang.habits import listed, said
from netspec.lang.names import WIRES, meant
from netspec.lang.report import Report
from netspec.lang.tree import Entry, Mapping, Node, Scalar, Sequence
from netspec.text import Edit, Label, Span

GROUP, RESIDUAL, BRANCHES, MAP, REUSE, PARAMETER = (
    "layers", "residual", "branches", "map", "reuse", "parameter",
)  # fmt: skip


@dataclass(frozen=True)
class Layer:
    """An item of a list of layers: `head` is the op's entry, `wires` the entries beside it by name."""

    item: Node
    head: Entry
    wires: dict[str, Entry]

    @property
    def op(self) -> str:
        """What is called: an op, a block, or a word of structure."""
        return self.head.name

    @property
    def span(self) -> Span:
        """Where the op is named."""
        return self.head.key.span

    @property
    def written(self) -> tuple[Scalar, ...]:
        """The names that the layer gives to its values, as written."""
        entry = self.wires.get("name")
        if entry is None:
            return ()
        items = entry.value.items if isinstance(entry.value, Sequence) else (entry.value,)
        return tuple(one for one in items if isinstance(one, Scalar))

    @property
    def held(self) -> tuple[tuple[str, Sequence], ...]:
        """The lists of layers that stand inside, each with the word it adds to the paths of its layers."""
        return tuple(_held(self.head))


def split(item: Node) -> Layer | None:
    """The parts of a layer that is one; None for anything else, of which `read` says what is wrong."""
    if isinstance(item, Scalar):
        if not isinstance(item.value, str) or item.refused:
            return None
        end = item.span.source.span(item.span.end, item.span.end)
        return Layer(item, Entry(item, Scalar(None, end)), {})
    if not isinstance(item, Mapping):
        return None
    heads = [entry for entry in item if entry.name not in WIRES]
    if len(heads) != 1:
        return None
    return Layer(item, heads[0], {entry.name: entry for entry in item if entry.name in WIRES})


def read(item: Node, report: Report) -> Layer | None:
    """The parts of a layer; None after an error."""
    layer = split(item)
    if layer is not None:
        return layer
    if isinstance(item, Scalar):
        if not item.refused:
            report.error("NS116", "a layer is missing here", item.span, help="write the name of an op")
    elif not isinstance(item, Mapping):
        help = listed(item) or "write `- conv: {…}`"
        report.error("NS116", "a layer is an op with its arguments", item.span, help=help)
    elif len(heads := [entry for entry in item if entry.name not in WIRES]) > 1:
        _two_heads(heads[0], heads[1], item, report)
    else:
        help = "write `- relu` or `- {relu, name: …}`"
        report.error("NS116", "this layer has no op", item.span, help=help)
    return None


def _two_heads(first: Entry, second: Entry, item: Mapping, report: Report) -> None:
    """Two keys that could both be the op: an argument beside its op, a forgotten dash, or a list without brackets."""
    if any(one.span == second.key.span for one in report.diagnostics):
        return  # the YAML reader has said it already
    kind, edit = ops.find(first.name), None
    if kind is not None and second.name in kind.model_fields:
        help = f"`{second.name}` is an argument: indent it two more spaces, under `{first.name}`"
        main = first.value.span.text if isinstance(first.value, Scalar) else ""
        if main and kind.main is not None:  # two arguments: then both have their names
            help = f"write `{first.name}: {{{kind.main}: {main}, {second.name}: …}}`"
    elif (values := _unlisted(second, item)) is not None:
        words = f"[{values.text}]"
        help, edit = f"several values are a list: `from: {words}`", Edit(values, words)
    elif near := meant(second.name, WIRES):
        help, edit = f"did you mean `{near}`?", Edit(second.key.span, near)
    else:
        help = said(second.name, "beside") or (
            f"begin a new layer with `- {second.name}`, or indent it if it belongs to `{first.name}`"
        )
    report.error(
        "NS118",
        f"two ops in one layer: `{first.name}` and `{second.name}`",
        second.key.span,
        labels=(Label(first.key.span, "the first one"),),
        help=help,
        edit=edit,
    )


def _unlisted(second: Entry, item: Mapping) -> Span | None:
    """The values of `{add, from: a, b}`, where the comma ends the first; None where it is something else."""
    entries = list(item)
    before = entries[entries.index(second) - 1]
    lone = isinstance(second.value, Scalar) and second.value.value is None
    if before.name != "from" or not isinstance(before.value, Scalar) or not lone:
        return None
    return Span(before.value.span.source, before.value.span.start, second.key.span.end)


def _held(head: Entry) -> Iterator[tuple[str, Sequence]]:
    if head.name in (GROUP, RESIDUAL) and isinstance(head.value, Sequence):
        yield "", head.value
    if not isinstance(head.value, Mapping):
        return
    if head.name in (RESIDUAL, MAP):
        for key in ("layers", "shortcut"):
            entry = head.value.get(key)
            if entry is not None and isinstance(entry.value, Sequence):
                yield "", entry.value
    branches = head.value if head.name == BRANCHES else None
    inside = head.value.get(BRANCHES)
    if branches is None and inside is not None and isinstance(inside.value, Mapping):
        branches = inside.value
    for entry in branches or ():
        if isinstance(entry.value, Sequence):
            yield entry.name, entry.value
