"""What this machine has, as far as a plan depends on it; and its name, under which measurements are kept."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from netspec_torch.plan.settled import Precision
from netspec_torch.way import has_bf16, no_compiler

_AMPERE = (8, 0)
"""The first CUDA devices with bf16 and tf32."""

_VOLTA = (7, 0)
"""The first with units for fp16."""


@dataclass(frozen=True)
class Ground:
    """The machine under a training. `narrow` are numbers that it multiplies faster than float32, best first.

    `uncompiled` says why `torch.compile` cannot run, and is empty where it can. `called` names the machine.
    """

    device: str
    threads: int
    cores: int
    narrow: tuple[Precision, ...]
    uncompiled: str
    called: dict[str, str]


def look(device: torch.device) -> Ground:
    """The machine that this process is on."""
    return Ground(
        device=device.type,
        threads=torch.get_num_threads(),
        cores=cores(),
        narrow=narrow(device.type),
        uncompiled=no_compiler() if device.type == "cpu" else "" if device.type == "cuda" else "not on MPS",
        called=called(device.type),
    )


def narrow(device: str) -> tuple[Precision, ...]:
    """What may be faster than float32: what the hardware multiplies by itself, and nothing that is emulated.

    On a CPU bf16 with AMX or AVX512-bf16. On CUDA bf16, then tf32; on devices before those, fp16 with a scaled loss.
    """
    if device == "cpu":
        return ("bf16",) if has_bf16() else ()
    if device == "cuda":
        found = torch.cuda.get_device_capability()
        return ("bf16", "tf32") if found >= _AMPERE else ("fp16",) if found >= _VOLTA else ()
    return ()


def cores() -> int:
    """The cores that this process may use: what it is bound to, what its container is given, what the user set.

    A number of threads in the environment is a limit that someone has set, as a cluster does for each of its jobs.
    """
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limits = [bound, *_quota(Path("/sys/fs/cgroup/cpu.max"))]
    said = os.environ.get("OMP_NUM_THREADS", "")
    if said.isascii() and said.isdigit() and int(said) > 0:
        limits.append(int(said))
    return max(1, min(limits))


def _quota(file: Path) -> list[int]:
    """Whole cores that a container is given; none where nothing is said."""
    try:
        share, _, period = file.read_text(encoding="ascii").partition(" ")
        return [max(1, -(-int(share) // int(period)))]
    except (OSError, ValueError, ZeroDivisionError):
        return []


def called(device: str) -> dict[str, str]:
    """The machine by what decides how fast it is. No name of a host or a user."""
    found = {"processor": _processor(), "cores": str(cores()), "torch": torch.__version__}
    if device == "cuda":
        found["device"] = torch.cuda.get_device_name()
        found["cuda"] = str(torch.version.cuda)
    return found


def _processor() -> str:
    """The model of the CPU."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return value.strip()[:100]
    except (OSError, ValueError):
        pass
    return (platform.processor() or platform.machine())[:100]


def differing(before: object, now: dict[str, str]) -> list[str]:
    """How the machine of a run's beginning differs from this one, in words."""
    if not isinstance(before, dict):
        return []
    keys: dict[Any, None] = dict.fromkeys((*before, *now))
    return [
        f"{key} {str(before.get(key, 'unknown'))[:100]}, here {now.get(key, 'unknown')}"
        for key in keys
        if isinstance(key, str) and before.get(key) != now.get(key)
    ]
