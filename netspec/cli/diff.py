"""`netspec diff`: what changed from one spec to another, for a person or for a program."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from netspec.cli.options import SPEC, format_option, set_option
from netspec.lang.constants import Constant

if TYPE_CHECKING:
    from netspec.passes.diff import Change, Difference

MARKS = {"added": "+", "removed": "-", "changed": "~", "renamed": "="}
SHOWN = 4
"""How many of the changes that follow from others a person gets to see; a program gets all."""


@click.command()
@click.argument("old", metavar="OLD", type=SPEC)
@click.argument("new", metavar="NEW", type=SPEC)
@set_option
@format_option("text", "json")
def diff(old: Path, new: Path, define: dict[str, Constant], form: str) -> int:
    """Tell what changed from OLD to NEW: in the graph, its types and cost, the loss, the metrics and the recipe.

    Comments, format and the order of keys are no change. The exit status is that of diff(1): 0 where both specs mean
    the same, 1 where they do not, 2 where one of them is wrong. `--set` holds for both.
    """
    from netspec.front import load
    from netspec.passes.diff import diff as compare
    from netspec.text import SpecError

    try:
        found = compare(load(old, define), load(new, define))
    except SpecError as trouble:
        from netspec.text.render import render_all

        color = sys.stderr.isatty() and "NO_COLOR" not in os.environ
        click.echo(render_all(trouble.diagnostics, color=color), err=True)
        return 2
    if form == "json":
        import json

        click.echo(json.dumps(found.as_json(), indent=2))
    else:
        click.echo("\n".join(_lines(found)))
    return 1 if found else 0


def _lines(found: Difference) -> Iterator[str]:
    """The changes by group; those that follow from others on one line."""
    from netspec.passes.diff.change import GROUPS

    if not found:
        yield "no change"
    for group in GROUPS:
        changes = found.of(group)
        if changes:
            yield group
            yield from (f"  {_line(one)}" for one in changes if not one.moved)
            yield from _moved([one for one in changes if one.moved])


def _line(one: Change) -> str:
    """`~ conv1.out_channels: 32 -> 64`."""
    note = f"  ({one.note})" if one.note else ""
    if one.how == "renamed":
        return f"= {one.old} is called {one.new}{note}"
    sides = " -> ".join(text for text in (one.old, one.new) if text)
    return f"{MARKS[one.how]} {one.subject}: {sides}{note}"


def _moved(changes: Iterable[Change]) -> Iterator[str]:
    """What follows from other changes: the first few, and how many more there are."""
    for how, what in (("renamed", "counted on"), ("changed", "of another type")):
        same = [one for one in changes if one.how == how]
        yield from (f"  {_line(one)}" for one in same[:SHOWN])
        if len(same) > SHOWN:
            layers = "layer" if len(same) == SHOWN + 1 else "layers"
            yield f"    and {len(same) - SHOWN} more {layers} {what}"
