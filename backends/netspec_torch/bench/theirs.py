"""The network that a person wrote, from their own file: it is imported, and so it runs, because they asked for it."""

from __future__ import annotations

import importlib.util
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from netspec.backend import Against
from netspec.text import SpecError, nearest
from netspec.text.shown import shown

NAME = "netspec_bench_against"
"""What the file's module is called while it is imported."""


def made(against: Against) -> tuple[nn.Module, Any]:
    """The network, made without arguments, and the loss of the same file (None where none is named).

    SpecError NS670 for a file, a name or a network that cannot be had.
    """
    module = _imported(against.file)
    build = _named(module, against.network, against.file)
    with blaming(against.file, f"making `{against.network}`"):
        network = build()
    if not isinstance(network, nn.Module):
        raise _refused(
            f"`{against.network}` of `{_told(against.file)}` gives a {type(network).__name__}, and no "
            "`torch.nn.Module`",
            "name a class, or a function without arguments, that makes the network",
        )
    return network, _named(module, against.loss, against.file) if against.loss else None


def _imported(file: Path) -> ModuleType:
    """The module of a file."""
    if not file.is_file():
        raise _refused(f"there is no file `{_told(file)}`", "write `--against FILE.py:CLASS`")
    found = importlib.util.spec_from_file_location(NAME, file)
    if found is None or found.loader is None:
        raise _refused(f"`{_told(file)}` is no Python file", "write `--against FILE.py:CLASS`")
    module = importlib.util.module_from_spec(found)
    sys.modules[NAME] = module
    sys.path.insert(0, str(file.resolve().parent))  # as Python does for a file that it runs
    with blaming(file, "importing it"):
        found.loader.exec_module(module)
    return module


def _named(module: ModuleType, name: str, file: Path) -> Any:
    """A thing of the file that can be called."""
    there = [key for key, value in vars(module).items() if callable(value) and not key.startswith("_")]
    value = getattr(module, name, None)
    if callable(value):
        return value
    near = nearest(name, there)
    own = [key for key in there if getattr(getattr(module, key), "__module__", "") == NAME]
    has = f"it has {', '.join(f'`{one}`' for one in own)}" if own else "write it there, or name another file"
    raise _refused(
        f"`{_told(file)}` has no class or function `{shown(name)}`",
        f"did you mean `{near}`?" if near else has,
    )


@contextmanager
def blaming(file: Path, doing: str) -> Iterator[None]:
    """Turns what their code raises into SpecError NS670 that names the line of their file."""
    try:
        yield
    except (MemoryError, SpecError):
        raise
    except (Exception, SystemExit) as fault:  # noqa: BLE001 - it is their code, which may raise anything
        lines = [
            one.lineno for one in traceback.extract_tb(fault.__traceback__) if Path(one.filename) == file
        ]
        if isinstance(fault, SyntaxError) and fault.lineno:
            lines.append(fault.lineno)
        place = f"{_told(file)}:{lines[-1]}" if lines else _told(file)
        first = (str(fault).strip().splitlines() or ["it says nothing more"])[0]
        raise _refused(
            f"`{place}`: {doing} failed: {type(fault).__name__}: {shown(first[:300])}",
            "run the file by itself until it makes the network without arguments",
        ) from None


def _told(file: Path) -> str:
    return shown(str(file))


def _refused(said: str, help: str) -> SpecError:
    return SpecError.of("NS670", said, help=help)
