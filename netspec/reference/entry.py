"""One word of the language, as its page tells it: an op, a rule of lint, or a part of the recipe."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial

from netspec import ops
from netspec.passes.lint import rules
from netspec.recipe.chain import TRANSFORMS
from netspec.recipe.initializer import INITIALIZERS
from netspec.recipe.optimizer import OPTIMIZERS
from netspec.recipe.schedule import SCHEDULES
from netspec.recipe.source import SOURCES
from netspec.reference.lint import rule_section
from netspec.reference.ops import op_section
from netspec.reference.recipe import kind_section

Told = tuple[str, Callable[[], str]]
"""What a word is, and what makes its section."""


def entries() -> dict[str, list[Told]]:
    """Every word that has a section, with what it is; some words mean two things, as `constant` does."""
    found: dict[str, list[Told]] = {}
    for word, told in _told():
        found.setdefault(word, []).append(told)
    return found


def _told() -> Iterator[tuple[str, Told]]:
    for name, op in ops.written().items():
        yield name, ("op", partial(op_section, op))
    for name in ops.foreign_names():
        yield name, ("op of another package", partial(_foreign, name))
    for name, rule in rules().items():
        yield name, ("rule of lint", partial(rule_section, rule))
    for what, table in (
        ("source", SOURCES),
        ("transform", TRANSFORMS),
        ("optimizer", OPTIMIZERS),
        ("phase of a schedule", SCHEDULES),
        ("initialiser", INITIALIZERS),
    ):
        for name, kind in table.items():
            yield name, (what, partial(kind_section, kind))


def _foreign(name: str) -> str:
    """The section of another package's op; SpecError where that cannot be loaded."""
    return op_section(ops.foreign_op(name))


def entry(word: str) -> str | None:
    """The section or sections of a word, each with what it is as its title; None for a word that has none."""
    told = entries().get(word)
    if told is None:
        return None
    return "\n".join(re.sub(r"^#+ .*\n", f"# `{word}`: {what}\n", make(), count=1) for what, make in told)
