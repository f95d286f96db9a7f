"""Plain data as lines of YAML that the canonical form then lays out: mappings as blocks, lists of words in one line."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from netspec.recover.formula import number

PLAIN = re.compile(r"\$?[A-Za-z0-9_(][\w .*/+()<>=-]*")
"""Text that needs no quotes wherever it stands."""


def mapping(tree: Mapping[str, object], indent: int) -> list[str]:
    """A mapping in block style."""
    lines = []
    for key, value in tree.items():
        if key == "inputs" and isinstance(value, Mapping):
            lines += [
                f"{key}:",
                *(f"{' ' * (indent + 2)}{name}: {_flow(one)}" for name, one in value.items()),
            ]
            continue
        lines += _entry(f"{' ' * indent}{_scalar(key)}:", value, indent)
    return lines


def _entry(start: str, value: object, indent: int) -> list[str]:
    """A key with what stands under it."""
    if value is None:
        return [start]
    if isinstance(value, Mapping) and value:
        return [start, *mapping(value, indent + 2)]
    if not isinstance(value, list) or not value or _flat(value):
        return [f"{start} {_flow(value)}"]
    nested = any(isinstance(one, (Mapping, list)) for one in value)
    body = nested or start.strip() in {"layers:", "residual:", "shortcut:"}
    return [start, *_sequence(value, indent + 2)] if body else [f"{start} {_flow(value)}"]


def _flat(value: Sequence[object]) -> bool:
    """Whether a list holds lists of plain things alone, as pairs of padding."""
    return all(
        isinstance(one, list) and not any(isinstance(two, (list, Mapping)) for two in one) for one in value
    )


def _sequence(items: Sequence[object], indent: int) -> list[str]:
    """A list in block style."""
    lines = []
    for item in items:
        if isinstance(item, Mapping):
            inner = mapping(item, indent + 2)
            lines.append(f"{' ' * indent}- {inner[0].strip()}")
            lines += inner[1:]
        else:
            lines.append(f"{' ' * indent}- {_flow(item)}")
    return lines


def _flow(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_flow, value))}]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_flow(one)}" for key, one in value.items()) + "}"
    return _scalar(value)


def _scalar(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return number(value).strip("()") if value == value else ".nan"  # noqa: PLR0124 - NaN alone differs
    if value is None:
        return "null"
    text = str(value)
    if isinstance(value, int) or (PLAIN.fullmatch(text) and text == text.strip() and not text[0].isdigit()):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
