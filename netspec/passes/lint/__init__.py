"""What is legal and probably not what was wanted: one file a rule, each with what, why, and what to do instead."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from functools import cache

from netspec.passes.lint.rule import Rule
from netspec.recipe.spec import Spec
from netspec.text import Diagnostic

RULES: tuple[str, ...] = ()
"""The rules by name, each in the file of its name; a test reads the files and holds the two equal."""


@cache
def rules() -> dict[str, type[Rule]]:
    """Every rule by the name a spec calls it."""
    found: dict[str, type[Rule]] = {}
    for name in RULES:
        module = importlib.import_module(f"{__name__}.{name}")
        kinds = (value for value in vars(module).values() if isinstance(value, type))
        found[name] = next(kind for kind in kinds if issubclass(kind, Rule) and kind.name == name)
    return found


def lint(spec: Spec, chosen: Mapping[str, Rule]) -> Iterator[Diagnostic]:
    """What the rules doubt in a spec; `chosen` holds those that the spec has set otherwise than by default."""
    for name, kind in rules().items():
        yield from (chosen.get(name) or kind()).check(spec)
