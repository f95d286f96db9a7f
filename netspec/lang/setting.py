"""What the command line sets: `NAME=VALUE`, the value read as YAML reads it and never computed."""

from __future__ import annotations

from dataclasses import replace

from netspec.lang.constants import Constant
from netspec.lang.report import Report
from netspec.lang.tree import Mapping, Node, Scalar, Sequence, Style
from netspec.lang.values import Values
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
    if entry is None or found or comments or isinstance(entry.value, Mapping):
        return text
    good, value = Values({}, Report()).read(_literal(entry.value))
    return value if good and _is_constant(value) else text  # type: ignore[return-value]  # so the check has shown


def _is_constant(value: object) -> bool:
    """Whether a value can be a constant: a number, a word, a truth, or a list of such."""
    if isinstance(value, tuple):
        return all(map(_is_constant, value))
    return value is None or isinstance(value, (bool, int, float, str))


def _literal(node: Node) -> Node:
    """The node with `$` taken as it stands: what is set is never computed."""
    if isinstance(node, Scalar):
        return replace(node, style=Style.QUOTED)
    if isinstance(node, Sequence):
        return Sequence(tuple(map(_literal, node)), node.span, node.flow)
    return node
