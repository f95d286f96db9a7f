"""`netspec train`: train a spec on the data it names, with a line or a bar of progress, and tell what came of it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from netspec.cli.options import DEVICES, PRECISIONS, SPEC, plan_parts, set_option
from netspec.lang.constants import Constant
from netspec.text.shown import shown


@click.command()
@click.argument("spec", metavar="[SPEC]", required=False, type=SPEC)
@set_option
@click.option(
    "--runs",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("runs"),
    show_default=True,
    help="Where the run's folder is made.",
)
@click.option(
    "--resume",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="RUN",
    help="Go on with this run where it was cut.",
)
@click.option(
    "--weights",
    type=click.Path(path_type=Path),
    metavar="FILE|RUN",
    help="Start from what fits of these weights.",
)
@click.option("--device", type=click.Choice(DEVICES), help="Replace the recipe's device.")
@click.option(
    "--plan",
    "pins",
    metavar="auto|none|PART=VALUE",
    multiple=True,
    callback=plan_parts,
    help="Measure how to run the steps, or pin a part: memory_format, compile, threads, workers; repeatable.",
)
@click.option("--precision", type=click.Choice(PRECISIONS), help="Replace the recipe's precision.")
@click.option("--replan", is_flag=True, help="Measure the plan anew instead of using kept times.")
def train(
    spec: Path | None,
    define: dict[str, Constant],
    runs: Path,
    resume: Path | None,
    weights: Path | None,
    device: str | None,
    pins: dict[str, object],
    precision: str | None,
    replan: bool,  # noqa: FBT001 - click hands flags over by name
) -> int:
    """Train SPEC on its data and keep everything in a new folder of its own.

    The data is checked against what the spec declares before the first step. Ctrl+C ends a run after the step it is
    in, and a kill loses half a minute at the most: `netspec train --resume RUN` goes on, on a CPU to the very same
    weights. With `--plan auto` the steps are first run in several ways for some seconds, and the fastest is taken.
    `--weights` starts from another network's: what fits is told before the first step, and kept with the run.
    """
    from netspec.cli.progress import watching
    from netspec.cli.results import told
    from netspec.cli.runs import run_spec, trainer
    from netspec.front import load
    from netspec.text.render import render_all

    if spec is not None:
        checked = load(spec, define)
    elif resume is not None:
        checked = run_spec(resume, define)
    else:
        raise click.UsageError("Missing argument 'SPEC': name a spec, or a run with `--resume`.")
    if resume is not None and weights is not None:
        raise click.UsageError(
            "A run goes on with its own weights: give `--resume` or `--weights`, not both."
        )
    if checked.diagnostics:
        color = sys.stderr.isatty() and "NO_COLOR" not in os.environ
        click.echo(render_all(checked.diagnostics, color=color), err=True)
    backend = trainer()
    with watching() as watcher:
        result = backend.fit(
            checked,
            runs=runs,
            resume=resume,
            device=device,
            watcher=watcher,
            pins=pins if precision is None else {**pins, "precision": precision},
            replan=replan,
            weights=weights,
        )
    click.echo(told(result.report))
    place = shown(click.format_filename(result.folder))
    if result.report.get("stopped") == "interrupted":
        click.echo(f"stopped; to go on: netspec train --resume {place}")
        return 130
    click.echo(f"run: {place} ({result.seconds:.0f} s)")
    return 0
