"""`netspec evaluate`: measure a trained run, on its own data or on other data, against what needs no image."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netspec.cli.options import format_option, set_option
from netspec.lang.constants import Constant
from netspec.text import SpecError
from netspec.text.shown import shown

if TYPE_CHECKING:
    from netspec.recipe.spec import Spec

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
@click.option(
    "--device", type=click.Choice(("auto", "cpu", "cuda", "mps")), help="Replace the recipe's device."
)
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
    from netspec.cli.train import trainer

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


def run_spec(run: Path, define: dict[str, Constant]) -> Spec:
    """The spec of a run, with its own constants and then `define`'s. SpecError NS644 for a folder that holds no run."""
    from netspec.lang.load import check_source, project_folder
    from netspec.lang.yaml import open_source

    record = _record(run)
    project = record.get("project")
    folder = (
        (run / project).resolve() if isinstance(project, str) else project_folder(Path.cwd() / "spec.yaml")
    )
    source = open_source(run / "spec.yaml")
    plain, _ = check_source(source, folder)
    told = {name: _constant(value) for name, value in dict(record.get("define") or {}).items()}
    if plain is not None:  # what follows from other constants is left to follow from them
        told = {name: value for name, value in told.items() if plain.define.get(name) != value}
    spec, diagnostics = check_source(source, folder, {**told, **define})
    if spec is None:
        raise SpecError(diagnostics)
    return spec


def _record(run: Path) -> dict[str, Any]:
    """What a run tells of itself."""
    try:
        record = json.loads((run / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        record = None
    if not isinstance(record, dict):
        raise SpecError.of(
            "NS644",
            f"`{shown(click.format_filename(run))}` is not the folder of a run",
            help="name a folder that `netspec train` made, as `runs/<name>-<date>-<time>-<mark>`",
        )
    return record


def _constant(value: Any) -> Any:
    """A constant as it was before it was JSON."""
    return tuple(_constant(one) for one in value) if isinstance(value, list) else value
