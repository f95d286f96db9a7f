"""What becomes of every tensor of a network and of a file: by the user's word, the old spec, or a search."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from netspec.weights.layers import Shape, layers
from netspec.weights.report import Report, Row, Unused, placed
from netspec.weights.search import Search


def match(
    stored: Mapping[str, Shape],
    wanted: Mapping[str, Shape],
    *,
    whole: Mapping[str, Shape] | None = None,
    ordered: bool = True,
    given: Mapping[str, str] | None = None,
    known: Mapping[str, str] | None = None,
    notes: Iterable[str] = (),
) -> Report:
    """What becomes of all tensors: `stored` and `wanted` have shapes by name, each in its order.

    `whole` has the flattened shape of a `conv` that sees a whole map, and the other way round; `ordered` is false where
    the order of `stored` is not that of its network. `given` are the user's own pairs, stored names by wanted; `known`
    those of all layers that an old spec and the new one share, where the old spec is known. The report is the same for
    the same input, and no stored tensor goes to two places.
    """
    given = dict(given or {})
    told = list(notes)
    rows = {
        key: placed(key, wanted[key], source, stored[source], "as asked", whole)
        for key, source in given.items()
    }
    ours = {key: shape for key, shape in wanted.items() if key not in given}
    theirs = {key: shape for key, shape in stored.items() if key not in given.values()}
    if known is not None:
        rows |= _carried(theirs, ours, known, whole)
        left = dict.fromkeys(theirs, "the spec has no such layer any longer")
    else:
        search = Search(layers(theirs), layers(ours, whole), ordered=ordered)
        search.run()
        rows |= search.rows()
        left = search.left()
        told += search.notes
    taken = {row.source for row in rows.values() if row.taken}
    of = {row.source: row for row in rows.values() if row.source is not None}
    unused = tuple(
        Unused(key, shape, of[key].why if key in of else left.get(key, ""))
        for key, shape in stored.items()
        if key not in taken
    )
    return Report(tuple(rows[key] for key in wanted), unused, tuple(told))


def _carried(
    theirs: Mapping[str, Shape],
    ours: Mapping[str, Shape],
    known: Mapping[str, str],
    whole: Mapping[str, Shape] | None,
) -> dict[str, Row]:
    """The rows where an old spec says which of its layers the new one still has."""
    rows = {}
    for key, shape in ours.items():
        source = known.get(key)
        if source is None:
            rows[key] = Row(key, shape, "new", "the old spec has no such layer")
        elif source not in theirs:
            rows[key] = Row(key, shape, "new", f"the file has no `{source}`")
        else:
            layer = source.rpartition(".")[0]
            rows[key] = placed(key, shape, source, theirs[source], f"the old spec calls it `{layer}`", whole)
    return rows
