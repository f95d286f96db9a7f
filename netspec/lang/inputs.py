"""What a layer takes: inputs named under the op, then `from` in order, then `_` if the first is still open."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeAlias

from netspec.ir.graph import Ref
from netspec.ir.op import Op
from netspec.lang.bind import Argument
from netspec.lang.layer import BRANCHES, Layer
from netspec.lang.names import meant
from netspec.lang.tree import Entry, Mapping, Node, Scalar, Sequence
from netspec.text import Edit, Span

if TYPE_CHECKING:
    from netspec.lang.body import Body

Taken: TypeAlias = "tuple[Ref | None, Span | None]"
"""A value, None where its layer had failed, and where it is named; None for the flow."""


class Inputs:
    """Reads the inputs and arguments of the layers of one body."""

    def __init__(self, body: Body) -> None:
        self.body = body
        self.report = body.report

    def arguments(self, kind: type[Op], head: Entry) -> dict[str, Argument] | None:
        """The arguments of an op, without those that name inputs; None after an error."""
        values, slots = self.body.values, _slots(kind)
        if getattr(kind, "free_arguments", False) and isinstance(head.value, Mapping):
            return values.named(head.value)
        if isinstance(head.value, Mapping):
            taken = {*(slot for slot in slots if slot not in kind.model_fields), BRANCHES}
            own = tuple(entry for entry in head.value if entry.name not in taken)
            return values.named(Mapping(own, head.value.span, head.value.flow))
        return {} if kind.main in slots else values.arguments(kind, head.value, head.key.span)

    def read(self, kind: type[Op], layer: Layer, *, good: bool) -> list[Taken] | None:
        """The inputs of an op in the order of its slots; None after an error."""
        slots = _slots(kind)
        value = layer.head.value
        named: dict[str, Node] = {}
        if isinstance(value, Mapping) and not getattr(kind, "free_arguments", False):
            named = {
                one.name: one.value
                for one in value
                if one.name in slots and one.name not in kind.model_fields
            }
        elif kind.main in slots and isinstance(value, Scalar) and value.value is not None:
            named = {str(kind.main): value}
        variadic = bool(kind.slots) and kind.slots[-1].startswith("*")
        return self.fill(layer, slots, named, variadic=variadic, good=good)

    def fill(
        self,
        layer: Layer,
        slots: list[str],
        named: dict[str, Node],
        *,
        variadic: bool = False,
        good: bool = True,
    ) -> list[Taken] | None:
        """The values for `slots`: those that `named` names, then `from`, then the flow; None after an error."""
        given: dict[str, Taken] = {}
        for slot, node in named.items():
            found = self.lookup(node)
            good = good and found is not None
            given[slot] = found or (None, None)
        rest: list[Taken] = []
        if "from" in layer.wires:
            for node in _items(layer.wires["from"].value):
                found = self.lookup(node)
                good = good and found is not None
                rest.append(found or (None, None))
        elif slots and slots[0] not in given:
            if not self.body.flowing:
                first = next(iter(self.body.space.names), "x")
                help = f"say which value it takes: `from: {first}`"
                self.report.error("NS128", f"nothing flows into `{layer.op}` here", layer.span, help=help)
                return None
            rest.append((self.body.flow, None))
        open_slots = [slot for slot in slots if slot not in given]
        if not variadic and len(rest) > len(open_slots) and good:
            span = layer.wires["from"].value.span if "from" in layer.wires else layer.span
            inputs = "1 input" if len(slots) == 1 else f"{len(slots)} inputs"
            message = f"`{layer.op}` takes {inputs}, and {len(given) + len(rest)} are given"
            self.report.error("NS120", message, span)
            return None
        given.update(zip(open_slots, rest, strict=False))
        ordered = [given[slot] for slot in slots if slot in given] + rest[len(open_slots) :]
        return ordered if good else None

    def one(self, layer: Layer) -> Taken | None:
        """The one value that a structure takes; None after an error."""
        found = self.fill(layer, ["x"], {})
        if found is None:
            return None
        return found[0] if found else (None, None)

    def lookup(self, node: Node) -> Taken | None:
        """A value by its written name; None after an error."""
        body = self.body
        if not isinstance(node, Scalar) or not isinstance(node.value, str):
            self.report.error(
                "NS129", "a value is said by its name", node.span, help="layers get one with `name:`"
            )
            return None
        if node.text == "_":
            if body.flowing:
                return body.flow, node.span
            self.report.error(
                "NS128", "nothing flows here, so `_` has no value", node.span, help="name the value"
            )
            return None
        if node.text in body.space.names:
            body.space.used.add(node.text)
            return body.space.names[node.text], node.span
        if node.text in body.space.naming.failed or self.report.forgives(node.text):
            return None, node.span
        if "." in node.text:
            return self._path(node)
        self._unknown(node, list(body.space.names))
        return None

    def _path(self, node: Scalar) -> Taken | None:
        """A value inside a block or a copy of a repeat, by written names: `enc.pool`, `layer4.2`."""
        body = self.body
        first, _, rest = node.text.partition(".")
        made = body.space.made.get(first)
        if made is not None:
            path = f"{made[2]}.{rest}"
            if path in body.weaver.named:
                body.space.used.add(first)
                return body.weaver.named[path], node.span
            inside = [one[len(made[2]) + 1 :] for one in body.weaver.named if one.startswith(f"{made[2]}.")]
            near = meant(rest, inside)
            known = ", ".join(f"`{first}.{one}`" for one in inside[:12])
            help = f"did you mean `{first}.{near}`?" if near else f"there are {known}" if known else ""
            message = f"there is no value `{rest}` in `{first}`"
            edit = Edit(node.span, f"{first}.{near}") if near else None
            help = help or "only what has a written name inside can be used"
            self.report.error("NS129", message, node.span, help=help, edit=edit)
            return None
        self._unknown(node, list(body.space.names))
        return None

    def _unknown(self, node: Scalar, known: Iterable[str]) -> None:
        """Report a name that nothing has before this layer."""
        body = self.body
        known = list(known)
        near: str | None = None
        first = node.text.partition(".")[0]
        if first in body.space.naming.automatic:
            help = f"`{first}` is an automatic name; give that layer `name: {first}` to use it"
        elif node.text in body.weaver.targets:
            help = "it is a target, and a layer never sees targets"
        elif node.text in body.space.naming.places and node.text not in body.scope:
            line = body.space.naming.places[node.text].line
            help = f"`{node.text}` is made later, at line {line}: values flow from top to bottom"
        else:
            near = meant(node.text, known)
            here = ", ".join(f"`{name}`" for name in known[:12])
            help = f"did you mean `{near}`?" if near else f"here are {here}"
        message = f"there is no value `{node.text}` before this layer"
        edit = Edit(node.span, near) if near else None
        self.report.error("NS129", message, node.span, help=help, edit=edit)


def _slots(kind: type[Op]) -> list[str]:
    """The names of an op's inputs."""
    return list(kind.inputs())


def _items(node: Node) -> Iterable[Node]:
    return node.items if isinstance(node, Sequence) else (node,)
