"""One mutant against the tests of its family: in a process of its own, forked from one that has loaded what is slow."""

from __future__ import annotations

import importlib.abc
import importlib.util
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
LIMIT = 120
"""Seconds after which a mutant that does not end counts as killed."""


@dataclass(frozen=True)
class Outcome:
    """What became of a mutant: killed or not, and in how many seconds."""

    killed: bool
    seconds: float


SUITE = (
    "tests/conformance/test_samples.py",
    "tests/conformance/test_views.py",
    "tests/conformance/test_validator.py",
)
"""The files whose tests are made from the samples of every op."""


@dataclass(frozen=True)
class Tests:
    """The tests of a family: whole files, and of the suite those of some ops. It is a plugin of pytest."""

    files: tuple[str, ...]
    ops: frozenset[str]

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leave out what the suite says of other ops."""
        items[:] = [item for item in items if self._held(item)]

    def _held(self, item: pytest.Item) -> bool:
        if item.path not in {ROOT / one for one in SUITE}:
            return True
        shown = item.callspec.id if isinstance(item, pytest.Function) and hasattr(item, "callspec") else ""
        return shown.partition("-")[0] in self.ops


class Replaced(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Loads one module from another text than its file's."""

    def __init__(self, module: str, text: str) -> None:
        self._module, self._text = module, text

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec of the one module; None for all others."""
        if name != self._module:
            return None
        file = file_of(name)
        return importlib.util.spec_from_file_location(name, file, loader=self)

    def exec_module(self, module: ModuleType) -> None:
        """Run the other text."""
        exec(compile(self._text, str(module.__file__), "exec"), module.__dict__)


def file_of(module: str) -> Path:
    """The file of a module of netspec or of a backend."""
    path = Path(*module.split(".")).with_suffix(".py")
    return ROOT / path if module.startswith("netspec.") else ROOT / "backends" / path


def attempt(module: str, text: str, tests: Tests) -> Outcome:
    """Run `tests` with one module replaced, until the first that fails."""
    started = time.perf_counter()
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        _child(module, text, tests)
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        seconds = time.perf_counter() - started
        if done:
            return Outcome(os.waitstatus_to_exitcode(status) != 0, seconds)
        if seconds > LIMIT:
            os.kill(child, 9)
            os.waitpid(child, 0)
            return Outcome(killed=True, seconds=seconds)
        time.sleep(0.02)


def _child(module: str, text: str, tests: Tests) -> None:
    """What the forked process does; it never returns."""
    code = 3
    try:
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        sys.meta_path.insert(0, Replaced(module, text))
        options = ["-x", "-q", "-p", "no:randomly", "-p", "no:cacheprovider"]
        options += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]  # of what was loaded before
        code = int(pytest.main([*options, *(SUITE if tests.ops else ()), *tests.files], plugins=[tests]))
    finally:
        os._exit(code)
