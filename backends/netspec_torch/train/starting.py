"""Start a training from the weights of a file or of another run, and keep with the run what was taken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from netspec.backend import Watcher
from netspec.recipe.spec import Spec
from netspec.text.shown import shown
from netspec_torch.train.folder import RunFolder
from netspec_torch.weights import digest
from netspec_torch.weights.put import load


@dataclass(frozen=True)
class Started:
    """What is known of the start: `told` goes to the run's own record, `report` into a file beside it."""

    told: Mapping[str, Any]
    report: Mapping[str, Any]

    def keep(self, folder: RunFolder) -> None:
        """Write both into the folder of a new run."""
        folder.write_json("weights.json", self.report)
        folder.write_json("run.json", {**folder.read_json("run.json"), "weights": self.told})


def start(model: nn.Module, spec: Spec, weights: Path | None, watcher: Watcher) -> Started | None:
    """Put what fits into a model that has first values, and tell the watcher. None where there are no weights.

    Of the file its name alone is kept, and its SHA-256. Raises SpecError NS760 to NS769.
    """
    if weights is None:
        return None
    mark = digest(weights)
    report = load(model, weights, spec=spec)
    watcher.started(list(report.lines()))
    told = {"file": shown(weights.resolve().name), "sha256": mark, "counts": report.counts}
    return Started(told, report.as_json())
