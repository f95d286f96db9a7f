"""`netspec phantom`: write beating hearts of exactly known volume as DICOM files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from netspec.text.shown import shown

if TYPE_CHECKING:
    from netspec.data.phantom.collection import Progress

# Written out here so that `--help` needs no array library; a test holds them equal to what the phantom knows.
SIZES = ("tiny", "small")
DEFECTS = ("duplicate_slice", "missing_slice", "truncated_file", "foreign_file")

_MOST_WORKERS = 4


@click.command()
@click.argument("directory", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--size", type=click.Choice(SIZES), default="small", show_default=True, help="tiny is for tests."
)
@click.option(
    "--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Same seed, same files."
)
@click.option("--patients", type=click.IntRange(min=1), help="How many; by default 12 (tiny) or 120 (small).")
@click.option(
    "--split", default="train", show_default=True, help="Name of the folder and of the table of labels."
)
@click.option(
    "--defect", "defects", type=click.Choice(DEFECTS), multiple=True, help="A fault to put in; repeatable."
)
def phantom(
    directory: Path,
    size: Literal["tiny", "small"],
    seed: int,
    patients: int | None,
    split: str,
    defects: tuple[str, ...],
) -> None:
    """Write a phantom of beating hearts under DIR.

    The files are DICOM in the layout of the 2015/16 Data Science Bowl, the labels a table `Id,Systole,Diastole`, and
    everything that is true of them stands in `truth.json`. A phantom that is already there is recognised and left as
    it is; anything else in the way is refused.
    """
    from netspec.backend import needing

    with needing("dicom"):
        from netspec.data.phantom import Truth, generate

    workers = 1 if size == "tiny" else min(_MOST_WORKERS, _processors())
    there = Truth.path(directory, split).exists()
    with _bar() as progress:
        truth = generate(directory, size, seed, patients, defects, split, progress, workers=workers)
    place = shown(click.format_filename(directory))
    did = "already holds" if there else "now holds"
    count = len(truth.patients)
    what = f"{count} {'patient' if count == 1 else 'patients'} in {truth.files:,} files, {truth.bytes / 1e6:,.1f} MB"
    click.echo(f"{place} {did} {what}")
    click.echo(f"next: netspec train SPEC, with `root: {place}` and `labels: {split}.csv` in the spec's data")


@contextmanager
def _bar() -> Iterator[Progress | None]:
    """A progress bar on the standard error where that is a terminal, and rich is installed."""
    try:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
    except ModuleNotFoundError:
        yield None
        return
    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    columns = (
        TextColumn("phantom"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("studies"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("phantom", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _processors() -> int:
    """Processors this process may use, where the system tells."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1
