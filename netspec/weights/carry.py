"""What a spec can take over from a file of weights: by the old spec where it is known, by names and structure else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from netspec.ir.graph import Graph, Node
from netspec.passes.diff.match import match as same_layers
from netspec.recipe.spec import Spec
from netspec.text import SpecError, nearest
from netspec.text.shown import shown
from netspec.weights.layers import Shape, fits
from netspec.weights.match import match
from netspec.weights.origin import Listing, spec_behind
from netspec.weights.report import Report, words
from netspec.weights.slots import Slots, slots


def carried(spec: Spec, stored: Listing, file: Path, pairs: Mapping[str, str] | None = None) -> Report:
    """What becomes of every tensor if `spec` starts from a file or a run.

    `pairs` are the user's own, names of tensors or layers of the file and here. SpecError NS767 where they cannot be.
    """
    wanted = slots(spec.graph)
    notes = list(stored.notes)
    old, note = spec_behind(file, stored.metadata)
    known = None
    if note:
        notes.append(note)
    if old is not None and slots(old.graph).shapes.keys() <= stored.shapes.keys():
        known = shared(old.graph, spec.graph)
        if old.digest != spec.digest:
            notes.append(
                "the weights' own spec is known: what it calls its layers, and what became of them, decides"
            )
    return matched(wanted, stored, pairs, known=known, notes=notes)


def matched(
    wanted: Slots,
    stored: Listing,
    pairs: Mapping[str, str] | None = None,
    *,
    known: Mapping[str, str] | None = None,
    notes: list[str] | None = None,
) -> Report:
    """As `match`, with the pairs that the user asks for."""
    return match(
        stored.shapes,
        wanted.shapes,
        whole=wanted.whole,
        ordered=stored.ordered,
        given=asked(pairs or {}, stored.shapes, wanted),
        known=known,
        notes=stored.notes if notes is None else notes,
    )


def held(report: Report, name: str, *, strict: bool) -> None:
    """SpecError NS765 where nothing of the file `name` is taken, NS766 where `strict` and not all comes of it."""
    if not report.sources:
        raise SpecError.of(
            "NS765",
            f"nothing in `{name}` fits: {len(report.unused)} tensors there, {len(report.rows)} here",
            help="see the report for why, and map what belongs together: `--map old=new`",
        )
    if strict and not report.whole:
        first = next(row for row in report.rows if not row.taken)
        left = sum(not row.taken for row in report.rows)
        raise SpecError.of(
            "NS766",
            f"{left} of {len(report.rows)} tensors do not come from `{name}`; the first is `{shown(first.name)}`: "
            f"{shown(first.why)}",
            help="map what belongs together, `--map old=new`, or leave out `--strict`",
        )


def shared(old: Graph, new: Graph) -> dict[str, str]:
    """The old names of the tensors that both graphs have, by the new ones: layers are those of `netspec diff`."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for before, after in _layers(old, new):
        for own, key in (*after.parameters.items(), *after.state.items()):
            source = before.parameters.get(own) or before.state.get(own)
            if source is not None and key not in found and source not in taken:
                found[key] = source
                taken.add(source)
    return found


def _layers(old: Graph, new: Graph) -> Iterator[tuple[Node, Node]]:
    """The layers that are one in both graphs, and those of the regions in them."""
    for before, after in same_layers(old, new).pairs:
        yield before, after
        for inner, other in zip(before.regions, after.regions, strict=False):
            yield from _layers(inner, other)


def asked(pairs: Mapping[str, str], stored: Mapping[str, Shape], wanted: Slots) -> dict[str, str]:
    """What the user wants, stored names by wanted: `pairs` has the file's names and those here, of tensors or layers.

    SpecError NS767 for a name that is not there, for tensors that do not fit, and for one that would get two.
    """
    found: dict[str, str] = {}
    for there, here in pairs.items():
        for source, key in _expanded(there, here, stored, wanted.shapes):
            if key in found or source in found.values():
                twice = key if key in found else source
                raise _refused(f"`{shown(twice)}` is mapped twice", "map each tensor once")
            if not fits(stored[source], wanted.shapes[key], wanted.whole.get(key)):
                raise _refused(
                    f"`{shown(source)}` cannot become `{shown(key)}`: {words(stored[source])} there, "
                    f"{words(wanted.shapes[key])} here",
                    "map what has the same numbers",
                )
            found[key] = source
    return found


def _expanded(
    there: str, here: str, stored: Mapping[str, Shape], wanted: Mapping[str, Shape]
) -> list[tuple[str, str]]:
    """One pair of tensors, or those of two layers that have the same own names."""
    if there in stored and here in wanted:
        return [(there, here)]
    for name, known, where in ((there, stored, "in the file"), (here, wanted, "in the network")):
        if name not in known and not any(key.startswith(f"{name}.") for key in known):
            layers = {key.rpartition(".")[0] or key for key in known}
            near = nearest(name, [*known, *layers])
            raise _refused(
                f"there is no tensor or layer `{shown(name)}` {where}",
                f"did you mean `{shown(near)}`?" if near else "the report without `--map` lists all names",
            )
    inside = [key.removeprefix(f"{here}.") for key in wanted if key.startswith(f"{here}.")]
    found = [(f"{there}.{own}", f"{here}.{own}") for own in inside if f"{there}.{own}" in stored]
    if not found:
        raise _refused(
            f"`{shown(there)}` and `{shown(here)}` have no tensor of one name",
            "map tensors by their whole names",
        )
    return found


def _refused(message: str, help: str) -> SpecError:
    return SpecError.of("NS767", message, help=help)
