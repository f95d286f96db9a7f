"""`netspec evaluate`: measure a trained run, on its own data or on other data, against what needs no image."""

from __future__ import annotations

import json
from pathlib import Path

import click

from netspec.cli.options import DEVICES, format_option, set_option
from netspec.lang.constants import Constant

SPLITS = ("validation", "test", "train", "all")


@click.command()
@click.argument("run", metavar="RUN", type=click.Path(file_okay=False, path_type=Path))
@set_option
@click.option(
    "--split", type=click.Choice(SPLITS), default="validation", show_default=True, help="What to measure."
)
@click.option(
    "--checkpoint", type=click.Choice(("best", "last")), default="best", show_default=True,
    help="Which weights.",
)  # fmt: skip
@click.option(
    "--baselines", is_flag=True, help="Add age and sex as a baseline, errors of the median, and calibration."
)
@click.option("--device", type=click.Choice(DEVICES), help="Replace the recipe's device.")
@format_option("text", "json")
def evaluate(
    run: Path,
    define: dict[str, Constant],
    split: str,
    checkpoint: str,
    baselines: bool,  # noqa: FBT001 - a flag of the command line
    device: str | None,
    form: str,
) -> int:
    """Measure the trained RUN.

    With `--set` another constant of the spec is put in its place, so that `--set root=data/other --split all` measures
    the run on other patients; the baselines are always made of the patients it was trained on.
    """
    from netspec.cli.progress import watching
    from netspec.cli.results import told
    from netspec.cli.runs import run_spec, trainer

    trained = run_spec(run, {})
    measured = run_spec(run, define) if define else trained
    backend = trainer()
    with watching() as watcher:
        report = backend.evaluate(
            measured,
            run,
            trained=trained,
            split=split,
            checkpoint=checkpoint,
            device=device,
            baselines=baselines,
            watcher=watcher,
        )
    click.echo(json.dumps(report, indent=2) if form == "json" else told(report))
    return 0
