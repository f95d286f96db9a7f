"""The folder of a run: the exact spec, what it ran on, its log, its checkpoints and its results; no patient's name."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from netspec.text import SpecError
from netspec.text.shown import shown
from netspec_torch.train.checkpoint import write_bytes


@dataclass(frozen=True)
class RunFolder:
    """Where the files of one run are."""

    path: Path

    @property
    def checkpoints(self) -> Path:
        """The folder of checkpoints."""
        return self.path / "checkpoints"

    @property
    def last(self) -> Path:
        """The checkpoint to go on from."""
        return self.checkpoints / "last.ckpt"

    @property
    def best(self) -> Path:
        """The checkpoint that was best by the watched metric."""
        return self.checkpoints / "best.ckpt"

    @property
    def log(self) -> Path:
        """One row an epoch."""
        return self.path / "metrics.csv"

    def write_json(self, name: str, content: Mapping[str, Any]) -> None:
        """Write one of the records, at once."""
        text = json.dumps(content, indent=2, default=str)
        write_bytes(self.path / name, (text + "\n").encode())

    def read_json(self, name: str) -> dict[str, Any]:
        """Read one of the records; SpecError NS644 where it is not there or is none."""
        try:
            content = json.loads((self.path / name).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as trouble:
            raise not_a_run(self.path) from trouble
        if not isinstance(content, dict):
            raise not_a_run(self.path)
        return content

    def start_log(self, columns: Sequence[str], rows: int) -> None:
        """Begin the log, or go on behind its first `rows` rows: what was written after the checkpoint comes again."""
        lines: list[str] = []
        if rows and self.log.exists():
            lines = self.log.read_text(encoding="utf-8").splitlines(keepends=True)[: rows + 1]
        write_bytes(self.log, ("".join(lines) or _line(columns)).encode())

    def append_log(self, row: Mapping[str, float | int]) -> None:
        """Add one row."""
        with self.log.open("a", encoding="utf-8", newline="") as file:
            file.write(_line([repr(value) for value in row.values()]))


def _line(cells: Sequence[str]) -> str:
    """One line of CSV."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()


def not_a_run(path: Path) -> SpecError:
    """The error for a folder that holds no run."""
    return SpecError.of(
        "NS644",
        f"`{shown(str(path))}` is not the folder of a run",
        help="name a folder that `netspec train` made, as `runs/<name>-<date>-<time>-<mark>`",
    )


def new_run(runs: Path, name: str, digest: str) -> RunFolder:
    """A new folder `<name>-<date>-<time>-<mark>`; one that is there already is never touched. SpecError NS641."""
    title = re.sub(r"[^\w.-]+", "-", name).strip("._-")[:64] or "model"  # never a path, whoever made the spec
    stem = f"{title}-{datetime.now():%Y%m%d-%H%M%S}-{digest[:6]}"  # noqa: DTZ005 - the user's own clock names it
    try:
        runs.mkdir(parents=True, exist_ok=True)
        for mark in ("", *(f"-{i}" for i in range(2, 1000))):
            path = runs / (stem + mark)
            try:
                path.mkdir()
            except FileExistsError:
                continue
            (path / "checkpoints").mkdir()
            return RunFolder(path)
    except OSError as trouble:
        raise SpecError.of(
            "NS641",
            f"no run folder can be made in `{shown(str(runs))}`: {trouble.strerror or 'the disk refuses'}",
            help="choose another place with `--runs`",
        ) from trouble
    raise SpecError.of("NS641", f"`{shown(stem)}` is there a thousand times", help="wait a second")


def new_salt() -> str:
    """A salt for pseudonyms that is written nowhere: nobody can find out who a pseudonym is, a later run included."""
    return secrets.token_hex(16)


def relative_project(run: Path, project: Path) -> str | None:
    """The way from a run to the project's folder where that is above it, so that no path of the machine is written."""
    run, project = run.resolve(), project.resolve()
    return os.path.relpath(project, run) if run.is_relative_to(project) else None
