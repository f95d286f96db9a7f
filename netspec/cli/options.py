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

DEVICES = ("auto", "cpu", "cuda", "mps")
"""Where a training runs; `auto` takes the best that is there."""

PRECISIONS = ("auto", "float32", "tf32", "bf16", "fp16")
"""The numbers that a training multiplies in; `auto` measures which."""

MOST_DIGITS = 9
"""Digits of a size on the command line."""


def spec_argument(command: F) -> F:
    """The path of one spec."""
    return click.argument("spec", metavar="SPEC", type=SPEC)(command)


def set_option(command: F) -> F:
    """`--set NAME=VALUE`, repeatable; the command gets a dictionary called `define`."""
    return click.option(
        "--set", "define", metavar="NAME=VALUE", multiple=True, callback=settings,
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


def sizes_option(command: F) -> F:
    """`--sizes H=64,W=64`, repeatable; the command gets a dictionary called `sizes`."""
    return click.option(
        "--sizes", "sizes", metavar="LETTER=NUMBER,...", multiple=True, callback=_sizes,
        help="Take numbers for free sizes of the spec; repeatable.",
    )(command)  # fmt: skip


def _sizes(context: click.Context, parameter: click.Parameter, texts: tuple[str, ...]) -> dict[str, int]:
    """The sizes by letter; a usage error where one is not LETTER=NUMBER or stands twice."""
    found: dict[str, int] = {}
    for text in (part.strip() for whole in texts for part in whole.split(",")):
        letter, equals, number = (part.strip() for part in text.partition("="))
        if not equals or not letter:
            raise click.BadParameter(f"`{text}` is not LETTER=NUMBER, such as `H=64`", context, parameter)
        if not (number.isascii() and number.isdigit() and len(number) <= MOST_DIGITS and int(number) >= 1):
            raise click.BadParameter(
                f"`{letter}` is a size: a whole number from 1 to {10**MOST_DIGITS - 1:,}", context, parameter
            )
        if letter in found:
            raise click.BadParameter(f"`{letter}` is given twice", context, parameter)
        found[letter] = int(number)
    return found


def plan_parts(
    context: click.Context, parameter: click.Parameter, words: tuple[str, ...]
) -> dict[str, object]:
    """The parts of the plan by name; a usage error for what is none."""
    from netspec.recipe.plan import read_pins

    try:
        return read_pins(words)
    except ValueError as trouble:
        raise click.BadParameter(str(trouble), context, parameter) from trouble


def settings(
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
