"""Exact edits from what an op says would cure it: another function in its place, or a value one layer earlier."""

from __future__ import annotations

from collections.abc import Mapping

from netspec.ir.graph import Node, Ref
from netspec.ir.problem import Cure
from netspec.lang.tree import Mapping as Table
from netspec.lang.tree import Node as Written
from netspec.lang.tree import Scalar
from netspec.text import Edit, Span


def cured(
    cure: Cure,
    made: Ref | None,
    head: Span,
    given: Span | None,
    nodes: Mapping[str, Node],
    items: Mapping[str, Written],
) -> Edit | None:
    """The edit for an op called at `head` whose input `made` is said at `given`; None where there is no exact one.

    With `without` the input becomes what the layer too many was made of, if that has a written name.
    """
    if cure.instead:
        return Edit(head, cure.instead)
    node = nodes.get(made.path) if made is not None else None
    if not cure.without or given is None or node is None or node.op.name != cure.without:
        return None
    before = node.inputs[0].path
    return Edit(given, before) if before not in nodes or _named(items.get(before), before) else None


def _named(item: Written | None, path: str) -> bool:
    """Whether a layer was given the name that its path is."""
    entry = item.get("name") if isinstance(item, Table) else None
    return entry is not None and isinstance(entry.value, Scalar) and entry.value.text == path
