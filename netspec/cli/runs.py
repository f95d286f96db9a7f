"""What `train` and `evaluate` share: the spec that a run folder holds, and the backend that trains."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netspec.lang.constants import Constant
from netspec.text import SpecError
from netspec.text.shown import shown

if TYPE_CHECKING:
    from netspec.backend import Trainer
    from netspec.recipe.spec import Spec


def trainer() -> Trainer:
    """The backend that trains; SpecError where its packages are missing."""
    from netspec.backend import Trainer, find

    backend = find("torch")
    if not isinstance(backend, Trainer):
        raise SpecError.of("NS649", "the torch backend found here cannot train", help="update netspec")
    return backend


def run_spec(run: Path, define: dict[str, Constant]) -> Spec:
    """The spec of a run, with its own constants and then `define`'s. SpecError NS644 for a folder that holds no run."""
    from netspec.front import check_source, project_folder
    from netspec.lang.yaml import open_source

    record = _record(run)
    project = record.get("project")
    folder = (
        (run / project).resolve() if isinstance(project, str) else project_folder(Path.cwd() / "spec.yaml")
    )
    source = open_source(run / "spec.yaml")
    files = _files(record.get("files"))
    plain, _ = check_source(source, folder, beside=run, files=files)
    told = {name: _constant(value) for name, value in dict(record.get("define") or {}).items()}
    if plain is not None:  # what follows from other constants is left to follow from them
        told = {name: value for name, value in told.items() if plain.define.get(name) != value}
    spec, diagnostics = check_source(source, folder, {**told, **define}, beside=run, files=files)
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


def _files(told: Any) -> dict[str, str]:
    """The texts of the files that the spec extends and includes, as the run has kept them: none is opened."""
    texts = told if isinstance(told, dict) else {}
    return {path: text for path, text in texts.items() if isinstance(path, str) and isinstance(text, str)}


def _constant(value: Any) -> Any:
    """A constant as it was before it was JSON."""
    return tuple(_constant(one) for one in value) if isinstance(value, list) else value
