"""What is asked of one node of an exported graph: its operator, its inputs, and whether it changes one in place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch.fx import Node


def first_of(node: Node) -> Node | None:
    """The first argument, where it is a node."""
    return node.args[0] if node.args and isinstance(node.args[0], Node) else None


def in_place(node: Node) -> bool:
    """Whether the operator changes its first argument."""
    schema = getattr(node.target, "_schema", None)
    first = schema.arguments[0] if schema is not None and schema.arguments else None
    return first is not None and first.alias_info is not None and first.alias_info.is_write


def short_of(node: Node) -> str:
    """The operator's name without overload: `conv2d`; what works in place has the name of what does not."""
    target: Any = node.target
    name = str(getattr(target, "_opname", None) or getattr(target, "__name__", target))
    return name.rstrip("_") if in_place(node) and not name.startswith("__") else name


def space_of(node: Node) -> str:
    """The operator's namespace."""
    return str(getattr(node.target, "namespace", "python"))


def inputs_of(node: Node) -> Iterator[Node]:
    """The nodes that a node reads; of a call that was kept whole its tensors alone."""
    if space_of(node) == "netspec":
        yield from (one for one in node.args[0] if isinstance(one, Node))  # type: ignore[union-attr]
        return
    yield from node.all_input_nodes


def flat(values: Any) -> Iterator[Any]:
    """All arguments, those in lists too."""
    for one in values:
        if isinstance(one, (list, tuple)):
            yield from flat(one)
        else:
            yield one


def hint_of(size: Any) -> int:
    """A size at the example."""
    return size if isinstance(size, int) else int(size.node.hint)
