"""The receptive field: which places of the inputs a place of a value depends on, along every axis, exactly.

What one layer sees of its inputs the op says (`Op.views`); here views follow one another and, where ways meet, unite:
the field reaches from the first to the last place seen along any way. Borders are left aside: places outside of an
input are padding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from netspec.ir.graph import Graph, Node, Ref
from netspec.ir.types import BATCH, CHANNEL, FEATURE
from netspec.ir.view import View, same, through, union

Seen: TypeAlias = "tuple[str, str]"
"""An input and one of its axes."""
Field: TypeAlias = "Mapping[Seen, View | None]"
"""What a value sees of each axis of the inputs that it depends on; None where that is not known."""


def receptive_fields(graph: Graph) -> dict[Ref, Field]:
    """The field of every value, inputs included; the batch is left aside."""
    fields: dict[Ref, Field] = {
        Ref(name): {(name, axis): same(axis) for axis in kind.names if axis != BATCH}
        for name, kind in graph.inputs.items()
    }
    for node in graph.nodes:
        field = _field(graph, node, fields)
        fields.update(dict.fromkeys(node.refs, field))
    return fields


def _field(graph: Graph, node: Node, fields: Mapping[Ref, Field]) -> Field:
    ways: dict[Seen, list[View | None]] = {}
    views = node.op.views(*(graph.type_of(ref) for ref in node.inputs))
    for ref, view in zip(node.inputs, views, strict=True):
        if view is None:
            continue
        for seen, inner in fields.get(ref, {}).items():
            ways.setdefault(seen, []).append(through(view, inner))
    return {seen: union(views) for seen, views in ways.items()}


def sliding_axes(graph: Graph) -> dict[str, tuple[str, ...]]:
    """The axes of each input along which layers may slide, all but batch, channel and feature, where it has any."""
    axes = {
        name: tuple(axis for axis in kind.names if axis not in {BATCH, CHANNEL, FEATURE})
        for name, kind in graph.inputs.items()
    }
    return {name: found for name, found in axes.items() if found}


def slides(field: Field, name: str, axes: Sequence[str]) -> bool:
    """Whether a value sees a known part of an input, by a window that moves over at least one of these axes."""
    views = [view for axis in axes if (view := field.get((name, axis))) is not None]
    known = len(views) == len(axes) and all(view.is_window or view.is_everything for view in views)
    return known and any(view.is_window and view.along is not None for view in views)
