"""`extends`: a spec that says only what is different. JSON's merge patch over trees, with layers edited by name.

What comes out is one tree whose nodes still stand in the files they were written in, so every message finds its place.
"""

from __future__ import annotations

from dataclasses import dataclass

from netspec.lang.files import Files
from netspec.lang.layer import split
from netspec.lang.names import WIRES, meant
from netspec.lang.report import Report
from netspec.lang.tree import Entry, Mapping, Node, Scalar, Sequence
from netspec.text import Edit

CALLS = (("training", "optimizer"), ("data", "source"), ("init", "*", "*"))
"""Places that hold a call: it is merged with one of the same name, and replaced by any other."""

_OF_THE_OP = ("init", "freeze", "as")
"""Wires that say something of one op, and go with it when another takes its place."""


def extended(root: Mapping, files: Files, report: Report) -> Mapping:
    """The tree of a file over those that it extends, later files over earlier ones; without its `extends`."""
    entry = root.get("extends")
    if entry is None:
        return root
    own = Mapping(tuple(one for one in root if one is not entry), root.span, root.flow)
    named = entry.value.items if isinstance(entry.value, Sequence) else (entry.value,)
    whole: Mapping | None = None
    for one in named:
        if not isinstance(one, Scalar) or not isinstance(one.value, str):
            help = "`extends: base.yaml`, or a list of paths"
            report.error(
                "NS151", "`extends` names files", one.span if one.span.text else entry.key.span, help=help
            )
            continue
        entered = files.enter(one, report)
        if entered is None:
            continue
        below = extended(entered[0], files, report)
        files.leave()
        whole = below if whole is None else Merger(report).mapping(whole, below, ())
    return own if whole is None else Merger(report).mapping(whole, own, ())


@dataclass(frozen=True)
class Merger:
    """Merges a patch into a tree. Keys that the patch mentions keep the patch's place."""

    report: Report

    def mapping(self, base: Mapping, patch: Mapping, path: tuple[str, ...]) -> Mapping:
        """`base` with what `patch` says instead: mappings are merged, null takes away, all else is replaced."""
        said = {entry.name: entry for entry in patch}
        entries: list[Entry] = []
        for entry in base:
            new = said.pop(entry.name, None)
            merged = entry if new is None else self._entry(entry, new, (*path, entry.name))
            if merged is not None:
                entries.append(merged)
        for entry in said.values():
            if path and _is_null(entry.value):
                self._nothing(entry, base)
            elif not _is_null(entry.value) or not path:
                entries.append(entry)
        return Mapping(tuple(entries), patch.span, flow=False)

    def _entry(self, old: Entry, new: Entry, path: tuple[str, ...]) -> Entry | None:
        if _is_null(new.value):
            return None
        if isinstance(old.value, Sequence) and isinstance(new.value, Mapping) and path[-1] == "layers":
            return Entry(new.key, self.layers(old.value, new.value))
        if isinstance(old.value, Sequence) and isinstance(new.value, Mapping) and path[:1] == ("blocks",):
            layers = Scalar("layers", old.key.span, text="layers")  # a block that is only a list
            old = Entry(old.key, Mapping((Entry(layers, old.value),), old.value.span))
        if not isinstance(old.value, Mapping) or not isinstance(new.value, Mapping):
            return new
        if _is_call(path) and old.value.keys() != new.value.keys():
            return new
        return Entry(new.key, self.mapping(old.value, new.value, path))

    def layers(self, base: Sequence, edits: Mapping) -> Sequence:
        """A list of layers with those replaced, changed or taken away that the edits name."""
        for edit in edits:
            found, base = self._edited(base, edit)
            if not found:
                known = sorted(_names(base))
                near = meant(edit.name, known)
                here = ", ".join(f"`{name}`" for name in known[:12])
                help = f"did you mean `{near}`?" if near else f"layers with a name there: {here or 'none'}"
                message = f"no layer there is called `{edit.name}`"
                cure = Edit(edit.key.span, near) if near else None
                self.report.error("NS153", message, edit.key.span, help=help, edit=cure)
        return base

    def _edited(self, base: Sequence, edit: Entry) -> tuple[bool, Sequence]:
        """Whether a list holds the layer, wherever in it, and the list with the edit."""
        items: list[Node] = []
        found = False
        for item in base:
            layer = split(item)
            if layer is not None and not found and edit.name in {one.text for one in layer.written}:
                found = True
                items.extend(self._replaced(item, edit))
            elif layer is not None and not found and layer.held:
                found, inside = self._inside(item, edit)
                items.append(inside)
            else:
                items.append(item)
        return found, Sequence(tuple(items), base.span, base.flow) if found else base

    def _inside(self, item: Node, edit: Entry) -> tuple[bool, Node]:
        """The same in the lists that a layer holds."""
        if isinstance(item, Sequence) and any(split(one) is not None for one in item):
            return self._edited(item, edit)
        if not isinstance(item, Mapping):
            return False, item
        for i, entry in enumerate(item.entries):
            found, value = self._inside(entry.value, edit)
            if found:
                changed = (*item.entries[:i], Entry(entry.key, value), *item.entries[i + 1 :])
                return True, Mapping(changed, item.span, item.flow)
        return False, item

    def _replaced(self, item: Node, edit: Entry) -> list[Node]:
        """What stands for a layer after an edit: nothing, the layer with other wires, or others that have its name."""
        value = edit.value
        if _is_null(value):
            return []
        old = item if isinstance(item, Mapping) else Mapping((), item.span)
        if isinstance(value, Sequence):
            return self._several(old, value, edit)
        if isinstance(value, Mapping) and all(entry.name in WIRES for entry in value):
            return [self.mapping(old, value, ("layer",))]
        return [self._one(old, value)]

    def _one(self, old: Mapping, new: Node) -> Node:
        """One layer in place of another: the same op is changed, another takes over name, inputs and conditions."""
        new = new if isinstance(new, Mapping) else _as_layer(new)
        before, after = split(old), split(new)
        if after is None or before is None:
            return new
        both = isinstance(before.head.value, Mapping) and isinstance(after.head.value, Mapping)
        if before.op == after.op and both:
            return self.mapping(old, new, ("layer",))
        kept = tuple(
            entry
            for entry in old
            if entry.name in WIRES and entry.name not in _OF_THE_OP and entry.name not in after.wires
        )
        same = tuple(
            entry
            for entry in old
            if before.op == after.op and entry.name in _OF_THE_OP and entry.name not in after.wires
        )
        return Mapping((*new.entries, *kept, *same), new.span, new.flow)

    def _several(self, old: Mapping, new: Sequence, edit: Entry) -> list[Node]:
        """Several layers in place of one: the first takes its inputs, the last has its name."""
        items: list[Node] = [one if isinstance(one, Mapping) else _as_layer(one) for one in new]
        wires = {entry.name: entry for entry in old if entry.name in WIRES and entry.name not in _OF_THE_OP}
        if not items:
            return []
        if "when" in wires or "repeat" in wires:
            group = Scalar("layers", edit.key.span, text="layers")
            held = Entry(group, Sequence(tuple(items), new.span, new.flow))
            return [Mapping((held, *wires.values()), new.span)]
        for at, key in ((0, "from"), (len(items) - 1, "name")):
            one = items[at]
            if key in wires and isinstance(one, Mapping) and one.get(key) is None:
                items[at] = Mapping((*one.entries, wires[key]), one.span, one.flow)
        return items

    def _nothing(self, entry: Entry, base: Mapping) -> None:
        """Report a null that takes away what is not there."""
        near = meant(entry.name, base.keys())
        help = (
            f"did you mean `{near}`?" if near else "null takes away what the file below says; remove the line"
        )
        edit = Edit(entry.key.span, near) if near else None
        message = f"`{entry.name}` is not there to be taken away"
        self.report.error("NS153", message, entry.key.span, help=help, edit=edit)


def _as_layer(node: Node) -> Mapping:
    """`relu` as the mapping `{relu: }`."""
    if not isinstance(node, Scalar):
        return Mapping((), node.span)
    end = node.span.source.span(node.span.end, node.span.end)
    return Mapping((Entry(node, Scalar(None, end)),), node.span, flow=True)


def _names(layers: Sequence) -> set[str]:
    """The written names of the layers of a list, wherever in it they stand."""
    found: set[str] = set()
    for item in layers:
        layer = split(item)
        if layer is not None:
            found.update(one.text for one in layer.written)
            for _, held in layer.held:
                found |= _names(held)
    return found


def _is_null(node: Node) -> bool:
    return isinstance(node, Scalar) and node.value is None and not node.refused


def _is_call(path: tuple[str, ...]) -> bool:
    """Whether a place holds a call."""
    return any(
        len(path) == len(call) and all(want in ("*", have) for want, have in zip(call, path, strict=True))
        for call in CALLS
    )
