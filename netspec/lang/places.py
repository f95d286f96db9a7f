"""Where what is written outside the layers stands: dotted paths of keys and indices, for whoever judges the whole."""

from __future__ import annotations

from collections.abc import Iterator

from netspec.lang.bind import span_of
from netspec.lang.tree import Entry, Mapping, Node, Sequence
from netspec.text import Span

_ELSEWHERE = ("layers", "blocks")
"""Sections whose places the nodes of the graph carry themselves."""


def places(root: Mapping) -> dict[str, Span]:
    """The place of every written thing by its path: `training.optimizer.sgd.lr`, `data.transforms.0.normalize`.

    A path that ends in a colon is the place of the key: `define.width:`.
    """
    found: dict[str, Span] = {}
    for entry in root:
        if entry.name not in _ELSEWHERE:
            found.update(_walk(entry.name, entry))
    return found


def place_of(entry: Entry) -> Span:
    """What is underlined where a key with its value is meant: the value, or the key of one that fills lines."""
    if isinstance(entry.value, Mapping) or (isinstance(entry.value, Sequence) and not entry.value.flow):
        return entry.key.span
    return span_of(entry.value, entry.key.span)


def _walk(path: str, entry: Entry) -> Iterator[tuple[str, Span]]:
    yield path, place_of(entry)
    yield f"{path}:", entry.key.span
    yield from _inside(path, entry.value)


def _inside(path: str, node: Node) -> Iterator[tuple[str, Span]]:
    if isinstance(node, Mapping):
        for entry in node:
            yield from _walk(f"{path}.{entry.name}", entry)
    elif isinstance(node, Sequence):
        for i, item in enumerate(node):
            yield f"{path}.{i}", item.span
            yield from _inside(f"{path}.{i}", item)
