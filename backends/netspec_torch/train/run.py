"""`train`: from a checked spec to a run folder with a trained model in it."""

from __future__ import annotations

import logging
import platform
import time
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch

import netspec
from netspec.backend import RunResult, Watcher
from netspec.data.quality import pseudonym
from netspec.data.samples import Samples, open_samples
from netspec.recipe.schedule import steps_of
from netspec.recipe.spec import Spec
from netspec.recipe.training import Training
from netspec.text import SpecError
from netspec_torch.device import pick
from netspec_torch.module import Compiled, assemble
from netspec_torch.train import checkpoint
from netspec_torch.train.batches import Plan, Stream
from netspec_torch.train.diverged import Diverged, explain
from netspec_torch.train.folder import RunFolder, new_run, new_salt, not_a_run, relative_project
from netspec_torch.train.learner import Hooks, Learner, Progress
from netspec_torch.train.measure import check_targets_of_groups, measure
from netspec_torch.train.report import known, part_numbers, report

_PRECISION = {"float32": "32-true", "bf16": "bf16-mixed", "fp16": "16-mixed"}


def train(
    spec: Spec,
    *,
    runs: Path,
    resume: Path | None = None,
    device: str | None = None,
    watcher: Watcher | None = None,
) -> RunResult:
    """Train a spec on its data, into a new folder in `runs`, or on from the last checkpoint of the run `resume`.

    `device` replaces the recipe's. Raises SpecError: what the data or the recipe get wrong before anything is made,
    NS64x for what goes wrong later. The state of torch's generators is left as it was.
    """
    recipe = _recipe(spec)
    where = pick(device or recipe.device)
    _check_precision(recipe, where)
    watcher = watcher or Watcher()
    samples = open_data(spec, watcher)
    check_targets_of_groups(spec, samples)
    plan = Plan(samples.splits["train"], recipe.batch_size, recipe.accumulate, recipe.seed)
    validation = samples.splits["validation"]
    _check_watch(recipe, len(validation))
    compiled = compile_spec(spec)
    state = None if resume is None else _state(spec, resume, samples)
    folder = RunFolder(resume) if resume is not None else _prepare(spec, compiled, samples, runs, where)
    session = _Session(spec, recipe, compiled, samples, plan, folder, where, watcher)
    with torch.random.fork_rng(devices=[]):
        session.run(state)
    return session.finish()


def compile_spec(spec: Spec) -> Compiled:
    """The spec's model, loss and metrics, with first weights drawn from the recipe's seed."""
    return assemble(
        spec.graph,
        name=spec.name,
        doc=spec.doc,
        digest=spec.digest,
        group=spec.group.graph if spec.group else None,
        seed=spec.training.seed if spec.training else 0,
    )


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


def precision_context(recipe: Training | None, where: torch.device) -> AbstractContextManager[Any]:
    """What a forward pass outside of the engine runs in, so that it is that of the training."""
    kinds = {"bf16": torch.bfloat16, "fp16": torch.float16}
    kind = kinds.get(recipe.precision) if recipe else None
    return nullcontext() if kind is None else torch.autocast(where.type, dtype=kind)


def _check_precision(recipe: Training, where: torch.device) -> None:
    """Half precision with a loss scale is CUDA's alone."""
    if recipe.precision == "fp16" and where.type != "cuda":
        raise SpecError.of(
            "NS646",
            f"`precision: fp16` needs a CUDA device, and this run is on `{where.type}`",
            help="use `precision: bf16` or `float32`",
        )


def _check_watch(recipe: Training, validation: int) -> None:
    """Watching a metric needs samples to measure it on."""
    if validation:
        return
    for key in ("checkpoint", "early_stopping"):
        if getattr(recipe, key) is not None:
            raise SpecError.of(
                "NS647",
                f"`{key}` watches a metric, and the split has no `validation` to measure it on",
                help="give `validation` a share in `split`, as `validation: 0.2`",
            )


def _prepare(spec: Spec, compiled: Compiled, samples: Samples, runs: Path, where: torch.device) -> RunFolder:
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
            "project": relative_project(folder.path, spec.folder),
            "seed": spec.training.seed if spec.training else 0,
            "device": where.type,
            "precision": spec.training.precision if spec.training else "float32",
            "threads": torch.get_num_threads(),
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
                "pytorch-lightning": pl.__version__,
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
        settings = " ".join(f"--set {name}={value}" for name, value in dict(told.get("define", {})).items())
        raise SpecError.of(
            "NS648",
            "the run was made from another text of this spec, or with other constants",
            help=f"resume with the run's own `spec.yaml`{f' and `{settings}`' if settings else ''}",
        )
    if told.get("data") != samples.fingerprint:
        raise SpecError.of(
            "NS648", "the data has changed since the run began", help="start a new run, without `--resume`"
        )
    return checkpoint.load(folder.last)


class _Session:
    """One stretch of training: what the learner's hooks need to know."""

    def __init__(
        self,
        spec: Spec,
        recipe: Training,
        compiled: Compiled,
        samples: Samples,
        plan: Plan,
        folder: RunFolder,
        where: torch.device,
        watcher: Watcher,
    ) -> None:
        self.spec, self.recipe, self.compiled, self.samples = spec, recipe, compiled, samples
        self.plan, self.folder, self.where, self.watcher = plan, folder, where, watcher
        self.validation = samples.splits["validation"]
        self.steps = recipe.steps or (recipe.epochs or 0) * plan.steps_per_epoch
        self.progress = Progress()
        self.started = time.monotonic()
        self.first_step = 0
        hooks = Hooks(self._stepped, self._epoch, self._save)
        self.learner = Learner(spec, compiled, plan, self.steps, self.progress, hooks)
        watch = recipe.checkpoint or recipe.early_stopping
        self.metric = watch.metric if watch else "loss"
        self.sign = -1.0 if watch is not None and watch.maximize else 1.0

    # ------------------------------------------------------------------------------------------------------------ run

    def run(self, state: dict[str, Any] | None) -> None:
        """Train to the end, or until something stops it."""
        if state is not None:
            self._restore(state)
        self.first_step = self.learner.step
        epochs = self.learner.step // self.plan.steps_per_epoch
        self.folder.start_log(self._columns(), epochs)
        self.watcher.begin(self.folder.path, self.learner.step, self.steps, str(self.where))
        if self.learner.step >= self.steps:
            return
        self.progress.stopped = ""
        stream = Stream(
            self.samples.fields, self.plan, self.progress.taken, self.steps * self.plan.accumulate
        )
        with _quiet():
            trainer = self._trainer()
            try:
                trainer.fit(self.learner, train_dataloaders=stream)
            except Diverged as found:
                raise explain(found, self.spec, self.compiled, self.plan, self.samples) from None
            finally:
                self.learner.release()

    def _trainer(self) -> pl.Trainer:
        """The engine with only what is needed on."""
        clip = self.recipe.clip
        return pl.Trainer(
            accelerator={"cuda": "gpu"}.get(self.where.type, self.where.type),
            devices=1,
            precision=_PRECISION[self.recipe.precision],  # type: ignore[arg-type]
            max_epochs=1,
            accumulate_grad_batches=self.recipe.accumulate,
            gradient_clip_val=(clip.norm or clip.value) if clip else None,
            gradient_clip_algorithm=("norm" if clip.norm else "value") if clip else None,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            limit_val_batches=0,
            use_distributed_sampler=False,
            default_root_dir=self.folder.path,
        )

    def _restore(self, state: dict[str, Any]) -> None:
        """Put a checkpoint back."""
        self.compiled.model.load_state_dict(state["model"])
        for name, value in state["progress"].items():
            setattr(self.progress, name, value)
        self.learner.restored = state

    # ---------------------------------------------------------------------------------------------------------- hooks

    def _stepped(self, step: int, loss: float) -> None:
        self.watcher.step(step, self.steps, loss)

    def _epoch(self, loss: float, rate: float) -> None:
        """Measure, log, keep the best, and see whether it is enough."""
        step = self.learner.step
        row: dict[str, float | int] = {
            "epoch": -(-step // self.plan.steps_per_epoch),
            "step": step,
            "lr": rate,
            "train_loss": loss,
        }
        if len(self.validation):
            measured = measure(
                self.spec,
                self.compiled,
                self.samples,
                self.validation,
                batch_size=self.recipe.batch_size,
                device=self.learner.device,
                context=self.learner.trainer.precision_plugin.forward_context(),
            )
            row |= {f"validation_{name}": value for name, value in _terms(measured.loss).items()}
            row |= measured.metrics
        self.folder.append_log(row)
        self._judge(row)
        self.watcher.epoch(row)

    def _judge(self, row: dict[str, float | int]) -> None:
        """Keep the best checkpoint, and stop where patience is at its end."""
        name = self.metric if self.metric in row else f"validation_{self.metric}"
        value = float(row.get(name, row["train_loss"]))
        epoch = int(row["epoch"])
        now = self.progress
        if now.best is None or self.sign * value < self.sign * now.best or now.best != now.best:
            now.best, now.best_epoch = value, epoch
            checkpoint.save(self.folder.best, self._state())
        stopping = self.recipe.early_stopping
        if stopping is not None:
            waited = int(row["step"]) - min(now.best_epoch * self.plan.steps_per_epoch, int(row["step"]))
            if waited >= steps_of(stopping.patience, self.plan.steps_per_epoch):
                now.stopped = "early"

    def _save(self) -> None:
        checkpoint.save(self.folder.last, self._state())

    def _state(self) -> dict[str, Any]:
        """What a checkpoint holds."""
        return {"format": checkpoint.FORMAT, "digest": self.spec.digest, **self.learner.state()}

    def _columns(self) -> list[str]:
        """The log's head."""
        columns = ["epoch", "step", "lr", "train_loss"]
        if len(self.validation):
            columns += [f"validation_{name}" for name in _terms(dict.fromkeys(self.spec.graph.entry("loss"), 0.0))]
            columns += list(self.spec.graph.entry("metrics"))
            columns += list(self.spec.group.graph.entry("metrics")) if self.spec.group else []
        return columns

    # --------------------------------------------------------------------------------------------------------- finish

    def finish(self) -> RunResult:
        """Keep the best weights as a plain state dict, measure them, and tell the result."""
        best = self.folder.best if self.folder.best.exists() else self.folder.last
        state = checkpoint.load(best)
        checkpoint.save_plain(self.folder.path / "weights.pt", state["model"])
        self.compiled.model.to("cpu").load_state_dict(state["model"])
        self.compiled.model.to(self.where)
        part = "validation" if len(self.validation) else "train"
        told = report(
            self.spec,
            self.compiled,
            self.samples,
            part_numbers(self.samples, part),
            part,
            device=self.where,
            training=known(self.spec, self.samples),
            context=precision_context(self.recipe, self.where),
        )
        told |= {
            "step": self.learner.step,
            "steps": self.steps,
            "best_epoch": self.progress.best_epoch,
            "stopped": self.progress.stopped or "finished",
        }
        seconds = time.monotonic() - self.started
        self.folder.write_json("result.json", told)
        return RunResult(self.folder.path, told, seconds)


def _terms(loss: dict[str, float]) -> dict[str, float]:
    """The loss, and its terms where there are several."""
    return {"loss": sum(loss.values()), **(loss if len(loss) > 1 else {})}


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the engine's announcements, and without its advice about what is left out on purpose."""
    loggers = [logging.getLogger(name) for name in ("pytorch_lightning", "lightning_fabric")]
    levels = [one.level for one in loggers]
    for one in loggers:
        one.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"pytorch_lightning|lightning_fabric")
            yield
    finally:
        for one, level in zip(loggers, levels, strict=True):
            one.setLevel(level)
