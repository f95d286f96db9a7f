"""Layers: each is a call of an op, of a block or of structure, with what is written beside it wired into the graph."""

from __future__ import annotations

import re
from collections.abc import Sequence as Items
from typing import TYPE_CHECKING

from netspec import ops
from netspec.ir.dim import Dim
from netspec.ir.graph import Ref
from netspec.ir.op import Op
from netspec.lang import layer as words
from netspec.lang.bind import Argument, bind
from netspec.lang.constants import Constants, Poisoned
from netspec.lang.formula import Formula
from netspec.lang.habits import said
from netspec.lang.inputs import Inputs, Taken
from netspec.lang.layer import Layer
from netspec.lang.names import meant
from netspec.lang.place import Place
from netspec.lang.space import Space
from netspec.lang.tree import Mapping, Node, Sequence
from netspec.lang.values import Values
from netspec.lang.weave import Weaver
from netspec.lang.wiring import Inits, read_wiring
from netspec.text import Edit, Label

if TYPE_CHECKING:
    from netspec.lang.block import Block
    from netspec.lang.library import Library

DEEPEST = 60
"""Levels of groups, blocks and maps inside one another."""

MOST_LAYERS = 100_000
"""Layers that are looked at, copies and uses counted one by one: a block of blocks of blocks could make millions."""


class Body:
    """A list of layers at one place of the network: a namespace, constants, a path, and a flow.

    `flow` is the value that the next layer without `from` takes (`_`), where one flows. Groups, residuals, branches and
    maps are bodies in the same namespace; a block's body has a namespace of its own.
    """

    def __init__(
        self,
        weaver: Weaver,
        scope: Constants,
        space: Space,
        library: Library,
        inits: Inits,
        *,
        path: str = "",
        depth: int = 0,
    ) -> None:
        self.weaver = weaver
        self.report = weaver.report
        self.scope = scope
        self.space = space
        self.library = library
        self.inits = inits
        self.path = path
        self.depth = depth
        self.chain: tuple[Block, ...] = ()
        self.flow: Ref | None = None
        self.flowing = False
        self.last = ""
        self.values = Values(scope, self.report, self._size)
        self.inputs = Inputs(self)

    def inner(
        self, *, path: str | None = None, scope: Constants | None = None, space: Space | None = None
    ) -> Body:
        """A body inside this one, with the same flow; what is not said is this one's."""
        body = Body(
            self.weaver,
            self.scope if scope is None else scope,
            self.space if space is None else space,
            self.library,
            self.inits,
            path=self.path if path is None else path,
            depth=self.depth + 1,
        )
        body.chain = self.chain
        body.flow, body.flowing = self.flow, self.flowing
        return body

    def apart(self, scope: Constants, space: Space, library: Library, path: str) -> Body:
        """A body of layers that stand elsewhere: they see other names and constants, and nothing flows yet."""
        body = Body(self.weaver, scope, space, library, self.inits, path=path, depth=self.depth + 1)
        body.chain = self.chain
        return body

    def start(self, ref: Ref | None) -> Body:
        """Let a value flow into the first layer."""
        self.flow, self.flowing, self.last = ref, True, ""
        return self

    def stop(self) -> None:
        """Let nothing flow until a layer says which value it takes."""
        self.flow, self.flowing, self.last = None, False, ""

    def read(self, layers: Sequence | Items[Node]) -> Body:
        """Weave every layer; a failed one poisons what depends on it and nothing else."""
        if self.depth > DEEPEST:
            item = next(iter(layers), None)
            span = item.span if item is not None else None
            message = f"layers inside layers, more than {DEEPEST} levels deep"
            self.report.error("NS143", message, span, help="write fewer levels of blocks and groups")
            return self.start(None)
        for item in layers:
            self._layer(item)
        return self

    def _layer(self, item: Node) -> None:
        layer = words.read(item, self.report)
        if layer is None:
            self.start(None)
            return
        if not self._counted(layer):
            self.start(None)
            return
        when = layer.wires.get("when")
        kept = self.values.condition(when.value) if when else True
        called = self.space.naming.of(item)
        if kept is False:
            self._absent(layer, self.flow)
            return
        refs = None if kept is None else self.weave(layer, self.within(called.word))
        if refs is None:
            self._absent(layer, None)
        self._give(layer, called.names, refs)
        if refs is not None and len(refs) != 1:
            self.stop()
            return
        self.start(refs[0] if refs else None)
        self.last = called.names[0] if called.names else self.within(called.word)

    def within(self, word: str) -> str:
        """The path of what is called `word` here."""
        return f"{self.path}.{word}" if self.path else word

    def weave(self, layer: Layer, path: str) -> tuple[Ref, ...] | None:
        """The values of one layer, woven at `path`; None after an error. Conditions and names are the caller's."""
        if "repeat" in layer.wires:
            from netspec.lang.repeat import repeat  # noqa: PLC0415 - the copies are bodies again

            return repeat(self, layer, path)
        return self.call(layer, path)

    def call(self, layer: Layer, path: str) -> tuple[Ref, ...] | None:
        """The values of one copy of a layer."""
        from netspec.lang.instance import inserted, instance  # noqa: PLC0415 - as above
        from netspec.lang.structure import FORMS, join  # noqa: PLC0415 - bodies again

        if layer.op in FORMS:
            return FORMS[layer.op](self, layer, path)
        if layer.op == "formula":
            return self._formula(layer, path)
        if layer.op.startswith("$"):
            return inserted(self, layer, path)
        if (block := self.library.find(layer.op)) is not None:
            return instance(self, layer, path, block)
        kind = self._op(layer)
        if kind is None:
            return None
        if isinstance(layer.head.value, Mapping) and layer.head.value.get(words.BRANCHES):
            return join(self, layer, path, kind)
        return self.use(layer, path, kind)

    def use(
        self,
        layer: Layer,
        path: str,
        kind: type[Op],
        given: Items[Taken] | None = None,
    ) -> tuple[Ref, ...] | None:
        """One use of an op; `given` are its inputs where they do not come from `from` and the flow."""
        named = self.inputs.arguments(kind, layer.head)
        taken = list(given) if given is not None else self.inputs.read(kind, layer, good=named is not None)
        wiring = read_wiring(layer.op, layer.wires, self.inits, self.values)
        if named is None or taken is None or wiring is None:
            return None
        op = bind(kind, named, layer.span, self.report, scope=self.scope)
        if op is None:
            return None
        refs = [ref for ref, _ in taken]
        spans = [span for _, span in taken]
        keys = {key: one.span for key, one in named.items()}
        place = Place(layer.span, keys, spans, item=layer.item, causes=lambda: self._causes(named))
        return self.weaver.apply(op, refs, path, place, wiring)

    def _causes(self, named: dict[str, Argument]) -> dict[str, Label]:
        """For the arguments that are computed from a block's parameters: where a value of one was given."""
        found: dict[str, Label] = {}
        for key, argument in named.items():
            text = argument.span.text
            names = re.findall(r"[a-z_]\w*", text) if text.startswith("$") else []
            given = next((name for name in names if name in self.scope.given), None)
            if given is not None:
                label = Label(self.scope.given[given], f"`{given}` is {self.scope[given]}")
                found[key] = label
        return found

    def _op(self, layer: Layer) -> type[Op] | None:
        kind = ops.find(layer.op)
        if kind is not None:
            return kind
        if self.library.broken(layer.op):
            return None
        if (trouble := ops.trouble(layer.op)) is not None:
            self.report.error(trouble.code, trouble.message, layer.span, help=trouble.help)
            return None
        included = (one for one in self.library.names() if one.endswith(f".{layer.op}"))
        near = next(included, None) or meant(
            layer.op, {*ops.names(), *ops.foreign_names(), *self.library.names()}
        )
        edit = Edit(layer.span, near) if near else None
        help = (
            f"did you mean `{near}`?"
            if near
            else said(layer.op, "op") or "the ops are listed in specs/reference/ops.md"
        )
        self.report.error("NS101", f"there is no op `{layer.op}`", layer.span, help=help, edit=edit)
        return None

    def _formula(self, layer: Layer, path: str) -> tuple[Ref, ...] | None:
        """A layer that is a formula of values."""
        head = layer.head
        if isinstance(head.value, (Mapping, Sequence)) or "from" in layer.wires:
            self.report.error(
                "NS130", "a formula is one expression", head.key.span, help="write `formula: a + b`"
            )
            return None
        names = self.space.names.over({"_": self.flow} if self.flowing else {})
        hidden = dict.fromkeys(self.weaver.targets, "is a target, and a layer never sees targets")
        wiring = read_wiring(layer.op, layer.wires, self.inits, self.values)
        if wiring is None:
            return None
        ref = Formula(self.weaver, names, self.scope, path, hidden=hidden, result=wiring).weave(head.value)
        return None if ref is None else (ref,)

    def _give(self, layer: Layer, names: tuple[str, ...], refs: tuple[Ref, ...] | None) -> None:
        """Let names stand for values; another number of names than of values is told."""
        for i, name in enumerate(names):
            self.name(name, refs[i] if refs and i < len(refs) else None)
            self.space.made[name] = (self, layer, self.within(name))
        if refs is None or "name" not in layer.wires:
            return
        written = len(layer.written)
        if written == len(refs):
            return
        values = "1 value" if len(refs) == 1 else f"{len(refs)} values"
        are = "1 name is" if written == 1 else f"{written} names are"
        self.report.error(
            "NS117",
            f"`{layer.op}` gives {values}, and {are} written",
            layer.wires["name"].value.span,
            help=f"name all {len(refs)}: `name: [a, b, …]`" if len(refs) > 1 else "write one name",
        )
        self.report.lose(max(0, len(refs) - written))

    def name(self, name: str, ref: Ref | None) -> None:
        """Let a name stand for a value."""
        self.space.names[name] = ref
        self.weaver.named[self.within(name)] = ref

    def _absent(self, layer: Layer, ref: Ref | None) -> None:
        """Let the names of a layer that is not there, and of the layers it holds, stand for `ref`."""
        waiting = [layer]
        while waiting:
            one = waiting.pop()
            given = [*self.space.naming.of(one.item).names]
            for branch, held in one.held:
                given.extend([branch] if one.op == words.BRANCHES else [])
                waiting.extend(inside for item in held if (inside := words.split(item)) is not None)
            for name in given:
                if name in self.space.naming.places and name not in self.space.names.own:
                    self.space.names[name] = ref

    def _counted(self, layer: Layer) -> bool:
        """Whether a layer is still one of those that can be meant; the first that is not is told."""
        self.weaver.visits += 1
        if self.weaver.visits == MOST_LAYERS + 1:
            message = f"more than {MOST_LAYERS:,} layers, copies and uses of blocks counted"
            self.report.error(
                "NS203", message, layer.span, help="look for blocks that use blocks, and for `repeat`"
            )
        return self.weaver.visits <= MOST_LAYERS

    def _size(self, value: str, axis: str) -> Dim | None:
        """The size of an axis of a value in scope, `_` included; Poisoned where its layer failed."""
        known = self.flowing if value == "_" else value in self.space.names
        if not known:
            return None
        ref = self.flow if value == "_" else self.space.names[value]
        if ref is None:
            raise Poisoned
        found = self.weaver.type_of(ref)
        return found.size(axis) if found.find(axis) is not None else None
