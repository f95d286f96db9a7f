"""The text of a spec from its bodies and blocks, in the canonical form."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from netspec import ops
from netspec.lang.canonical import canonical
from netspec.recover.block import Block
from netspec.recover.draft import axes_of
from netspec.recover.item import FORMULA, GROUP, RESIDUAL, Body, Item, names_of
from netspec.recover.lines import mapping
from netspec.recover.naming import Names, block_name, hint, telling, word
from netspec.recover.skeleton import defaults
from netspec.recover.sketch import Sketch, Value
from netspec.text import Source


class Writing:
    """Writes one spec. `names` are the written names of values that are outputs."""

    def __init__(self, sketch: Sketch, body: Body, blocks: Mapping[str, Block], title: str) -> None:
        self._sketch = sketch
        self._body = body
        self._blocks = blocks
        self._title = title
        self._called: dict[str, str] = {}
        self.outputs: tuple[str, ...] = ()
        inside: dict[str, str] = {}
        named = Names([*ops.names()])
        for key, block in blocks.items():
            inside[key] = named.take(
                block_name(block.body, block.names, inside, sketch.kinds if block.whole else {})
            )
        self._called = inside

    def text(self) -> str:
        """The whole text."""
        inputs = {name: _type(value) for name, value in self._sketch.inputs.items()}
        flow = next(iter(inputs)) if len(inputs) == 1 else None
        space = _Space(self, {name: name for name in inputs}, flow, {*inputs}, own=True)
        layers, outputs = space.main(self._body, self._sketch.outputs)
        document: dict[str, object] = {"netspec": 1, "name": self._title}
        if self._sketch.source:
            document["doc"] = f"Imported from {self._sketch.source}."
        document["inputs"] = inputs
        blocks = {self._called[key]: self._block(block) for key, block in self._blocks.items()}
        if blocks:
            document["blocks"] = dict(reversed(blocks.items())) if _uses_later(self._blocks) else blocks
        document["layers"] = layers
        if outputs:
            document["outputs"] = outputs
        return canonical(Source("imported.yaml", "\n".join(mapping(document, 0)) + "\n"))

    def called(self, key: str) -> str:
        """The name of a block."""
        return self._called[key]

    def block(self, key: str) -> Block:
        """A block by its key."""
        return self._blocks[key]

    def _block(self, block: Block) -> object:
        """What stands under the name of a block."""
        parameters = {one.name: _declared(one.kind, one.default) for one in block.parameters}
        taken = Names([*parameters])
        names = {
            value: taken.take("x" if i == 0 else "skip" if i == 1 else f"skip{i}")
            for i, value in enumerate(block.inputs)
        }
        flow = block.inputs[0] if len(block.inputs) == 1 else None
        space = _Space(self, names, flow, {*names.values(), *parameters}, own=False)
        layers = space.layers(block.body, flow)
        found: dict[str, object] = {}
        if list(names.values()) != ["x"]:
            found["inputs"] = list(names.values())
        if parameters:
            found["params"] = parameters
        return {**found, "layers": layers} if found else layers


def _uses_later(blocks: Mapping[str, Block]) -> bool:
    """Blocks may use one another in any order; those that are used stand first, as they were found last."""
    keys = list(blocks)
    for i, block in enumerate(blocks.values()):
        for item in block.body:
            for one in item.walk():
                if one.call and keys.index(one.op) > i:
                    return True
    return False


def _declared(kind: str, default: object) -> object:
    """A parameter as it is declared: its default says the type, where that is a number or a truth."""
    if default is None:
        return kind
    return {kind: default} if kind == "size" else default


class _Space:
    """Writes the layers of one namespace: a spec's own, or a block's."""

    def __init__(
        self, writing: Writing, names: Mapping[str, str], flow: str | None, taken: set[str], *, own: bool
    ) -> None:
        self._writing = writing
        self._names = dict(names)
        self._flow = flow
        self._own = own
        self._free = Names(taken)
        self._branch = 0

    def main(self, body: Body, outputs: Mapping[str, str]) -> tuple[list[object], list[str]]:
        """The layers of the spec, and its outputs where they are not the last value alone."""
        last = body[-1].outputs if body else ()
        alone = len(outputs) == 1 and last == tuple(outputs.values())
        extra: list[object] = []
        listed: list[str] = []
        for name, value in outputs.items():
            if value in self._names:
                listed.append(self._free.take(name))
                extra.append({"identity": None, "from": self._names[value], "name": listed[-1]})
            elif not alone or not _counted(name):
                self._names[value] = self._free.take(name)
                listed.append(self._names[value])
        return [*self.layers(body, self._flow), *extra], [] if alone else listed

    def layers(self, body: Body, flow: str | None) -> list[object]:
        """The layers of a body that has nothing around it."""
        wanted = {value: None for value in _wanted(body, flow) if value not in self._names}
        self._hints(body, wanted)
        return self._layers(body, flow)

    def _hints(self, body: Body, wanted: Mapping[str, None]) -> None:
        """Names for all values that are used by name, and for parts of the source that have one worth keeping."""
        flat = [item for one in body for item in one.walk()]
        own = {id(item): _own_module(item, [one for one in body if one is not item]) for item in body}
        said_by = Counter(telling(module, counted=True) for module in own.values())
        for item in flat:
            module = own.get(id(item), hint(item))
            said = telling(module, counted=item.call)
            for i, value in enumerate(item.outputs):
                if value in wanted:
                    self._names[value] = self._free.take(said or self._word(item, i))
                elif (
                    self._own
                    and value not in self._names
                    and id(item) in own
                    and said
                    and self._worth(item, said, said_by)
                ):
                    self._names[value] = self._free.take(said)

    @staticmethod
    def _worth(item: Item, said: str, count: Counter[str]) -> bool:
        """Whether a name that nobody needs is written: a block's, a layer's with weights, and each once."""
        weighted = any(step.weights for step in item.steps)
        return (
            count.get(said, 0) == 1
            and len(item.outputs) == 1
            and (item.call or (weighted and not item.branches))
        )

    def _word(self, item: Item, place: int) -> str:
        """A name for a value of which the source says nothing."""
        if item.op == "parameter":
            return "weight"
        if len(item.outputs) > 1:
            return ("first", "second", "third", "fourth")[place] if place < 4 else f"part{place}"
        return "kept"

    def _layers(self, body: Body, flow: str | None) -> list[object]:
        made: list[object] = []
        for item in body:
            made.append(self._layer(item, flow))
            flow = item.outputs[0] if len(item.outputs) == 1 else None
        return made

    def _layer(self, item: Item, flow: str | None) -> object:
        """One layer: a word, or a mapping of its op and its wires."""
        wires: dict[str, object] = {}
        taken = self._taken(item, flow)
        if item.op == FORMULA:
            text = str(item.arguments["text"]).format(*(self._name(value, flow) for value in item.inputs))
            head: tuple[str, object] = (FORMULA, text)
        else:
            head = self._head(item, taken)
            if taken is not None and not (head[1] is not None and head[1] is taken):
                wires["from"] = taken if len(taken) > 1 else taken[0]
        if head[1] is taken and taken is not None:
            head = (head[0], taken[1])
        names = [self._names.get(value, "") for value in item.outputs]
        if len(names) == 1 and names[0]:
            wires["name"] = names[0]
        elif len(names) > 1:
            wires["name"] = [name or self._free.take(f"part{i}") for i, name in enumerate(names)]
        if item.repeat != 1:
            wires["repeat"] = item.repeat
        if item.frozen:
            fixed = item.frozen if isinstance(item.frozen, tuple) else ()
            wires["freeze"] = fixed[0] if len(fixed) == 1 else list(fixed) or True
        return head[0] if head[1] is None and not wires else {head[0]: head[1], **wires}

    def _taken(self, item: Item, flow: str | None) -> list[str] | None:
        """What stands in `from`; None where it takes what flows."""
        if not item.inputs or item.inputs == (flow,):
            return None
        return [self._name(value, flow) for value in item.inputs]

    def _name(self, value: str, flow: str | None) -> str:
        return "_" if value == flow else self._names[value]

    def _head(self, item: Item, taken: list[str] | None) -> tuple[str, object]:
        """The op, and what stands under it."""
        inner = item.inputs[0] if item.inputs else None
        if item.op == RESIDUAL:
            layers, shortcut = (self._layers(body, inner) for _, body in item.branches)
            return RESIDUAL, {"layers": layers, "shortcut": shortcut} if shortcut else layers
        if item.op == GROUP:
            return GROUP, self._layers(item.branches[0][1], inner)
        if item.steps and item.steps[-1].shares and not item.call and not item.branches:
            return "reuse", self._names[item.steps[-1].shares]
        if item.call:
            return self._call(item)
        arguments: dict[str, object] = _spoken(item)
        if item.branches:
            branches = {}
            for _, body in item.branches:
                self._branch += 1
                branches[self._free.take(f"b{self._branch}")] = self._layers(body, inner)
            return item.op, {**arguments, "branches": branches}
        kind = ops.find(item.op)
        if (
            kind is not None
            and kind.main in kind.inputs()
            and not arguments
            and taken is not None
            and taken[0] == "_"
        ):
            return item.op, taken
        return item.op, _short(arguments, kind.main if kind is not None else None)

    def _call(self, item: Item) -> tuple[str, object]:
        """A call of a block: arguments that differ from the defaults, the first one without its name if it is alone."""
        block = self._writing.block(item.op)
        usual = {one.name: one.default for one in block.parameters}
        arguments: dict[str, object] = {
            one.name: item.arguments[one.name]
            for one in block.parameters
            if usual[one.name] is None or item.arguments[one.name] != usual[one.name]
        }
        main = block.parameters[0].name if block.parameters else None
        return self._writing.called(item.op), _short(arguments, main)


def _own_module(item: Item, others: Sequence[Item]) -> str:
    """The outermost module of the source that is all in an item, and of which no other item has anything."""
    module = hint(item)
    if not module:
        return ""
    beside = [name for other in others for name in names_of([other])]
    parts = module.split(".")
    for depth in range(1, len(parts)):
        outer = ".".join(parts[:depth])
        if not any(name == outer or name.startswith(f"{outer}.") for name in beside):
            return outer
    return module


def _wanted(body: Body, flow: str | None) -> list[str]:
    """The values that are used by name, in the order of their use."""
    found: list[str] = []
    for item in body:
        if item.op == FORMULA or item.inputs != (flow,):
            found.extend(value for value in item.inputs if value != flow)
        found.extend(step.shares for step in item.steps if step.shares and not item.call)
        for _, inside in item.branches:
            found.extend(_wanted(inside, item.inputs[0] if item.inputs else None))
        if len(item.outputs) > 1:
            found.extend(item.outputs)
        flow = item.outputs[0] if len(item.outputs) == 1 else None
    return found


def _short(arguments: Mapping[str, object], main: str | None) -> object:
    """Nothing, the main argument alone, or all by name."""
    if not arguments:
        return None
    ((first, value), *more) = arguments.items()
    return value if first == main and not more and not isinstance(value, dict) else dict(arguments)


def _spoken(item: Item) -> dict[str, object]:
    """The arguments that differ from the op's defaults, in the order in which the op declares them."""
    usual = defaults(item.op)
    found = {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in item.arguments.items()
        if key not in usual
        or usual[key] != value
        or isinstance(value, bool) is not isinstance(usual[key], bool)
    }
    order = list(getattr(ops.find(item.op), "model_fields", {}))
    return dict(sorted(found.items(), key=lambda one: order.index(one[0]) if one[0] in order else -1))


def _counted(name: str) -> bool:
    """Whether an output is called by what says nothing."""
    return not word(name) or bool(re.fullmatch(r"(x?output|out|x|y|result|logit)?_?\d*|x\d+", word(name)))


def _type(value: Value) -> object:
    """An input: its plain shape where that says all, else the names of its axes."""
    shape: object = list(value.shape)
    if (value.axes and tuple(value.axes) != axes_of(len(value.shape))) or len(value.shape) == 2:
        axes = value.axes or axes_of(len(value.shape))
        shape = dict(zip(axes, value.shape, strict=True))
        return {"shape": shape, **({"kind": "mask"} if value.dtype == "bool" else {})}
    return {"shape": shape, "kind": "mask"} if value.dtype == "bool" else shape
