"""`netspec verify`: prove a model, its gradients and its update against the NumPy reference."""

from __future__ import annotations

import json
import os
import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netspec.cli.options import format_option, set_option, spec_argument
from netspec.cli.progress import watching
from netspec.front import load
from netspec.lang.constants import Constant

if TYPE_CHECKING:
    from netspec.proof import Proof, Row
    from netspec.recipe.pace import Pace
    from netspec.recipe.spec import Spec

STEPS_PER_EPOCH = 100
"""How many steps an epoch has where only the data could tell: it decides where a schedule measured in epochs stands."""


def _modes(context: click.Context, parameter: click.Parameter, text: str | None) -> tuple[str, ...]:
    """The modes asked for; a usage error where there is none of that name."""
    from netspec.backend import needing

    with needing("torch"):
        from netspec.proof.modes import MODES, QUICK

    if text is None:
        return QUICK
    asked = [one.strip() for one in text.split(",") if one.strip()]
    if asked == ["all"]:
        return tuple(MODES)
    for one in asked:
        if one not in MODES:
            raise click.BadParameter(f"`{one}` is none of {', '.join(MODES)}", context, parameter)
    if not asked:
        raise click.BadParameter(f"name one of {', '.join(MODES)}", context, parameter)
    return tuple(mode for mode in MODES if mode in asked)


def _documents(
    context: click.Context, parameter: click.Parameter, files: tuple[Path, ...]
) -> tuple[Path, ...]:
    """Files for certificates; a usage error where one has another ending."""
    for file in files:
        if file.suffix not in (".html", ".txt"):
            raise click.BadParameter(
                f"`{click.format_filename(file)}` ends neither with .html nor with .txt", context, parameter
            )
    return files


@click.command()
@spec_argument
@set_option
@format_option("text", "json")
@click.option(
    "--batch", type=click.IntRange(1, 4096), default=2, show_default=True, help="How many samples to draw."
)
@click.option(
    "--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True, help="Which numbers to draw."
)
@click.option(
    "--steps",
    type=click.IntRange(1, 1000),
    default=3,
    show_default=True,
    help="How many steps of the declared training to take.",
)
@click.option(
    "--modes",
    callback=_modes,
    metavar="MODE,...",
    help="What to prove: float64, float32, bf16, channels_last, compile, cuda, or all. Left out: the first four.",
)
@click.option(
    "--backend", metavar="NAME", default="torch", show_default=True, help="Which backend is to be proved."
)
@click.option(
    "--certificate",
    "certificates",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False),
    callback=_documents,
    metavar="FILE",
    help="Write what was proved, and with what, into FILE.html or FILE.txt; repeatable.",
)
@click.option("--all", "every", is_flag=True, help="Print every tensor, not only the worst of each kind.")
def verify(
    spec: Any,
    define: dict[str, Constant],
    form: str,
    batch: int,
    seed: int,
    steps: int,
    modes: tuple[str, ...],
    backend: str,
    certificates: tuple[Path, ...],
    *,
    every: bool,
) -> int:
    """Run SPEC's model on random numbers in a backend, PyTorch's, and in the NumPy reference, and compare.

    In float64: every layer's values, the gradient of every parameter and input, running statistics, and steps of the
    declared training; the reference's own gradient is held against the slope of the loss. In the other modes (float32,
    bf16 autocast, channels_last, torch.compile, CUDA) every layer by itself, on the reference's inputs; the drift from
    end to end is told, not judged. What may differ is derived from rounding. Progress goes to the standard error; exit
    status 1 where something differs by more than it may.
    """
    from netspec.backend import find, needing
    from netspec.cli.output import replace

    with needing("torch" if backend == "torch" else "numpy"):
        from netspec.proof import verify as prove
        from netspec.proof.certificate import certificate, circumstances, html, text
        from netspec.recipe.descent import descent

    started = time.perf_counter()
    checked = load(spec, define)
    training = checked.training
    with watching() as watcher:
        proof = prove(
            checked.graph,
            descent(training, checked.graph) if training else None,
            group=checked.group.graph if checked.group else None,
            seed=seed,
            batch=batch,
            paces=_paces(checked, steps),
            modes=modes,
            candidate=backend,
            watch=watcher.reading,
        )
    seconds = time.perf_counter() - started
    options = {"seed": seed, "batch": batch, "steps": steps, "modes": ",".join(modes), "backend": backend}
    command = _command(spec, define, options)
    made = circumstances(find(backend), command=command, seconds=seconds)
    for file in certificates:
        document = certificate(checked, proof, made)
        replace(file, (html if file.suffix == ".html" else text)(document))
    if form == "json":
        head = {"name": checked.name, "digest": checked.digest, "made": made.as_json()}
        click.echo(json.dumps({**head, **proof.as_json()}, indent=2))
    else:
        click.echo(_report(checked, proof, every=every, seconds=seconds))
        if proof.diverging:
            from netspec.text.render import render_all

            color = sys.stderr.isatty() and "NO_COLOR" not in os.environ
            click.echo(render_all(proof.diverging, color=color), err=True)
    return 0 if proof.ok else 1


def _command(spec: Path, define: dict[str, Constant], options: dict[str, object]) -> str:
    """The line that repeats a proof."""
    parts = ["netspec", "verify", spec.name]
    for name, value in define.items():
        parts += ["--set", f"{name}={json.dumps(value)}"]
    for name, given in options.items():
        parts += [f"--{name}", str(given)]
    return shlex.join(parts)


def _paces(spec: Spec, count: int) -> tuple[Pace, ...]:
    """What the declared schedule makes of the first steps; behind the last one it stays as it was."""
    from netspec.recipe.pace import STEADY
    from netspec.recipe.schedule import paces

    training = spec.training
    if training is None:
        return (STEADY,) * count
    steps = training.steps or (training.epochs or 1) * STEPS_PER_EPOCH
    pace = paces(training.schedule, steps, STEPS_PER_EPOCH)
    return tuple(pace(min(step, steps - 1)) for step in range(count))


def _report(spec: Spec, proof: Proof, *, every: bool, seconds: float) -> str:
    """The table for a person, and the verdict."""
    from netspec.proof import KINDS

    header = (
        "mode",
        "compared",
        "in",
        "tensors",
        "largest difference at",
        "difference",
        "relative",
        "tolerance",
    )
    rows: list[tuple[str, ...]] = [header]
    if every:
        rows += [(row.way, row.what, row.mode, "", *_numbers(row)) for row in proof.rows]
    else:
        for way, what, mode, count, worst in proof.worst():
            rows.append((way, what, mode, str(count), *_numbers(worst)))
            wrong = [
                row
                for row in proof.rows
                if (row.way, row.what, row.mode) == (way, what, mode) and not row.ok and row is not worst
            ]
            rows += [("", "", "", "", *_numbers(row)) for row in wrong]
    sizes = ", ".join(f"{letter} = {size}" for letter, size in proof.sizes.items())
    kinds = [what for what in KINDS if any(row.what == what for row in proof.rows)]
    lines = [*_columns(rows), "", *(f"{what}: {KINDS[what]}" for what in kinds), ""]
    if proof.drift:
        lines += ["From end to end, told and not judged:", *_columns(_drift(proof)), ""]
    lines += [f"not run: {one.mode}: {one.why}" for one in proof.missing]
    lines += [f"note: {one}" for one in proof.notes]
    verdict = "agree" if proof.ok else "DIFFER"
    modes = ", ".join(dict.fromkeys(row.way for row in proof.rows))
    lines.append(
        f"{spec.name}: {proof.candidate} and {proof.reference} {verdict} in {modes} on {len(proof.rows)} tensors "
        f"({sizes}; seed {proof.seed}; {seconds:.1f} s)"
    )
    return "\n".join(lines)


def _drift(proof: Proof) -> list[tuple[str, ...]]:
    """The drift of every mode as a table."""
    rows: list[tuple[str, ...]] = [("mode", "of", "in", "tensor", "cosine", "relative distance")]
    for one in proof.drift:
        cosine = "-" if one.cosine is None else f"{one.cosine:.6f}"
        relative = "-" if one.relative is None else f"{one.relative:.1e}"
        rows.append((one.way, one.what, one.mode, one.where, cosine, relative))
    return rows


def _numbers(row: Row) -> tuple[str, ...]:
    """Where the largest difference of a row is, and how large."""
    place = f" {list(row.place)}" if row.place else ""
    mark = "" if row.ok else "  <-- differs"
    return (
        f"{row.where}{place}",
        f"{row.difference:.1e}",
        "-" if row.relative is None else f"{row.relative:.0e}",
        f"{row.tolerance:.1e}{mark}",
    )


def _columns(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Rows of text under one another, with a line under the first."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
    return [lines[0], "-" * max(map(len, lines)), *lines[1:]]
