"""`train`: from a checked spec to a run folder with a trained model in it."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

import netspec
from netspec.backend import RunResult, Watcher
from netspec.data.quality import pseudonym
from netspec.data.samples import Samples, open_samples
from netspec.recipe.schedule import watching
from netspec.recipe.spec import Spec
from netspec.recipe.training import Training
from netspec.recipe.watch import Watch
from netspec.text import SpecError
from netspec_torch.device import pick
from netspec_torch.module import Compiled, assemble
from netspec_torch.plan import Settled
from netspec_torch.recompute import recompute
from netspec_torch.train import checkpoint
from netspec_torch.train.batches import Plan
from netspec_torch.train.folder import RunFolder, new_run, new_salt, not_a_run, relative_project
from netspec_torch.train.measure import check_targets_of_groups
from netspec_torch.train.planning import Wishes, repeat, settle
from netspec_torch.train.session import Session
from netspec_torch.train.starting import start


def train(
    spec: Spec,
    *,
    runs: Path,
    resume: Path | None = None,
    device: str | None = None,
    watcher: Watcher | None = None,
    pins: Mapping[str, Any] | None = None,
    replan: bool = False,
    weights: Path | None = None,
) -> RunResult:
    """Train a spec on its data, into a new folder in `runs`, or on from the last checkpoint of the run `resume`.

    A new run starts from what fits of the file or the run `weights`. `device` replaces the recipe's; `pins` replace
    parts of its plan, and its `precision`, by name; `replan` measures anew what was measured before. Raises SpecError:
    what the data or the recipe get wrong before anything is made, NS76x for the weights, NS64x for what goes wrong
    later. The state of torch's generators is left as it was.
    """
    recipe = _recipe(spec)
    where = pick(device or recipe.device)
    wishes = Wishes(pins or {}, replan)
    watcher = watcher or Watcher()
    samples = open_data(spec, watcher)
    check_targets_of_groups(spec, samples)
    plan = Plan(samples.splits["train"], recipe.batch_size, recipe.accumulate, recipe.seed)
    validation = samples.splits["validation"]
    _check_watch(recipe, len(validation))
    compiled = compile_spec(spec)
    if resume is None:
        state = None
        started = start(compiled.model, spec, weights, watcher)
        settled, planned = settle(spec, samples, plan, where, lambda: _again(spec, compiled), wishes, watcher)
        folder = _prepare(spec, compiled, samples, runs, settled, planned)
        if started is not None:
            started.keep(folder)
    else:
        state, folder = _state(spec, resume, samples), RunFolder(resume)
        record = folder.read_json("run.json")
        settled = repeat(record, recipe, where, wishes, watcher)
        if wishes.pins:
            folder.write_json("run.json", {**record, "plan": settled.as_json()})
    session = Session(spec, recipe, compiled, samples, plan, folder, where, watcher, settled)
    with settled.throughout():
        with torch.random.fork_rng(devices=[]):
            session.run(state)
        return session.finish()


def compile_spec(spec: Spec) -> Compiled:
    """The spec's model, loss and metrics, with first weights drawn from the recipe's seed."""
    made = assemble(
        spec.graph,
        name=spec.name,
        doc=spec.doc,
        digest=spec.digest,
        group=spec.group.graph if spec.group else None,
        seed=spec.training.seed if spec.training else 0,
    )
    recompute(made.model, spec.graph, spec.training.recompute if spec.training else ())
    return made


def _again(spec: Spec, compiled: Compiled) -> Compiled:
    """The same once more, with the weights that the first one has."""
    made = compile_spec(spec)
    made.model.load_state_dict(compiled.model.state_dict())
    return made


def open_data(spec: Spec, watcher: Watcher) -> Samples:
    """The samples of a spec, checked against what it declares."""
    if spec.data is None:
        raise SpecError.of("NS645", f"the spec `{spec.name}` has no `data`", help="add a section `data`")
    declared = {**spec.graph.inputs, **spec.graph.targets}
    return open_samples(spec.data, spec.folder, declared=declared, progress=watcher.reading)


def _recipe(spec: Spec) -> Training:
    """The training section of a spec that can be trained."""
    if spec.training is None:
        raise SpecError.of(
            "NS645", f"the spec `{spec.name}` has no `training`", help="add a section `training`"
        )
    if not spec.graph.entry("loss"):
        raise SpecError.of("NS645", f"the spec `{spec.name}` has no `loss`", help="add a `loss`")
    if not any(row.trainable for row in spec.graph.parameters.values()):
        raise SpecError.of(
            "NS645", f"the spec `{spec.name}` has no weights to train", help="add a layer that learns"
        )
    return spec.training


def _check_watch(recipe: Training, validation: int) -> None:
    """Watching a metric needs samples to measure it on."""
    if validation:
        return
    watches: dict[str, Watch | None] = {
        "checkpoint": recipe.checkpoint,
        "early_stopping": recipe.early_stopping,
    }
    watches["plateau"] = watching(recipe.schedule)
    for key, watch in watches.items():
        if watch is not None:
            raise SpecError.of(
                "NS647",
                f"`{key}` watches a metric, and the split has no `validation` to measure it on",
                help="give `validation` a share in `split`, as `validation: 0.2`",
            )


def _prepare(
    spec: Spec,
    compiled: Compiled,
    samples: Samples,
    runs: Path,
    settled: Settled,
    planned: Mapping[str, Any],
) -> RunFolder:
    """A new run folder with everything in it that is known before the first step."""
    folder = new_run(runs, spec.name, spec.digest)
    salt = new_salt()
    checkpoint.write_bytes(folder.path / "spec.yaml", spec.sources[0].text.encode())
    checkpoint.write_bytes(folder.path / "model.py", compiled.source.text.encode())
    folder.write_json("quality.json", samples.quality.as_json(salt))
    folder.write_json("split.json", _split(samples, salt))
    parameters = list(spec.graph.parameters.values())
    folder.write_json(
        "run.json",
        {
            "name": spec.name,
            "digest": spec.digest,
            "define": dict(spec.define),
            "files": dict(spec.files),
            "project": relative_project(folder.path, spec.folder),
            "seed": spec.training.seed if spec.training else 0,
            "device": settled.device,
            "precision": settled.precision,
            "threads": settled.threads or torch.get_num_threads(),
            "plan": settled.as_json(),
            "planned": dict(planned),
            "data": samples.fingerprint,
            "samples": {part: len(numbers) for part, numbers in samples.splits.items()},
            "groups": {
                part: len(np.unique(samples.groups[numbers])) for part, numbers in samples.splits.items()
            },
            "parameters": sum(row.count for row in parameters),
            "trainable": sum(row.count for row in parameters if row.trainable),
            "versions": {
                "netspec": netspec.__version__,
                "python": platform.python_version(),
                "torch": torch.__version__,
                "pytorch-lightning": version("pytorch-lightning"),
                "numpy": np.__version__,
            },
        },
    )
    return folder


def _split(samples: Samples, salt: str) -> dict[str, Any]:
    """Who is where, without saying who: samples by number, groups by pseudonyms that only this run's records share."""
    names = [pseudonym(one, salt) for one in samples.group_ids]
    return {
        part: {
            "samples": numbers.tolist(),
            "groups": [names[group] for group in np.unique(samples.groups[numbers])],
        }
        for part, numbers in samples.splits.items()
    }


def _state(spec: Spec, resume: Path, samples: Samples) -> dict[str, Any]:
    """The last checkpoint of a run of this very spec on this very data."""
    folder = RunFolder(resume)
    if not folder.checkpoints.is_dir():
        raise not_a_run(resume)
    told = folder.read_json("run.json")
    if told.get("digest") != spec.digest:
        raise SpecError.of(
            "NS648",
            "the run was made from another text of this spec, or with other constants",
            help="`netspec train --resume RUN` without a spec goes on with the run's own",
        )
    if told.get("data") != samples.fingerprint:
        raise SpecError.of(
            "NS648", "the data has changed since the run began", help="start a new run, without `--resume`"
        )
    return checkpoint.load(folder.last)
