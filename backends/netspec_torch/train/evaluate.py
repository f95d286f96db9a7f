"""`evaluate`: what a trained run is worth on one part of its data, or on other data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from netspec.backend import Watcher
from netspec.data.samples import Samples
from netspec.recipe.spec import Spec
from netspec.text import SpecError
from netspec_torch.device import pick
from netspec_torch.train import checkpoint as files
from netspec_torch.train.folder import RunFolder, not_a_run
from netspec_torch.train.measure import check_targets_of_groups
from netspec_torch.train.planning import recorded
from netspec_torch.train.report import Known, known, part_numbers, report
from netspec_torch.train.run import compile_spec, open_data


def evaluate(
    spec: Spec,
    run: Path,
    *,
    trained: Spec | None = None,
    split: str = "validation",
    checkpoint: str = "best",
    device: str | None = None,
    baselines: bool = False,
    watcher: Watcher | None = None,
) -> dict[str, Any]:
    """Measure the run on `split` of the data of `spec` (`all`: everything that is there).

    `trained` is the run's own spec where `spec` is it with other constants, as another folder of data. The baselines
    are made of the run's own training patients; where their data is gone, there is no skill, and `note` says so.
    Raises SpecError NS644, NS642, NS648, NS651, NS652, and what opening data raises.
    """
    watcher = watcher or Watcher()
    trained = trained or spec
    folder = RunFolder(run)
    if not folder.checkpoints.is_dir():
        raise not_a_run(run)
    record = folder.read_json("run.json")
    if record.get("digest") != trained.digest:
        raise SpecError.of(
            "NS648",
            "the run's `spec.yaml` is not what the run was made from",
            help="restore it, or train the spec again",
        )
    where = pick(device or (spec.training.device if spec.training else "auto"))
    state = files.load(folder.checkpoints / f"{checkpoint}.ckpt")
    compiled = compile_spec(spec)
    with files.fitting():
        compiled.model.load_state_dict(files.weights(state))
    settled = recorded(record, spec.training, where)
    with files.fitting():  # a layer that the plan keeps in float32 may be gone
        settled.prepare(compiled.model)
    samples = open_data(spec, watcher)
    check_targets_of_groups(spec, samples)
    training, note = _training(spec, trained, samples, watcher)
    told = report(
        spec,
        compiled,
        samples,
        part_numbers(samples, split),
        split,
        device=where,
        training=training,
        context=settled.running(),
        details=baselines,
    )
    progress = state["progress"]
    told |= {"checkpoint": checkpoint, "parts_taken": progress["taken"]}
    if note:
        told["note"] = note
    return told


def _training(spec: Spec, trained: Spec, samples: Samples, watcher: Watcher) -> tuple[Known | None, str]:
    """What the training patients know without images, and a note where they are gone."""
    if trained.digest == spec.digest:
        return known(spec, samples), ""
    try:
        return known(trained, open_data(trained, watcher)), ""
    except SpecError as trouble:
        code = trouble.diagnostics[0].code
        return None, f"no skill is told: the data of the training cannot be opened ({code})"
