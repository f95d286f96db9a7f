"""Which tensors an edited spec still has: told by the difference of the two specs, or asked for by the user."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from netspec.ir.graph import Graph, Node
from netspec.passes.diff.match import match
from netspec.text import SpecError, nearest
from netspec.text.shown import shown
from netspec.weights.layers import Shape, fits
from netspec.weights.report import words
from netspec.weights.slots import Slots


def shared(old: Graph, new: Graph) -> dict[str, str]:
    """The old names of the tensors that both graphs have, by the new ones: layers are those of `netspec diff`."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for before, after in _pairs(old, new):
        for own, key in (*after.parameters.items(), *after.state.items()):
            source = before.parameters.get(own) or before.state.get(own)
            if source is not None and key not in found and source not in taken:
                found[key] = source
                taken.add(source)
    return found


def _pairs(old: Graph, new: Graph) -> Iterator[tuple[Node, Node]]:
    """The layers that are one in both graphs, and those of the regions in them."""
    for before, after in match(old, new).pairs:
        yield before, after
        for inner, other in zip(before.regions, after.regions, strict=False):
            yield from _pairs(inner, other)


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
