"""What several commands take: a spec, its settings, an output format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from netspec.lang.constants import Constant
from netspec.lang.setting import parse_setting

F = TypeVar("F", bound=Callable[..., Any])

SPEC = click.Path(path_type=Path)


def spec_argument(command: F) -> F:
    """The path of one spec."""
    return click.argument("spec", metavar="SPEC", type=SPEC)(command)


def set_option(command: F) -> F:
    """`--set NAME=VALUE`, repeatable; the command gets a dictionary called `define`."""
    return click.option(
        "--set", "define", metavar="NAME=VALUE", multiple=True, callback=_settings,
        help="Give a constant of the spec's `define` another value; repeatable.",
    )(command)  # fmt: skip


def format_option(*formats: str) -> Callable[[F], F]:
    """`--format`, the first being the default; the command gets a word called `form`."""
    return click.option(
        "--format",
        "form",
        type=click.Choice(formats),
        default=formats[0],
        show_default=True,
        help="How to print.",
    )


def _settings(
    context: click.Context, parameter: click.Parameter, texts: tuple[str, ...]
) -> dict[str, Constant]:
    """The settings by name; a usage error where one is not NAME=VALUE or stands twice."""
    found: dict[str, Constant] = {}
    for text in texts:
        try:
            name, value = parse_setting(text)
        except ValueError as trouble:
            raise click.BadParameter(str(trouble), context, parameter) from trouble
        if name in found:
            raise click.BadParameter(f"`{name}` is set twice", context, parameter)
        found[name] = value
    return found
