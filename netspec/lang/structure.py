"""Layers that hold layers: groups, residuals, branches and their joins, and layers that are used again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from netspec import ops
from netspec.ir.graph import Ref
from netspec.ir.op import Op
from netspec.lang import layer as words
from netspec.lang.inputs import Taken
from netspec.lang.layer import Layer
from netspec.lang.mapped import mapped
from netspec.lang.names import WIRES
from netspec.lang.parameter import parameter
from netspec.lang.place import Place
from netspec.lang.space import Names, Space
from netspec.lang.tree import Entry, Mapping, Scalar, Sequence
from netspec.text import Label

if TYPE_CHECKING:
    from netspec.lang.body import Body

Values = tuple[Ref, ...] | None


def group(body: Body, layer: Layer, path: str) -> Values:
    """`layers: [...]`: what the last one gives."""
    if not isinstance(layer.head.value, Sequence) or not layer.head.value.items:
        body.report.error(
            "NS154", "`layers` is a list of ops", layer.span, help="begin each with a dash: `- relu`"
        )
        return None
    if not wired(body, layer):
        return None
    with body.weaver.inside(frozen=frozen(body, layer)):
        inner = _entered(body, layer, _inside(body, layer, path))
        return None if inner is None else last_of(inner.read(layer.head.value), layer)


def residual(body: Body, layer: Layer, path: str) -> Values:
    """`residual: [...]`, or with a `shortcut`: what goes through the layers, and what goes past them, added up."""
    value = layer.head.value
    main = value if isinstance(value, Sequence) else _list(value, "layers")
    shortcut = _list(value, "shortcut")
    entries = value.entries if isinstance(value, Mapping) else ()
    strange = [one for one in entries if one.name not in ("layers", "shortcut")]
    if main is None or strange or (shortcut is None and isinstance(value, Mapping) and value.get("shortcut")):
        told = f", and no `{strange[0].name}`" if strange else ""
        body.report.error(
            "NS154",
            f"a residual has `layers`, and may have `shortcut` layers{told}",
            strange[0].key.span if strange else layer.span,
            help="`residual: [...]` or `residual: {layers: [...], shortcut: [...]}`",
        )
        return None
    taken = body.inputs.one(layer) if wired(body, layer) else None
    if taken is None:
        return None
    inside = _inside(body, layer, path)
    with body.weaver.inside(frozen=frozen(body, layer)):
        through = last_of(body.inner(path=inside).start(taken[0]).read(main), layer)
        past: Values = (taken[0],) if taken[0] is not None else None
        if shortcut is not None:
            past = last_of(body.inner(path=inside).start(taken[0]).read(shortcut), layer)
    if through is None or past is None:
        return None
    advice = (
        "let its `shortcut` give what its layers give: the same channels, `stride` and `padding`"
        if shortcut is not None
        else "a residual adds its input to what its layers give: keep the shape, or give it `shortcut` layers"
    )
    place = Place(layer.span, inputs=(None, None), item=layer.item, advice=advice, called=layer.op)
    return body.weaver.apply(_add()(), [*through, *past], path, place)


def branches(body: Body, layer: Layer, path: str) -> Values:
    """`branches: {a: [...], b: [...]}`: values for later, each by the name of its branch; nothing flows on."""
    parts = _branches(body, layer, layer.head.value)
    if parts is None or not wired(body, layer, "name"):
        return None
    inside = _inside(body, layer, path)
    for entry, layers in parts:
        inner = _entered(body, layer, f"{inside}.{entry.name}" if inside else entry.name)
        if inner is None:
            return None
        refs = last_of(inner.read(layers), layer)
        body.inner(path=inside).name(entry.name, refs[0] if refs else None)
    return ()


def join(body: Body, layer: Layer, path: str, kind: type[Op]) -> Values:
    """Any op of several inputs with `branches`: what each branch gives is an input, in order."""
    value = layer.head.value
    held = value.get(words.BRANCHES) if isinstance(value, Mapping) else None
    parts = _branches(body, layer, held.value if held else None)
    if parts is None:
        return None
    least, most = kind.arity()
    if not kind.slots or len(parts) < least or (most is not None and len(parts) > most):
        body.report.error(
            "NS120",
            f"`{layer.op}` does not join {len(parts)} branch{'es' if len(parts) != 1 else ''}",
            held.key.span if held else layer.span,
            help="`concat`, `add` and `mul` join any number from 2 on",
        )
        return None
    given: list[Taken] = []
    inside = _inside(body, layer, path)
    for entry, layers in parts:
        inner = _entered(body, layer, f"{inside}.{entry.name}" if inside else entry.name)
        if inner is None:
            return None
        with body.weaver.inside(frozen=frozen(body, layer)):
            refs = last_of(inner.read(layers), layer)
        given.append((refs[0] if refs else None, entry.key.span))
    wires = {key: entry for key, entry in layer.wires.items() if key != "freeze"}
    return body.use(Layer(layer.item, layer.head, wires), path, kind, given)


def reuse(body: Body, layer: Layer, path: str) -> Values:
    """`reuse: trunk`: the layer of that name once more, on another value, with the same weights."""
    node = layer.head.value
    name = node.text if isinstance(node, Scalar) and isinstance(node.value, str) else ""
    made = body.space.made.get(name)
    if made is None:
        if name in body.space.names and body.space.names[name] is None:
            return None
        known = ", ".join(f"`{one}`" for one in list(body.space.made)[:12]) or "none yet"
        body.report.error(
            "NS150",
            f"there is no layer `{name}` to use again" if name else "`reuse` names a layer",
            node.span if name else layer.span,
            help=f"layers with a name here: {known}",
        )
        return None
    if not wired(body, layer, "freeze"):
        return None
    owner, first, home = made
    wires = {key: entry for key, entry in first.wires.items() if key not in ("name", "from", "when")}
    wires |= {key: entry for key, entry in layer.wires.items() if key == "from"}
    space = Space(Names(below=body.space.names), owner.space.naming, dict(body.space.made), body.space.used)
    again = owner.inner(space=space, path=body.path)
    again.flow, again.flowing = body.flow, body.flowing
    body.space.used.add(name)
    use = Label(layer.span, f"`{name}` is used again here")
    with body.report.within(use), body.weaver.sharing(path, home, layer.span):
        return again.weave(Layer(first.item, first.head, wires), path)


def frozen(body: Body, layer: Layer) -> bool:
    """Whether everything that a structure holds stays as it is."""
    entry = layer.wires.get("freeze")
    if entry is None:
        return False
    good, value = body.values.read(entry.value)
    if good and value is not True and value is not False:
        body.report.error(
            "NS126",
            f"`freeze` beside `{layer.op}` is `true`: all that it holds stays as it is",
            entry.value.span,
            help="write single names beside the op that has them",
        )
    return good and value is True


def wired(body: Body, layer: Layer, *more: str) -> bool:
    """Whether nothing stands beside a structure that has a meaning beside ops alone."""
    wrong = [key for key in WIRES if key in layer.wires and key in ("init", "as", *more)]
    if not wrong:
        return True
    cure = {
        "init": "write it beside the op that has the parameters, or in the section `init`",
        "as": "write `- {identity, as: …}` as the last layer",
        "name": "its branches have names",
        "freeze": "what is frozen is said where the layer is first written",
    }
    body.report.error(
        "NS154",
        f"`{wrong[0]}` has no meaning beside `{layer.op}`",
        layer.wires[wrong[0]].key.span,
        help=cure[wrong[0]],
    )
    return False


def _entered(body: Body, layer: Layer, path: str) -> Body | None:
    """A body for what a structure holds, with the value that enters it; it need not take one. None after an error."""
    inner = body.inner(path=path)
    if "from" not in layer.wires and not body.flowing:
        return inner
    taken = body.inputs.one(layer)
    return None if taken is None else inner.start(taken[0])


def _inside(body: Body, layer: Layer, path: str) -> str:
    """The path of what a structure holds: its own where it has a name or copies, else that of its surroundings."""
    called = body.space.naming.of(layer.item)
    anonymous = len(called.names) != 1 and path == body.within(called.word)
    return body.path if anonymous else path


def last_of(inner: Body, layer: Layer) -> Values:
    """What flows at the end of a list of layers."""
    if inner.flowing:
        return None if inner.flow is None else (inner.flow,)
    inner.report.error(
        "NS128",
        f"nothing flows at the end of `{layer.op}`: its last layer gives several values",
        layer.span,
        help="end it with a layer that says which value it takes: `from: name`",
    )
    return None


def _list(node: object, key: str) -> Sequence | None:
    """The list of layers under a key."""
    entry = node.get(key) if isinstance(node, Mapping) else None
    return entry.value if entry is not None and isinstance(entry.value, Sequence) else None


def _branches(body: Body, layer: Layer, node: object) -> list[tuple[Entry, Sequence]] | None:
    """Branches by name; None after an error."""
    entries = list(node) if isinstance(node, Mapping) else []
    parts = [(one, one.value) for one in entries if isinstance(one.value, Sequence)]
    if parts and len(parts) == len(entries):
        return parts
    wrong = next((one for one in entries if not isinstance(one.value, Sequence)), None)
    body.report.error(
        "NS154",
        "`branches` maps names to lists of layers",
        wrong.key.span if wrong else layer.span,
        help="`branches: {left: [conv: 32], right: [max_pool: 2]}`; `[]` lets the value pass",
    )
    return None


def _add() -> type[Op]:
    kind = ops.find("add")
    assert kind is not None
    return kind


FORMS: dict[str, Callable[[Body, Layer, str], Values]] = {
    words.GROUP: group,
    words.RESIDUAL: residual,
    words.BRANCHES: branches,
    words.MAP: mapped,
    words.REUSE: reuse,
    words.PARAMETER: parameter,
}
"""The words of structure, and what weaves them."""
