"""`parameter`: a tensor that is learned and belongs to no op."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from netspec import ops
from netspec.ir.graph import Ref
from netspec.lang.bind import Argument, bind, span_of
from netspec.lang.kinds import read_shape
from netspec.lang.layer import Layer
from netspec.lang.place import Place
from netspec.lang.tree import Mapping
from netspec.lang.wiring import read_wiring
from netspec.text import Span

if TYPE_CHECKING:
    from netspec.lang.body import Body


def parameter(body: Body, layer: Layer, path: str) -> tuple[Ref, ...] | None:
    """`parameter: {shape: [], init: {constant: 1}}`: its value, the same for every sample."""
    node, report = layer.head.value, body.report
    shape = node.get("shape") if isinstance(node, Mapping) else None
    unknown = set(node.keys()) - {"shape", "init"} if isinstance(node, Mapping) else set()
    if shape is None or unknown or not isinstance(node, Mapping):
        help = "`parameter: {shape: [], init: {constant: 1}}`; the shape has no batch"
        report.error("NS154", "a parameter has a `shape`, and may have an `init`", layer.span, help=help)
        return None
    if "from" in layer.wires:
        report.error("NS120", "`parameter` takes no input", layer.wires["from"].key.span)
        return None
    axes = read_shape(shape.value, body.values)
    if axes is None:
        return None
    place = span_of(shape.value, shape.key.span)
    free = [axis for axis in axes if axis.size.value is None]
    if free:
        message = f"a parameter of the free size {free[0].size}"
        report.error("NS135", message, place, help="write the size as a number")
        return None
    init = node.get("init")
    wires = layer.wires
    record = None
    if init is not None:
        record = body.values.initializer(init.value)
        if record is None:
            return None
    wiring = read_wiring(layer.op, wires, body.inits, body.values)
    kind = ops.find("parameter")
    if wiring is None or kind is None:
        return None
    if record is not None:
        wiring = replace(wiring, inits={**wiring.inits, "value": record})
    sizes = {axis.name: int(axis.size) for axis in axes}
    op = bind(kind, {"shape": Argument(sizes, place)}, layer.span, report)
    if op is None:
        return None
    keys: dict[str, Span] = {"shape": place}
    return body.weaver.apply(op, [], path, Place(layer.span, keys, item=layer.item), wiring)
