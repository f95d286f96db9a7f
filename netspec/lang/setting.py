"""What the command line sets: `NAME=VALUE`, the value read as YAML reads it and never computed."""

from __future__ import annotations

from netspec.lang.constants import Constant
from netspec.lang.tree import Mapping, Node, Scalar, Sequence
from netspec.lang.yaml import read
from netspec.text import Source


def parse_setting(text: str) -> tuple[str, Constant]:
    """`NAME=VALUE` of the command line, the value read as YAML would; ValueError where it is no such thing."""
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise ValueError(f"`{text}` is not NAME=VALUE")
    return name.strip(), _setting(value.strip())


def _setting(text: str) -> Constant:
    """A value of the command line: a scalar or a list as YAML reads it, and any other text as a word."""
    root, found, comments = read(Source("--set", f"value: {text}\n"))
    entry = root.get("value") if root is not None and len(root) == 1 else None
    if entry is None or found or comments or _has_mapping(entry.value):
        return text
    return _value(entry.value)


def _has_mapping(node: Node) -> bool:
    """Whether a mapping stands anywhere in a value, which no constant has."""
    return isinstance(node, Mapping) or (isinstance(node, Sequence) and any(map(_has_mapping, node)))


def _value(node: Node) -> Constant:
    """What is written, `$` and all: what is set is never computed."""
    if isinstance(node, Sequence):
        return tuple(map(_value, node))
    return node.value if isinstance(node, Scalar) else None
