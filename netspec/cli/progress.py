"""How a run shows on the terminal: a bar where there is one, else one plain line an epoch."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from netspec.backend import Watcher
from netspec.cli.planned import plan_table
from netspec.text.shown import shown

_EVERY = 20.0  # seconds between lines of a log while data is read


class Lines(Watcher):
    """One line an epoch, and now and then one while data is read."""

    def __init__(self) -> None:
        self._told = time.monotonic()
        self._planning = False

    def reading(self, done: int, total: int, what: str) -> None:
        """A line every twenty seconds."""
        if time.monotonic() - self._told > _EVERY:
            self._told = time.monotonic()
            click.echo(f"{what}: {done} of {total}", err=True)

    def planning(self, what: str) -> None:
        """A line before the first way that is tried."""
        del what
        if not self._planning:
            self._planning = True
            self.say("measuring how to run the steps here")

    def planned(self, record: Mapping[str, Any]) -> None:
        """The table of what was tried."""
        self.say(plan_table(record))

    def moved(self, differences: Sequence[str]) -> None:
        """How this machine differs from that of the plan."""
        if differences:
            self.say(
                "the run began on another machine, and its plan is kept: "
                + "; ".join(map(shown, differences))
            )

    def started(self, lines: Sequence[str]) -> None:
        """What became of the weights of a file."""
        self.say("\n".join(lines))

    def say(self, text: str) -> None:
        """Print a text."""
        click.echo(text, err=True)

    def begin(self, folder: Path, step: int, steps: int, device: str) -> None:
        """Where the run is kept, and what it runs on."""
        click.echo(heading(folder, step, steps, device), err=True)

    def epoch(self, row: Mapping[str, float | int]) -> None:
        """The epoch's row."""
        click.echo(line(row), err=True)


class Bar(Lines):
    """A bar for the steps, with lines above it for the epochs that are done."""

    def __init__(self, bar: Any) -> None:
        super().__init__()
        self._bar = bar
        self._task: Any = None
        self._what = ""

    def reading(self, done: int, total: int, what: str) -> None:
        """Move the bar of the data."""
        self._move(done, total, what)

    def say(self, text: str) -> None:
        """Put a text above the bar."""
        self._bar.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def begin(self, folder: Path, step: int, steps: int, device: str) -> None:
        """Put the heading above the bar."""
        self._bar.console.print(heading(folder, step, steps, device), markup=False, highlight=False)
        self._move(step, steps, "training")

    def step(self, step: int, steps: int, loss: float) -> None:
        """Move the bar of the training."""
        self._move(step, steps, "training", f"loss {loss:.4g}")

    def epoch(self, row: Mapping[str, float | int]) -> None:
        """Put the epoch's row above the bar."""
        self._bar.console.print(line(row), markup=False, highlight=False, soft_wrap=True)

    def _move(self, done: int, total: int, what: str, note: str = "") -> None:
        if what != self._what:
            if self._task is not None:
                self._bar.remove_task(self._task)
            self._task, self._what = self._bar.add_task(what, total=total, note=""), what
        self._bar.update(self._task, completed=done, total=total, note=note)


def heading(folder: Path, step: int, steps: int, device: str) -> str:
    """What a run says first."""
    begun = f"from step {step:,} of {steps:,}" if step else f"{steps:,} steps"
    return f"training on {device}, {begun}; run: {shown(click.format_filename(folder))}"


def line(row: Mapping[str, float | int]) -> str:
    """One epoch for a person."""
    rest = "  ".join(f"{name} {value:.4g}" for name, value in row.items() if name not in ("epoch", "step"))
    return f"epoch {row['epoch']}  step {row['step']}  {shown(rest)}"


@contextmanager
def watching() -> Iterator[Watcher]:
    """A bar on the standard error where that is a terminal and rich is installed, else plain lines."""
    try:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
    except ModuleNotFoundError:
        yield Lines()
        return
    console = Console(stderr=True)
    if not console.is_terminal:
        yield Lines()
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        yield Bar(bar)
