"""Measurements that are kept from run to run, one small file for each machine, network, batch and PyTorch.

They are times, not choices: a longer run, or one with other pins, chooses anew from the same times. What is damaged is
measured again, and where nothing can be written nothing is kept; a training never fails for it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from typing import Any

from netspec_torch.plan.duel import Duel

FORMAT = 1
"""Part of every key: changes when a time means something else."""

KEPT = 200
"""How many files stay; those that were written longest ago make room."""

_LARGEST = 1_000_000
_MOST_ROUNDS = 1000


def place() -> Path:
    """The user's cache folder for plans; `XDG_CACHE_HOME` is honoured where it is an absolute path."""
    said = Path(os.environ.get("XDG_CACHE_HOME", ""))
    base = said if said.is_absolute() else Path("~/.cache").expanduser()
    return base / "netspec" / "plans"


class Kept:
    """The measurements under one key: `found` says by name what was measured, `record` adds to it."""

    def __init__(self, told: Mapping[str, Any], folder: Path | None = None, *, anew: bool = False) -> None:
        key = hashlib.sha256(json.dumps({"format": FORMAT, **told}, sort_keys=True).encode()).hexdigest()
        try:
            self._file = (folder or place()) / f"{key[:40]}.json"
            self._known = {} if anew else _read(self._file)
        except (OSError, RuntimeError):  # no home folder, or one that cannot be looked at
            self._file, self._known = Path(), {}
        self._anew = anew

    def duel(self, name: str) -> Duel | None:
        """The duel of that name, if it was held."""
        told = self._known.get(name)
        return _duel(told) if told is not None else None

    def words(self, name: str) -> list[str] | None:
        """The words of that name, if they were found."""
        told = self._known.get(name)
        good = isinstance(told, list) and all(isinstance(one, str) for one in told)
        return list(told) if good and told is not None else None

    def record(self, name: str, value: Duel | list[str]) -> None:
        """Keep one measurement, beside what other processes have kept meanwhile."""
        told: Any = value
        if isinstance(value, Duel):
            told = {"mine": list(value.mine), "other": list(value.other), "first": value.first}
        self._known[name] = told
        with contextlib.suppress(OSError, ValueError):
            self._write()

    def _write(self) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        beside = self._file.with_name(f".{self._file.name}.{os.getpid()}.{secrets.token_hex(4)}")
        there = {} if self._anew else _read(self._file)
        try:
            beside.write_text(json.dumps({**there, **self._known}), encoding="utf-8")
            beside.replace(self._file)
        finally:
            beside.unlink(missing_ok=True)
        _tidy(self._file.parent)


def _read(file: Path) -> dict[str, Any]:
    """What a file holds; nothing where it is none of ours."""
    try:
        if file.stat().st_size > _LARGEST:
            return {}
        told = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _duel(told: object) -> Duel | None:
    """A duel as it was written; None for anything else."""
    if not isinstance(told, dict):
        return None
    mine, other, first = told.get("mine"), told.get("other"), told.get("first")
    if not (_times(mine) and _times(other) and _times([first]) and len(mine) == len(other)):  # type: ignore[arg-type]
        return None
    if not mine or not all(mine):
        return None
    return Duel(tuple(mine), tuple(other), float(first))  # type: ignore[arg-type]


def _times(told: object) -> bool:
    """Whether this is a list of seconds."""
    return (
        isinstance(told, list)
        and len(told) <= _MOST_ROUNDS
        and all(
            isinstance(one, int | float) and not isinstance(one, bool) and isfinite(one) and one >= 0
            for one in told
        )
    )


def _tidy(folder: Path) -> None:
    """Remove the oldest files beyond those that stay."""
    files = sorted(folder.glob("*.json"), key=lambda one: one.stat().st_mtime, reverse=True)
    for file in files[KEPT:]:
        file.unlink(missing_ok=True)
