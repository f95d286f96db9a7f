"""What a proof was made with: versions, machine, time."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from netspec.backend import Runner, Versatile

DISTRIBUTION = "netspec-compiler"
CPUINFO = Path("/proc/cpuinfo")


@dataclass(frozen=True)
class Circumstances:
    """The circumstances of one proof: `facts` are words by what they tell.

    `command` repeats the proof; `time` is in UTC, to the second. Only that and `seconds` change from run to run.
    """

    facts: Mapping[str, str]
    command: str
    time: datetime
    seconds: float = field(default=0.0)

    def as_json(self) -> dict[str, object]:
        """Plain data."""
        return {
            **self.facts,
            "command": self.command,
            "time": self.time.isoformat(timespec="seconds"),
            "seconds": round(self.seconds, 1),
        }


def circumstances(
    candidate: Runner, *, command: str, seconds: float, time: datetime | None = None
) -> Circumstances:
    """The circumstances of a proof that was made in this process just now."""
    facts = {"netspec": _version(), "numpy": np.__version__}
    if isinstance(candidate, Versatile):
        facts |= candidate.described()
    facts |= {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "platform": f"{platform.system()} {platform.machine()}",
        "CPU": _cpu(),
        "cores": str(os.cpu_count() or 1),
    }
    now = time or datetime.now(UTC)
    return Circumstances(facts, command, now.replace(microsecond=0), seconds)


def _version() -> str:
    """The version of this netspec, where it is installed."""
    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:
        return "not installed"


def _cpu() -> str:
    """What the processor calls itself."""
    try:
        lines = CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, "") or platform.processor() or "unknown"
