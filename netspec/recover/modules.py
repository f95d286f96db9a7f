"""The modules of a source, as the dotted names of its layers tell them: where they begin and end."""

from __future__ import annotations

from collections.abc import Sequence

from netspec.recover.item import Body, names_of

NEAR = 24
"""So far around a stretch its modules are looked for."""


def module_of(names: Sequence[str]) -> str:
    """The innermost module of the source that all of these names are in, or are."""
    if not names:
        return ""
    parts = [name.split(".") for name in names]
    common: list[str] = []
    for column in zip(*parts, strict=False):
        if len(set(column)) > 1:
            break
        common.append(column[0])
    return ".".join(common)


def tears(body: Body, start: int, stop: int) -> bool:
    """Whether a module of the source is partly in a stretch and partly beside it, while the stretch has others too."""
    inside = {name for item in body[start:stop] for name in names_of([item])}
    beside = {name for item in body[max(start - NEAR, 0) : start] for name in names_of([item])}
    beside |= {name for item in body[stop : stop + NEAR] for name in names_of([item])}
    for name in inside:
        parts = name.split(".")
        for depth in range(1, len(parts)):
            module = ".".join(parts[:depth]) + "."
            if all(other.startswith(module) for other in inside):
                continue
            if any(other.startswith(module) for other in beside):
                return True
    return False


def is_module(items: Body, body: Body, start: int, stop: int) -> bool:
    """Whether a stretch is exactly one module of the source: nothing beside it belongs to that."""
    names = names_of(items)
    module = module_of(names)
    if not module or len(names) < 2:
        return False
    for item in (*body[max(start - 4, 0) : start], *body[stop : stop + 4]):
        if any(name == module or name.startswith(f"{module}.") for name in names_of([item])):
            return False
    return True
