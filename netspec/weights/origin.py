"""Where weights come from: what a file lists, and the spec that they were trained with, where that is known."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from netspec.front import check_kept, load, project_folder
from netspec.lang.constants import Constant
from netspec.lang.packed import constant
from netspec.lang.yaml import open_source
from netspec.recipe.packed import KEY
from netspec.recipe.spec import Spec
from netspec.text import SpecError
from netspec.text.shown import shown
from netspec.weights.header import begins, read_header
from netspec.weights.layers import Shape


@dataclass(frozen=True)
class Listing:
    """What a file lists: the shapes of its tensors by name, whether in their network's order, and words besides."""

    shapes: Mapping[str, Shape]
    ordered: bool = True
    metadata: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def listing(path: Path) -> Listing | None:
    """The list of a safetensors file, which is read without any framework; None for what is no such file.

    SpecError NS760 to NS764 for a file that is one and cannot be trusted.
    """
    if path.exists() and not path.is_file():
        return None
    try:
        with path.open("rb") as file:
            start = file.read(9)
            if not begins(start):
                return None
            file.seek(0)
            header = read_header(file, path.stat().st_size, shown(path.name))
    except OSError as trouble:
        why = (trouble.strerror or "the disk refuses").lower()
        raise SpecError.of(
            "NS760",
            f"`{shown(path.name)}` cannot be read: {why}",
            help="name a file of weights, or the folder of a run",
        ) from trouble
    return Listing(
        {key: one.shape for key, one in header.tensors.items()}, ordered=False, metadata=header.metadata
    )


def spec_behind(path: Path, metadata: Mapping[str, str]) -> tuple[Spec | None, str]:
    """The spec that weights were trained with: that of a run, or one that the file holds (`metadata` are its words).

    With a note where there is one that cannot be read.
    """
    run = next((one for one in (path, path.parent, path.parent.parent) if (one / "run.json").is_file()), None)
    if run is None and KEY not in metadata:
        return None, ""
    try:
        return (spec_of_run(run, {}) if run is not None else load(path)), ""
    except SpecError as trouble:
        code = trouble.diagnostics[0].code
        return None, f"the spec of the weights cannot be read ({code}): names and structure decide"


def spec_of_run(run: Path, define: Mapping[str, Constant]) -> Spec:
    """The spec of a run, with its own constants and then `define`'s. SpecError NS644 for a folder that holds no run."""
    record = _record(run)
    project = record.get("project")
    folder = (
        (run / project).resolve() if isinstance(project, str) else project_folder(Path.cwd() / "spec.yaml")
    )
    source = open_source(run / "spec.yaml")
    told = {name: constant(value) for name, value in dict(record.get("define") or {}).items()}
    spec, diagnostics = check_kept(source, folder, _files(record.get("files")), told, define, beside=run)
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
            f"`{shown(str(run))}` is not the folder of a run",
            help="name a folder that `netspec train` made, as `runs/<name>-<date>-<time>-<mark>`",
        )
    return record


def _files(told: Any) -> dict[str, str]:
    """The texts of the files that the spec extends and includes, as the run has kept them: none is opened."""
    texts = told if isinstance(told, dict) else {}
    return {path: text for path, text in texts.items() if isinstance(path, str) and isinstance(text, str)}
