"""Floor 2: the catalogue. Every op is told once, in the file of its family."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from importlib.metadata import entry_points

from netspec.ir.op import Op


@cache
def catalogue() -> dict[str, type[Op]]:
    """Every op of netspec by the name a spec calls it."""
    found: dict[str, type[Op]] = {}
    for info in pkgutil.iter_modules(__path__):
        if info.name.startswith("_"):
            continue
        module = importlib.import_module(f"{__name__}.{info.name}")
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, Op) and value.name and value.__module__ == module.__name__:
                found[value.name] = value
    return found


def find(name: str) -> type[Op] | None:
    """The op called `name`; one of a third party is called `vendor.op` and comes by the entry point of that name."""
    if "." not in name:
        return catalogue().get(name)
    for entry in entry_points(group="netspec.ops", name=name):
        op: type[Op] = entry.load()
        return op
    return None
