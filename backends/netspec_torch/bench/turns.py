"""The child's end of a race: it steps when it is told to, so many steps, and tells how long they took."""

from __future__ import annotations

import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch

from netspec_torch.bench.batches import Batches
from netspec_torch.bench.figures import Turn

WARM_UP = 3
"""Steps before the clock counts: the first allocate, and choose their kernels."""


class Turns:
    """What a training loop asks before its first step (`begin`) and after each (`stepped`): whether to go on.

    The loop may be ours or an engine's that calls a hook. The first `WARM_UP` steps are answered for here; then the
    other end says how many are a turn, and in between it stands still.
    """

    def __init__(self, link: Connection, batches: Batches, device: str, told: dict[str, Any]) -> None:
        self._link, self._batches, self._device, self._told = link, batches, device, told
        self._left = self._steps = WARM_UP
        self._warm = False
        self._begun = self._last = time.perf_counter()

    def begin(self) -> None:
        """The first step comes next."""
        self._batches.take_waited()
        self._begun = self._last = time.perf_counter()

    def stepped(self) -> bool:
        """A step is done: whether another is to come."""
        self._left -= 1
        if not self._warm and self._left == 0:
            self._wait_for_device()
            self._last = time.perf_counter() - self._last
            self._warm = True
            warm_up = time.perf_counter() - self._begun
            return self._next(("ready", {**self._told, "warm_up_seconds": warm_up, "estimate": self._last}))
        if not self._warm:
            self._wait_for_device()
            self._last = time.perf_counter()
            return True
        if self._left:
            return True
        self._wait_for_device()
        seconds = time.perf_counter() - self._begun
        return self._next(("turn", Turn(self._steps, seconds, self._batches.take_waited())))

    def _next(self, said: tuple[str, Any]) -> bool:
        """Tell the other end, and wait for the next turn; the clock starts when it is given."""
        self._link.send(said)
        self._steps = self._left = self._link.recv()
        self.begin()
        return self._steps > 0

    def _wait_for_device(self) -> None:
        """Until what was sent to the device is done."""
        if self._device == "cuda":
            torch.cuda.synchronize()
        elif self._device == "mps":
            torch.mps.synchronize()


class Memory:
    """The most memory that is held at once, from now on."""

    def __init__(self, device: str) -> None:
        self._device = device
        self._start = _resident()
        if device == "cuda":
            torch.cuda.reset_peak_memory_stats()

    def told(self) -> dict[str, Any]:
        """Bytes: `peak` of all, `above_start` what came since, and how they were measured."""
        if self._device == "cuda":
            peak = torch.cuda.max_memory_allocated()
            return {"peak": peak, "above_start": peak, "method": "torch.cuda.max_memory_allocated"}
        peak, method = _peak()
        return {"peak": peak, "above_start": max(0, peak - self._start), "method": method}


def _resident() -> int:
    """Bytes of memory that this process holds now, or held at its peak where only that is known."""
    return _status("VmRSS") or _peak()[0]


def _peak() -> tuple[int, str]:
    """The most bytes that this process held, and who says so.

    Linux' `getrusage` tells the parent's peak of a process that was started from a large one; `VmHWM` does not.
    """
    if found := _status("VmHWM"):
        return found, "VmHWM of a process of its own"
    try:
        import resource  # noqa: PLC0415 - Windows has none
    except ModuleNotFoundError:
        return 0, "not measured here"
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit, "getrusage of a process of its own"


def _status(key: str) -> int:
    """A line of Linux' account of this process in bytes; 0 where there is none."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{key}:")), 0)
