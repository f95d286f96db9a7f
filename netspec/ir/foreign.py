"""What other packages bring by entry point: loaded kindly, and blamed by their names where they fail."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import EntryPoint, entry_points
from pathlib import PurePath
from typing import Any

from netspec.text import SpecError

OPS = "netspec.ops"
"""The group of ops; each stands under its own name, `vendor.op`: the dot says that it is another package's."""

BACKENDS = "netspec.backends"
"""The group of backends; ours are in it like all others."""

RULES = "netspec.rules"
"""The rules for ops of other packages are in the group `netspec.rules.<backend>`, each under the name of its op."""

OURS = frozenset({"netspec", "netspec_numpy", "netspec_onnx", "netspec_torch"})
"""The packages that this distribution brings."""


def group(called: str) -> tuple[EntryPoint, ...]:
    """The entry points of a group."""
    return tuple(entry_points(group=called))


def named(called: str, name: str) -> EntryPoint | None:
    """The entry point of a group that has this name; of several, the first that is found."""
    return next(iter(entry_points(group=called, name=name)), None)


def load(entry: EntryPoint, what: str) -> Any:
    """The object that an entry point names; SpecError NS704, with the name of its package, where it cannot be had."""
    try:
        return entry.load()
    except Exception as fault:
        raise SpecError.of(
            "NS704",
            f"{what} `{entry.name}` of {package(entry)} cannot be loaded: {told(fault)}",
            help=_cure(entry),
        ) from fault


def unfit(entry: EntryPoint, what: str, why: str) -> SpecError:
    """SpecError NS705: what was loaded is not what the group is for."""
    message = f"{what} `{entry.name}` of {package(entry)} {why}: `{entry.value}`"
    return SpecError.of("NS705", message, help=_cure(entry))


def package(entry: EntryPoint) -> str:
    """The distribution that an entry point stands in, with its version."""
    return f"`{entry.dist.name}` {entry.dist.version}" if entry.dist is not None else "another package"


def told(fault: BaseException) -> str:
    """An error of another's program in one line: its class, and the first line of what it says."""
    words = (str(fault).strip().splitlines() or [""])[0][:200]
    return f"{type(fault).__name__}: {words}" if words else type(fault).__name__


def blamed(fault: BaseException) -> str | None:
    """The package of others in whose code an error was raised, with the place: `acme` 1.0, at ops.py:17.

    None where no frame on the way is of a package that brings something to netspec.
    """
    known = {
        entry.module.partition(".")[0]: entry
        for entry in _entries()
        if entry.module.partition(".")[0] not in OURS
    }
    found = None
    trace = fault.__traceback__
    while trace is not None:
        frame = trace.tb_frame
        entry = known.get(str(frame.f_globals.get("__name__", "")).partition(".")[0])
        if entry is not None:
            found = f"{package(entry)}, at {PurePath(frame.f_code.co_filename).name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return found


def _entries() -> Iterator[EntryPoint]:
    """Every entry point of netspec's groups."""
    for called in entry_points().groups:
        if called in (OPS, BACKENDS) or called.startswith(f"{RULES}."):
            yield from group(called)


def _cure(entry: EntryPoint) -> str:
    """What to do about a package that does not work."""
    if entry.dist is None:
        return "update or uninstall the package that brings it"
    return f"update it, `pip install -U {entry.dist.name}`, or uninstall it"
