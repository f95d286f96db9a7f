"""Layers: each is a call of an op, with what is written beside it wired into the graph."""

from __future__ import annotations

from collections import Counter

from netspec import ops
from netspec.ir.dim import Dim
from netspec.ir.graph import Ref
from netspec.ir.op import Op
from netspec.lang.bind import Argument, bind
from netspec.lang.constants import Scope
from netspec.lang.formula import Formula
from netspec.lang.names import STRUCTURE, WIRES, meant, why_refused
from netspec.lang.tree import Entry, Mapping, Node, Scalar, Sequence
from netspec.lang.values import Values
from netspec.lang.weave import Place, Weaver
from netspec.lang.wiring import Inits, read_wiring
from netspec.text import Edit, Label, Span

_ENTRIES = ("loss", "metrics")


class Body:
    """A list of layers in one namespace. `flow` is the value that the next layer without `from` takes (`_`)."""

    def __init__(self, weaver: Weaver, scope: Scope, names: dict[str, Ref | None], inits: Inits) -> None:
        self.weaver = weaver
        self.report = weaver.report
        self.scope = scope
        self.names = names
        self.inits = inits
        self.flow: Ref | None = next(iter(names.values())) if len(names) == 1 else None
        self.flowing = len(names) == 1
        self.last = ""
        self.places: dict[str, Span] = {}
        self.used: set[str] = set()
        self.automatic: set[str] = set()
        self._counts: Counter[str] = Counter()
        self._written: set[str] = set()
        self._values = Values(scope, self.report, self._size)

    def read(self, layers: Sequence) -> None:
        """Weave every layer; a failed one poisons what depends on it and nothing else."""
        self._written = {name for item in layers for name in _written_names(item)}
        for item in layers:
            self._layer(item)

    def _layer(self, item: Node) -> None:
        head, wires = self._split(item)
        if head is None:
            self._set_flow(None, "")
            return
        when = wires.get("when")
        kept = self._values.condition(when.value) if when else True
        path, outputs = self._names(head, wires)
        if kept is False:
            for name in outputs:
                self.names[name] = self.flow
            return
        refs = None if kept is None else self._call(head, wires, path, item)
        for i, name in enumerate(outputs):
            self.names[name] = refs[i] if refs and i < len(refs) else None
        if refs is not None and "name" in wires:
            self._named_all(head.name, len(refs), wires["name"].value)
        if refs is not None and len(refs) > 1:
            self.flow, self.flowing, self.last = None, False, ""
            return
        self._set_flow(refs[0] if refs else None, outputs[0] if outputs else path)

    def _named_all(self, op: str, made: int, node: Node) -> None:
        """Report another number of names than of values."""
        names = len(node) if isinstance(node, Sequence) else 1
        if names == made:
            return
        values = "1 value" if made == 1 else f"{made} values"
        written = "1 name is" if names == 1 else f"{names} names are"
        self.report.error(
            "NS117",
            f"`{op}` gives {values}, and {written} written",
            node.span,
            help=f"name all {made}: `name: [a, b, …]`" if made > 1 else "write one name",
        )
        self.report.lose(max(0, made - names))

    def _set_flow(self, ref: Ref | None, name: str) -> None:
        self.flow, self.flowing, self.last = ref, True, name

    def _split(self, item: Node) -> tuple[Entry | None, dict[str, Entry]]:
        """The op's entry and the wires beside it."""
        if isinstance(item, Scalar):
            if isinstance(item.value, str) and not item.refused:
                return Entry(item, Scalar(None, item.span.source.span(item.span.end, item.span.end))), {}
            if not item.refused:
                self.report.error(
                    "NS116", "a layer is missing here", item.span, help="write the name of an op"
                )
            return None, {}
        if not isinstance(item, Mapping):
            self.report.error(
                "NS116", "a layer is an op with its arguments", item.span, help="write `- conv: {…}`"
            )
            return None, {}
        wires = {entry.name: entry for entry in item if entry.name in WIRES}
        heads = [entry for entry in item if entry.name not in WIRES]
        if len(heads) == 1:
            return heads[0], wires
        if not heads:
            self.report.error(
                "NS116", "this layer has no op", item.span, help="write `- relu` or `- {relu, name: …}`"
            )
            return None, {}
        self._two_heads(heads)
        return None, {}

    def _two_heads(self, heads: list[Entry]) -> None:
        """Two keys that could both be the op: an argument beside its op, or a forgotten dash."""
        first, second = heads[0], heads[1]
        if any(one.span == second.key.span for one in self.report.diagnostics):
            return  # the YAML reader has said it already
        kind = ops.find(first.name)
        if kind is not None and second.name in kind.model_fields:
            help = f"`{second.name}` is an argument: indent it two more spaces, under `{first.name}`"
        else:
            help = f"begin a new layer with `- {second.name}`, or indent it if it belongs to `{first.name}`"
        self.report.error(
            "NS118",
            f"two ops in one layer: `{first.name}` and `{second.name}`",
            second.key.span,
            labels=(Label(first.key.span, "the first one"),),
            help=help,
        )

    def _names(self, head: Entry, wires: dict[str, Entry]) -> tuple[str, list[str]]:
        """The node's path, and the names its outputs were given; a refused name is as good as none."""
        entry = wires.get("name")
        if entry is None:
            return self._automatic(head.name), []
        items = list(entry.value) if isinstance(entry.value, Sequence) else [entry.value]
        names = []
        for item in items:
            if not isinstance(item, Scalar):
                self.report.error("NS119", "a name is one word", item.span)
                continue
            why = why_refused(item.text)
            if why is None and item.text in self.places:
                labels = (Label(self.places[item.text], "the first one"),)
                self.report.error(
                    "NS103",
                    f"the name `{item.text}` is taken",
                    item.span,
                    labels=labels,
                    help="inputs, targets, constants and layers share one set of names: choose another",
                )
                self.report.lose()
                continue
            if item.text in _ENTRIES:
                why = "the file has a section of that name, whose formulas live under it"
            if why is not None:
                self.report.error(
                    "NS119", f"`{item.text}` cannot be a name: {why}", item.span, help="choose another"
                )
                self.names.setdefault(item.text, None)
                self.report.lose()
                continue
            self.places[item.text] = item.span
            names.append(item.text)
        return (names[0] if len(names) == 1 else self._automatic(head.name)), names

    def _automatic(self, op: str) -> str:
        """`conv1`, `conv2`: counted over the unnamed layers of the body, written names skipped."""
        stem = op.replace(".", "_")
        while True:
            self._counts[stem] += 1
            name = f"{stem}{self._counts[stem]}"
            if name not in self._written and name not in self.names and name not in self.scope:
                self.automatic.add(name)
                return name

    def _call(self, head: Entry, wires: dict[str, Entry], path: str, item: Node) -> tuple[Ref, ...] | None:
        """The values of one layer; None after an error."""
        if head.name == "formula":
            return self._formula(head, wires, path)
        if head.name in STRUCTURE or "repeat" in wires:
            word, span = (
                ("repeat", wires["repeat"].key.span) if "repeat" in wires else (head.name, head.key.span)
            )
            self.report.error(
                "NS190",
                f"`{word}` belongs to the language, and this version cannot build it yet",
                span,
                help="write the layers out",
            )
            return None
        kind = self._op(head)
        if kind is None:
            return None
        named = self._arguments(kind, head)
        inputs = self._inputs(kind, head, wires, named)
        wiring = read_wiring(head.name, wires, self.inits, self._values)
        if named is None or inputs is None or wiring is None:
            return None
        op = bind(kind, named, head.key.span, self.report, scope=self.scope)
        if op is None:
            return None
        refs, spans = inputs
        place = Place(head.key.span, {key: one.span for key, one in named.items()}, spans, item=item)
        return self.weaver.apply(op, refs, path, place, wiring)

    def _op(self, head: Entry) -> type[Op] | None:
        kind = ops.find(head.name)
        if kind is not None:
            return kind
        near = meant(head.name, ops.names())
        edit = Edit(head.key.span, near) if near else None
        help = f"did you mean `{near}`?" if near else "the ops are listed in specs/README.md"
        if head.name.startswith("$"):
            help = "a layer is an op; `$` computes arguments"
        self.report.error("NS101", f"there is no op `{head.name}`", head.key.span, help=help, edit=edit)
        return None

    def _arguments(self, kind: type[Op], head: Entry) -> dict[str, Argument] | None:
        """The written arguments, without those that name inputs."""
        if getattr(kind, "free_arguments", False) and isinstance(head.value, Mapping):
            return self._values.named(head.value)
        if not isinstance(head.value, Mapping):
            return self._values.arguments(kind, head.value, head.key.span)
        slots = set(kind.inputs())
        own = tuple(
            entry for entry in head.value if entry.name not in slots or entry.name in kind.model_fields
        )
        return self._values.named(Mapping(own, head.value.span, head.value.flow))

    def _inputs(
        self, kind: type[Op], head: Entry, wires: dict[str, Entry], named: object
    ) -> tuple[list[Ref | None], list[Span | None]] | None:
        """Inputs named under the op, then `from` in order, then `_` if the first is still open."""
        slots = list(kind.inputs())
        variadic = bool(kind.slots) and kind.slots[-1].startswith("*")
        given: dict[str, tuple[Ref | None, Span | None]] = {}
        good = named is not None
        if isinstance(head.value, Mapping) and not getattr(kind, "free_arguments", False):
            for entry in head.value:
                if entry.name in slots and entry.name not in kind.model_fields:
                    found = self._lookup(entry.value)
                    good = good and found is not None
                    given[entry.name] = found or (None, None)
        rest: list[tuple[Ref | None, Span | None]] = []
        if "from" in wires:
            node = wires["from"].value
            for item in node if isinstance(node, Sequence) else [node]:
                found = self._lookup(item)
                good = good and found is not None
                rest.append(found or (None, None))
        elif slots and slots[0] not in given:
            if not self.flowing:
                self.report.error(
                    "NS128",
                    f"nothing flows into `{head.name}` here",
                    head.key.span,
                    help="say which value it takes: `from: " + (next(iter(self.names), "x")) + "`",
                )
                return None
            rest.append((self.flow, None))
        open_slots = [slot for slot in slots if slot not in given]
        if not variadic and len(rest) > len(open_slots) and good:
            span = wires["from"].value.span if "from" in wires else head.key.span
            self.report.error(
                "NS120",
                f"`{head.name}` takes {len(slots)} inputs, and {len(given) + len(rest)} are given",
                span,
            )
            return None
        given.update(zip(open_slots, rest, strict=False))
        ordered = [given[slot] for slot in slots if slot in given] + rest[len(open_slots) :]
        return ([ref for ref, _ in ordered], [span for _, span in ordered]) if good else None

    def _lookup(self, node: Node) -> tuple[Ref | None, Span | None] | None:
        """A value by its written name; None after an error."""
        if not isinstance(node, Scalar) or not isinstance(node.value, str):
            self.report.error(
                "NS129", "a value is said by its name", node.span, help="layers get one with `name:`"
            )
            return None
        if node.text == "_":
            if self.flowing:
                return self.flow, node.span
            self.report.error(
                "NS128", "nothing flows here, so `_` has no value", node.span, help="name the value"
            )
            return None
        if node.text in self.names:
            self.used.add(node.text)
            return self.names[node.text], node.span
        if self.report.forgives(node.text):
            return None, node.span
        known = list(self.names)
        near = meant(node.text, known)
        if node.text in self.automatic:
            help = f"`{node.text}` is an automatic name; give that layer `name: {node.text}` to use it"
            near = None
        elif node.text in self.weaver.targets:
            help = "it is a target, and a layer never sees targets"
            near = None
        else:
            help = (
                f"did you mean `{near}`?"
                if near
                else "here are " + ", ".join(f"`{name}`" for name in known[:12])
            )
        self.report.error(
            "NS129",
            f"there is no value `{node.text}` before this layer",
            node.span,
            help=help,
            edit=Edit(node.span, near) if near else None,
        )
        return None

    def _formula(self, head: Entry, wires: dict[str, Entry], path: str) -> tuple[Ref, ...] | None:
        """A layer that is a formula of values."""
        if not isinstance(head.value, Scalar) or "from" in wires:
            self.report.error(
                "NS130", "a formula is one expression", head.key.span, help="write `formula: a + b`"
            )
            return None
        names = {**self.names, **({"_": self.flow} if self.flowing else {})}
        hidden = dict.fromkeys(self.weaver.targets, "is a target, and a layer never sees targets")
        wiring = read_wiring(head.name, wires, self.inits, self._values)
        if wiring is None:
            return None
        ref = Formula(self.weaver, names, self.scope, path, hidden=hidden, result=wiring).weave(head.value)
        return None if ref is None else (ref,)

    def _size(self, value: str, axis: str) -> Dim | None:
        """The size of an axis of a value in scope, `_` included."""
        ref = self.flow if value == "_" else self.names.get(value)
        if ref is None:
            return None
        found = self.weaver.type_of(ref)
        return found.size(axis) if found.find(axis) is not None else None


def _written_names(item: Node) -> list[str]:
    """The names that a layer's text gives."""
    entry = item.get("name") if isinstance(item, Mapping) else None
    if entry is None:
        return []
    items = list(entry.value) if isinstance(entry.value, Sequence) else [entry.value]
    return [one.text for one in items if isinstance(one, Scalar)]
