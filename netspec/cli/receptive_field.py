"""The receptive field of every value, for a person and as plain data: what `show` prints of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from netspec.ir.graph import Graph, Ref
from netspec.ir.view import View
from netspec.passes.receptive_field import Field, slides, sliding_axes

NOT_KNOWN = "?"


def column(graph: Graph, fields: Mapping[Ref, Field]) -> dict[str, str]:
    """`5x5` for each value by its path, where one input has axes to slide along; empty where none has, or several."""
    inputs = sliding_axes(graph)
    if len(inputs) != 1:
        return {}
    ((name, axes),) = inputs.items()
    return {ref.path: _size(graph, field, name, axes) for ref, field in fields.items() if ref.output == 0}


def lines(graph: Graph, fields: Mapping[Ref, Field]) -> list[str]:
    """For each input the last window that slides over it, the layer it begins at, and how far that moves."""
    found = []
    for name, axes in sliding_axes(graph).items():
        nodes = [node for node in graph.walk("predict") if slides(fields[Ref(node.path)], name, axes)]
        if not nodes:
            continue
        seen = {axis: fields[Ref(nodes[-1].path)][name, axis] for axis in axes}
        first = next(
            node for node in nodes if all(fields[Ref(node.path)][name, axis] == seen[axis] for axis in axes)
        )
        field = fields[Ref(first.path)]
        jumps = [str(view.jump) for view in seen.values() if view is not None and view.is_window]
        moves = "x".join(jumps if len(set(jumps)) > 1 else jumps[:1])
        whole = "x".join(str(graph.inputs[name].size(axis)) for axis in axes)
        size = _size(graph, field, name, axes)
        found.append(f"receptive field: {size} of {whole} of `{name}` at `{first.path}`, moving by {moves}")
    return found


def data(field: Field) -> dict[str, dict[str, object]]:
    """One value's field as plain data: by input and axis a window, `all`, or null where it is not known."""
    found: dict[str, dict[str, object]] = {}
    for (name, axis), view in field.items():
        found.setdefault(name, {})[axis] = _view(view)
    return found


def _view(view: View | None) -> object:
    if view is None or not (view.is_window or view.is_everything):
        return None
    if view.is_everything:
        return "all"
    jump = view.jump
    return {
        "size": view.size,
        "jump": int(jump) if jump.denominator == 1 else str(jump),
        "start": view.start,
        "along": view.along,
    }


def _size(graph: Graph, field: Field, name: str, axes: Sequence[str]) -> str:
    """`5x5`, the size of an axis where all of it is seen, `?` where that is not known; empty if nothing is seen."""
    views = [field.get((name, axis)) for axis in axes]
    if not any((name, axis) in field for axis in axes):
        return ""
    if all(view is not None and view.is_everything for view in views):
        return "all"
    sizes = []
    for axis, view in zip(axes, views, strict=True):
        if view is not None and view.is_everything:
            sizes.append(str(graph.inputs[name].size(axis)))
        else:
            sizes.append(str(view.size) if view is not None and view.is_window else NOT_KNOWN)
    return NOT_KNOWN if set(sizes) == {NOT_KNOWN} else "x".join(sizes)
