"""What a file defines by name, and whether any of its text reads that name.

Told from the text and not from what was computed, so that what a condition leaves out still counts as read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from netspec.lang.tree import Entry, Mapping, Node, Scalar, Sequence
from netspec.recipe.spec import Definition

_WORD = re.compile("[A-Za-z_][A-Za-z0-9_]*")
_PROSE = ("doc", "ignore")
_BODIES = ("layers", "blocks")


def definitions(root: Mapping) -> tuple[Definition, ...]:
    """The constants, inputs, targets, blocks with their inputs and parameters, and included files, in this order."""
    found: list[Definition] = []
    values = _words(root, of_keys=False)
    called = values | _calls(root)
    for section, what, read in (
        ("define", "constant", values),
        ("inputs", "input", values),
        ("targets", "target", values),
        ("blocks", "block", called),
        ("include", "file", called),
    ):
        for one in _entries(root, section):
            found.append(Definition(what, one.name, one.key.span, one.name in read))
            if section == "blocks" and isinstance(one.value, Mapping):
                found.extend(_of_block(one.name, one.value))
    return tuple(found)


def _entries(root: Mapping, section: str) -> tuple[Entry, ...]:
    entry = root.get(section)
    return entry.value.entries if entry is not None and isinstance(entry.value, Mapping) else ()


def _of_block(block: str, node: Mapping) -> Iterator[Definition]:
    """The parameters of a block, and its inputs where it has several; a single one flows without being named."""
    body = Mapping(tuple(one for one in node if one.name in ("layers", "outputs")), node.span)
    values = _words(body, of_keys=False)
    inserted = {key[1:].strip() for key in _keys(body) if key.startswith("$")}
    for one in _entries(node, "params"):
        yield Definition("parameter", one.name, one.key.span, one.name in values | inserted, block)
    inputs = node.get("inputs")
    items = inputs.value.items if inputs is not None and isinstance(inputs.value, Sequence) else ()
    for item in items if len(items) > 1 else ():
        if isinstance(item, Scalar):
            yield Definition("input of a block", item.text, item.span, item.text in values, block)


def _calls(root: Mapping) -> set[str]:
    """The words of all keys in layers, of blocks too: what is called there, and arguments with it."""
    found: set[str] = set()
    for entry in root:
        if entry.name == "blocks" and isinstance(entry.value, Mapping):
            for block in entry.value:
                found |= _words(block.value, of_keys=True)
        elif entry.name in _BODIES:
            found |= _words(entry.value, of_keys=True)
    return found


def _words(node: Node, *, of_keys: bool) -> set[str]:
    """The words of all keys, or of all values, that are no prose; what the spec is called is prose as well."""
    texts = _keys(node) if of_keys else _values(node)
    return {word for text in texts for word in _WORD.findall(text)}


def _keys(node: Node) -> Iterator[str]:
    return (one.name for one in _inside(node) if isinstance(one, Entry))


def _values(node: Node) -> Iterator[str]:
    return (one.value for one in _inside(node) if isinstance(one, Scalar) and isinstance(one.value, str))


def _inside(root: Node) -> Iterator[Node | Entry]:
    """Everything in a node that is no prose, keys with what is under them, in no order."""
    ahead: list[Node] = [root]
    while ahead:
        node = ahead.pop()
        yield node
        if isinstance(node, Sequence):
            ahead.extend(node.items)
        elif isinstance(node, Mapping):
            for entry in node:
                if entry.name not in _PROSE and not (entry.name == "name" and node is root):
                    yield entry
                    ahead.append(entry.value)
