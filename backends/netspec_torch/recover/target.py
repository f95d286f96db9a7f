"""`package.module:Class`: the module that somebody names, imported and made, and nothing else of theirs run."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import reduce
from pathlib import Path
from typing import Any

from torch import nn

from netspec.text import SpecError, nearest

LONGEST_REASON = 300


def module_of(target: str, arguments: Mapping[str, object]) -> nn.Module:
    """The module that `target` names: a class or a function, which is called with `arguments`, or a module as it is.

    This imports and runs the code that it names, as Python's `import` would in this folder; nothing else is looked at.
    Raises SpecError: NS780 where there is no such thing, NS781 where what it gives is no `nn.Module`.
    """
    place, _, path = target.partition(":")
    with _here():
        found = _named(place, path)
        if isinstance(found, nn.Module):
            if arguments:
                raise SpecError.of(
                    "NS781",
                    f"`{target}` is made already and takes no arguments",
                    help="name its class or a function",
                )
            return found
        if not callable(found):
            raise _unfit(target, found)
        made = _made(target, found, arguments)
    if not isinstance(made, nn.Module):
        raise _unfit(target, made)
    return made


def _named(place: str, path: str) -> Any:
    """What stands under a name in a module."""
    try:
        module = importlib.import_module(place)
    except Exception as trouble:
        why = f"{type(trouble).__name__}: {trouble}"[:LONGEST_REASON]
        raise SpecError.of(
            "NS780",
            f"`{place}` cannot be imported: {why}",
            help="name a module as Python imports it in this folder and environment: `package.module:Class`",
        ) from trouble
    try:
        return reduce(getattr, path.split("."), module)
    except AttributeError:
        first = path.partition(".")[0]
        near = nearest(first, [name for name in vars(module) if not name.startswith("_")])
        help = (
            f"did you mean `{place}:{near}`?"
            if near
            else "name a class, a function, or a module that is made"
        )
        raise SpecError.of("NS780", f"there is no `{path}` in `{place}`", help=help) from None


def _made(target: str, found: Callable[..., Any], arguments: Mapping[str, object]) -> Any:
    """What a class or function gives."""
    try:
        return found(**arguments)
    except Exception as trouble:
        why = f"{type(trouble).__name__}: {trouble}"[:LONGEST_REASON]
        said = ", ".join(f"{word}={value!r}" for word, value in arguments.items())
        raise SpecError.of(
            "NS781",
            f"`{target}({said})` fails: {why}",
            help="give what it needs with `--with NAME=VALUE`, or name a function of yours that makes the module, its "
            "weights loaded",
        ) from trouble


def _unfit(target: str, found: object) -> SpecError:
    """NS781 for what is no module."""
    return SpecError.of(
        "NS781",
        f"`{target}` gives `{type(found).__name__}`, and an `nn.Module` is wanted",
        help="name a class of a module, a function that gives one, or a module that is made",
    )


@contextmanager
def _here() -> Iterator[None]:
    """With the folder of the command on the path, as `python -m` has it."""
    here = str(Path.cwd())
    if here in sys.path or "" in sys.path:
        yield
        return
    sys.path.insert(0, here)
    try:
        yield
    finally:
        sys.path.remove(here)
