"""Uses of blocks, and of the layers that a block was given for a parameter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netspec.ir.dim import Dim
from netspec.ir.graph import Origin, Ref, Scope, Use
from netspec.lang import layer as words
from netspec.lang.block import Block, Call, Given
from netspec.lang.constants import Constants, Poisoned, Sizes
from netspec.lang.inputs import Taken
from netspec.lang.layer import Layer
from netspec.lang.space import Names, Space
from netspec.lang.structure import Values, frozen, last_of, wired
from netspec.lang.tree import Scalar
from netspec.text import Label

if TYPE_CHECKING:
    from netspec.lang.body import Body


def instance(body: Body, layer: Layer, path: str, block: Block) -> Values:
    """One use of a block: its layers, in a namespace of their own."""
    if block in body.chain:
        body.report.error(
            "NS145",
            f"the block `{block.name}` uses itself",
            layer.span,
            labels=(Label(block.span, "defined here"),),
            help="say with `repeat` how often layers come, or write another block",
        )
        return None
    block.uses += 1
    call = Call(body, layer, block)
    alone = wired(body, layer)
    taken = body.inputs.fill(layer, list(block.inputs), call.inputs, good=call.good)
    given = {name: ref for name, (ref, _) in zip(block.inputs, taken or (), strict=False)}
    seen = call.bind(_sizes(body, block, given))
    if seen is None or taken is None or not alone or not _all_given(body, layer, block, taken):
        return None
    naming = block.naming(body.report)
    space = Space(Names({**dict.fromkeys(naming.failed), **given}), naming)
    inner = body.apart(seen, space, block.library, path)
    inner.chain = (*body.chain, block)
    if len(given) == 1:
        inner.start(next(iter(given.values())))
    body.weaver.blocks[path] = _told(block, seen, given)
    use = Origin("use", layer.span)
    scope = Scope(block.name, path)
    with (
        body.report.within(Label(layer.span, f"`{layer.op}` is used here")),
        body.weaver.inside(use=use, scope=scope, frozen=frozen(body, layer)),
    ):
        inner.read(block.layers)
        return _outputs(inner, block)


def _told(block: Block, seen: Constants, given: dict[str, Ref | None]) -> Use:
    """What is kept of a use for whoever writes the block down again."""
    defaults = {
        name: one.default.value
        for name, one in block.params.items()
        if isinstance(one.default, Scalar) and not one.default.text.startswith("$")
    }
    return Use(
        block.name,
        block.doc,
        {name: seen[name] for name in block.params if name in seen},
        defaults,
        {name: ref for name, ref in given.items() if ref is not None},
    )


def _sizes(body: Body, block: Block, given: dict[str, Ref | None]) -> Sizes:
    """The sizes of what a block is given, for the defaults of its parameters; Poisoned where an input failed."""

    def size(value: str, axis: str) -> Dim | None:
        if value not in block.inputs:
            return None
        ref = given.get(value)
        if ref is None:
            raise Poisoned
        found = body.weaver.type_of(ref)
        return found.size(axis) if found.find(axis) is not None else None

    return size


def _all_given(body: Body, layer: Layer, block: Block, taken: list[Taken]) -> bool:
    """Whether every input of a block has its value."""
    if len(taken) == len(block.inputs):
        return True
    names = ", ".join(f"`{one}`" for one in block.inputs)
    wanted = "1 input" if len(block.inputs) == 1 else f"{len(block.inputs)} inputs"
    body.report.error(
        "NS120",
        f"`{layer.op}` takes {wanted} ({names}), {len(taken)} given",
        layer.wires["from"].value.span if "from" in layer.wires else layer.span,
        help="name the inputs beside the block with `from`",
    )
    return False


def _outputs(inner: Body, block: Block) -> Values:
    """What a block gives: its outputs, else its last value."""
    if not block.outputs:
        return _last_of_block(inner, block)
    found: list[Ref | None] = []
    for one in block.outputs:
        taken = inner.inputs.lookup(one)
        found.append(taken[0] if taken else None)
    refs = tuple(ref for ref in found if ref is not None)
    return refs if len(refs) == len(found) else None


def _last_of_block(inner: Body, block: Block) -> Values:
    if inner.flowing:
        return None if inner.flow is None else (inner.flow,)
    inner.report.error(
        "NS128",
        f"nothing flows out of the block `{block.name}`",
        block.span,
        help="say what it gives: `outputs: [name, …]`",
    )
    return None


def inserted(body: Body, layer: Layer, path: str) -> Values:
    """`$activation`: the layer or layers that a block was given for its parameter."""
    name = layer.op[1:].strip()
    given = body.scope.layers.get(name)
    if not isinstance(given, Given):
        help = "a layer is an op; `$` computes arguments, or stands for a parameter of the type `layer`"
        body.report.error("NS101", f"there is no op `{layer.op}`", layer.span, help=help)
        return None
    value = layer.head.value
    if not isinstance(value, Scalar) or value.value is not None:
        message = f"`{layer.op}` is a layer already, so it takes no arguments"
        body.report.error("NS156", message, layer.span, help="write the arguments where the layer is given")
        return None
    taken = body.inputs.one(layer) if wired(body, layer) else None
    if taken is None:
        return None
    inner = body.apart(given.scope, Space(Names(), given.naming), given.library, path).start(taken[0])
    use = Label(layer.span, f"`{layer.op}` stands here")
    with body.report.within(use), body.weaver.inside(frozen=frozen(body, layer)):
        if not given.single:
            return last_of(inner.read(given.items), layer)
        one = words.read(given.items[0], body.report)
        if one is None:
            return None
        beside = sorted(set(one.wires) & {"name", "from", "when", "repeat"})
        if beside:
            message = f"a layer given as an argument has no `{beside[0]}`"
            body.report.error("NS156", message, one.wires[beside[0]].key.span, help="give a block instead")
            return None
        return inner.call(one, path)
