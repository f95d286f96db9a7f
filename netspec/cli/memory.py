"""What `show --memory` prints: what a training step holds, layer by layer, and how large a batch would fit."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netspec.backend import Foreteller, find
from netspec.ir.graph import Graph
from netspec.lang.constants import Constant
from netspec.passes.demands import letters
from netspec.passes.refusals import refusals
from netspec.passes.rows import most_rows
from netspec.passes.sizes import BATCH_SIZE, legal_sizes
from netspec.recipe.spec import Spec
from netspec.text import Severity, SpecError
from netspec.text.amount import in_bytes
from netspec.text.render import render_all

if TYPE_CHECKING:
    from netspec.backend import Measured, Memory

UNITS = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_ROOM = re.compile(r"(\d{1,12}(?:\.\d{1,6})?) ?(B|kB|MB|GB|KiB|MiB|GiB)")
LARGEST_BATCH = 2**24

PARTS = (
    ("parameters", "parameters"),
    ("buffers", "buffers"),
    ("gradients", "gradients"),
    ("optimizer", "what the optimizer remembers"),
    ("average", "the averages of the weights"),
    ("given", "inputs, targets and outputs"),
    ("kept", "kept for gradients"),
    ("again", "recomputed, at most"),
    ("moving", "gradients under way, at most"),
    ("total", "in all"),
)
"""What a step holds, and what that is called."""


@dataclass(frozen=True)
class Asked:
    """What the command line asks for: the batch, the room it is to fit in, and whether to measure."""

    batch: int | None
    fits: str | None
    measure: bool


def room_option(context: click.Context, parameter: click.Parameter, text: str | None) -> str | None:
    """A size such as `8GiB`, `machine`, or `cuda`; a usage error for anything else."""
    if text is None or text in ("machine", "cuda") or _ROOM.fullmatch(text):
        return text
    raise click.BadParameter(
        f"`{text[:40]}` is no size such as `8GiB`, and neither `machine` nor `cuda`", context, parameter
    )


def tell(
    spec: Spec, path: Path, define: Mapping[str, Constant], sizes: Mapping[str, int], asked: Asked, form: str
) -> None:
    """Print what a step of a spec holds."""
    if asked.batch is not None and sizes.get(BATCH_SIZE, asked.batch) != asked.batch:
        raise click.UsageError(
            f"`--batch {asked.batch}` and `--sizes {BATCH_SIZE}={sizes[BATCH_SIZE]}` are two batches; give one of them."
        )
    backend = find("torch")
    if not isinstance(backend, Foreteller):
        raise SpecError.of(
            "NS736", "the torch backend found here tells nothing of memory", help="update netspec"
        )
    training = spec.training
    batch = asked.batch or sizes.get(BATCH_SIZE) or (training.batch_size if training else 1)
    given = {**sizes, BATCH_SIZE: batch}
    _complete(spec.graph, given)
    whole = _with_rows(spec.graph, given)
    found = backend.memory(spec, whole)
    fitting = None
    if asked.fits is not None:
        room = _room(asked.fits, backend)
        fitting = (room, _largest(spec, given, backend, room))
    measured = backend.weigh(path, define, whole) if asked.measure else None
    if form == "json":
        click.echo(json.dumps(_data(spec, given, found, fitting, measured), indent=2))
        return
    click.echo("\n".join(_lines(spec, given, found, fitting, measured)))


def _complete(graph: Graph, sizes: Mapping[str, int]) -> None:
    """SpecError where a letter has no size, or where a layer refuses one; a warning where only training would."""
    missing = [one for one in letters(graph) if one not in sizes]
    if missing:
        known = {one.letter: one.alone.least for one in legal_sizes(graph)}
        example = ",".join(f"{one}={known.get(one) or 64}" for one in missing)
        listed = " and ".join(f"`{one}`" for one in missing)
        has = "has no size" if len(missing) == 1 else "have no sizes"
        raise SpecError.of(
            "NS675",
            f"{listed} {has}, and what a step holds depends on {'it' if len(missing) == 1 else 'them'}",
            help=f"say how large, as `--sizes {example}`",
        )
    about = set(letters(graph))
    found = refusals(
        graph, {letter: size for letter, size in sizes.items() if letter in about or letter != BATCH_SIZE}
    )
    if any(one.severity is Severity.ERROR for one in found):
        raise SpecError(found)
    if found:
        click.echo(render_all(found, color=sys.stderr.isatty()), err=True)


def _with_rows(graph: Graph, sizes: Mapping[str, int]) -> dict[str, int]:
    """The sizes, and the most rows that masks may keep."""
    return {**sizes, **{letter: most.evaluate(sizes) for letter, most in most_rows(graph).items()}}


def _room(text: str, backend: Foreteller) -> int:
    """The bytes that are asked for; SpecError NS675 where the machine does not say what is free."""
    if text == "cuda":
        return backend.room()
    if text == "machine":
        return _free()
    found = _ROOM.fullmatch(text)
    assert found is not None  # the option was checked
    return int(float(found[1]) * UNITS[found[2]])


def _free() -> int:
    """Bytes of memory that are free on this machine."""
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    raise SpecError.of(
        "NS675", "this machine does not say how much memory is free", help="say it, as `--fits 8GiB`"
    )


def _largest(spec: Spec, sizes: Mapping[str, int], backend: Foreteller, room: int) -> int:
    """The largest batch whose step holds no more than `room`; 0 where not even one sample fits."""

    def total(batch: int) -> int:
        return backend.memory(spec, _with_rows(spec.graph, {**sizes, BATCH_SIZE: batch})).total

    low, high = 0, 1
    while high <= LARGEST_BATCH and total(high) <= room:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if total(middle) <= room else (low, middle)
    return low


def _data(
    spec: Spec,
    sizes: Mapping[str, int],
    found: Memory,
    fitting: tuple[int, int] | None,
    measured: Measured | None,
) -> dict[str, object]:
    """All of it as plain data, in bytes."""
    training = spec.training
    told: dict[str, Any] = {
        "name": spec.name,
        "batch": sizes[BATCH_SIZE],
        "sizes": {letter: size for letter, size in sizes.items() if letter != BATCH_SIZE},
        "optimizer": training.optimizer.name if training else None,
        "bytes": {part: getattr(found, part) for part, _ in PARTS},
        "layers": [{"name": path, "kept": size} for path, size in found.saved.items()],
        "at_most": bool(most_rows(spec.graph)),
        "unknown": dict(found.unknown),
    }
    if fitting is not None:
        told["fits"] = {"room": fitting[0], "batch": fitting[1]}
    if measured is not None:
        told["measured"] = {
            "kept": measured.kept,
            "gradients": measured.gradients,
            "optimizer": measured.optimizer,
            "peak": measured.peak,
            "before": measured.before,
        }
    return told


def _lines(
    spec: Spec,
    sizes: Mapping[str, int],
    found: Memory,
    fitting: tuple[int, int] | None,
    measured: Measured | None,
) -> list[str]:
    """The table for a person."""
    rows = [("layer", "kept for gradients")]
    rows += [(path, in_bytes(size)) for path, size in found.saved.items() if size]
    rows.append(("", ""))
    parts = [
        (called, in_bytes(size))
        for part, called in PARTS
        if (size := getattr(found, part)) or part == "total"
    ]
    first = max(len(row[0]) for row in (*rows, *parts))
    second = max(len(row[1]) for row in (*rows, *parts))
    lines = [f"{left:{first}}  {right:>{second}}".rstrip() for left, right in (*rows, *parts)]
    lines.insert(1, "-" * (first + second + 2))
    lines.append("")
    others = ", ".join(f"{letter} = {size}" for letter, size in sizes.items() if letter != BATCH_SIZE)
    at = f" at {others}" if others else ""
    lines.append(
        f"{spec.name}: a step of batches of {sizes[BATCH_SIZE]}{at} holds {in_bytes(found.total)} in float32"
    )
    lines += _remarks(spec, found)
    if fitting is not None:
        room, batch = fitting
        fit = f"batches of {batch:,} fit" if batch else "not even a batch of one sample fits"
        more = "; they are not looked for any further" if batch > LARGEST_BATCH // 2 else ""
        lines.append(f"in {in_bytes(room)} {fit}, if nothing else needs it{more}")
    if measured is not None:
        share = f" ({found.kept / measured.kept:.3f} of it was told)" if measured.kept else ""
        lines += [
            f"measured: {in_bytes(measured.kept)} kept for gradients{share}",
            f"measured: {in_bytes(measured.gradients)} of gradients, {in_bytes(measured.optimizer)} in the optimizer",
            (
                f"measured: at most {in_bytes(measured.peak)} in the process, "
                f"{in_bytes(measured.before)} before the first step"
            ),
        ]
    return lines


def _remarks(spec: Spec, found: Memory) -> list[str]:
    """What the numbers do not hold."""
    said = []
    training = spec.training
    if training is None:
        said.append("without `training` no optimizer is known, and what it remembers is not counted")
    elif training.precision not in ("float32", "tf32"):
        said.append(
            f"with `precision: {training.precision}` much of what is kept takes half; `--measure` tells how much"
        )
    if training is not None and training.accumulate > 1:
        said.append(
            f"`accumulate: {training.accumulate}` adds gradients up, one batch after another: no more is held"
        )
    if not spec.graph.entry("loss"):
        said.append("without `loss` only the model is counted")
    if most_rows(spec.graph):
        said.append("masks leave rows out: this is the most, as if they held everywhere")
    for path, name in found.unknown.items():
        said.append(f"not counted: what `{path}` keeps by `{name}`, of which nothing is known here")
    return said
