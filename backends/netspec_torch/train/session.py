"""One stretch of training: the engine set up, each epoch measured and logged, the best kept, the result told."""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from math import inf, isnan
from typing import Any

import pytorch_lightning as pl
import torch

from netspec.backend import RunResult, Watcher
from netspec.data.samples import Samples
from netspec.recipe.phase import steps_of
from netspec.recipe.schedule import watching
from netspec.recipe.spec import Spec
from netspec.recipe.training import Training
from netspec.recipe.watch import Watch
from netspec_torch.module import Compiled
from netspec_torch.plan import Settled
from netspec_torch.train import checkpoint
from netspec_torch.train.batches import Plan, Stream
from netspec_torch.train.diverged import Diverged, explain
from netspec_torch.train.folder import RunFolder
from netspec_torch.train.learner import Hooks, Learner, Progress
from netspec_torch.train.measure import measure
from netspec_torch.train.report import known, part_numbers, report

_PRECISION = {
    "auto": "32-true",
    "float32": "32-true",
    "tf32": "32-true",
    "bf16": "bf16-mixed",
    "fp16": "16-mixed",
}


class Session:
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
        settled: Settled,
    ) -> None:
        self.settled = settled
        self.spec, self.recipe, self.compiled, self.samples = spec, recipe, compiled, samples
        self.plan, self.folder, self.where, self.watcher = plan, folder, where, watcher
        self.validation = samples.splits["validation"]
        self.steps = recipe.steps or (recipe.epochs or 0) * plan.steps_per_epoch
        self.progress = Progress()
        self.started = time.monotonic()
        self.first_step = 0
        hooks = Hooks(self._stepped, self._epoch, self._save)
        self.learner = Learner(spec, compiled, plan, self.steps, self.progress, hooks, settled)

    # ------------------------------------------------------------------------------------------------------------ run

    def run(self, state: dict[str, Any] | None) -> None:
        """Train to the end, or until something stops it."""
        if state is not None:
            self._restore(state)
        self.first_step = self.learner.step
        self.watcher.begin(self.folder.path, self.learner.step, self.steps, str(self.where))
        if self.learner.step >= self.steps or self.progress.stopped:
            return
        self.folder.start_log(self._columns(), self.learner.step // self.plan.steps_per_epoch)
        stream = Stream(
            self.samples,
            self.plan,
            self.progress.taken,
            self.steps * self.plan.accumulate,
            workers=self.settled.workers,
            pinned=self.where.type == "cuda" and self.settled.workers > 0,
        )
        with _quiet():
            trainer = self._trainer()
            try:
                trainer.fit(self.learner, train_dataloaders=stream)
            except Diverged as found:
                raise explain(found, self.spec, self.compiled, self.plan) from None
            finally:
                self.learner.release()

    def _trainer(self) -> pl.Trainer:
        """The engine with only what is needed on."""
        return pl.Trainer(
            accelerator={"cuda": "gpu"}.get(self.where.type, self.where.type),
            devices=1,
            precision=_PRECISION[self.settled.precision],  # type: ignore[arg-type]
            max_epochs=1,
            accumulate_grad_batches=self.recipe.accumulate,
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
        with checkpoint.fitting():
            self.compiled.model.load_state_dict(state["model"])
        known = {one.name for one in fields(Progress)}
        for name, value in state["progress"].items():
            if name in known:
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
            with self.learner.evaluating():
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
        if (phase := watching(self.recipe.schedule)) is not None:
            self.progress.seen.append(_value(phase, row))
        self._judge(row)
        self.watcher.epoch(row)

    def _judge(self, row: dict[str, float | int]) -> None:
        """Keep the best checkpoints, and stop where patience is at its end."""
        now, epoch = self.progress, int(row["epoch"])
        watch = self.recipe.checkpoint or self.recipe.early_stopping
        keep = self.recipe.checkpoint.keep if self.recipe.checkpoint else 1
        now.ranking = _ranked(now.ranking, _worth(watch, row), epoch)[:keep]
        if now.best_epoch == epoch:
            checkpoint.save(self.folder.best, self._state())
        if keep > 1:
            self._keep([int(one) for _, one in now.ranking], epoch)
        stopping = self.recipe.early_stopping
        if stopping is None:
            return
        now.waited = _ranked(now.waited, _worth(stopping, row), epoch)[:1]
        waited = int(row["step"]) - int(now.waited[0][1]) * self.plan.steps_per_epoch
        if waited >= steps_of(stopping.patience, self.plan.steps_per_epoch):
            now.stopped = "early"

    def _keep(self, epochs: list[int], epoch: int) -> None:
        """The checkpoints of these epochs and no others, where several are to be kept."""
        if epoch in epochs:
            checkpoint.save(self.folder.checkpoints / f"epoch-{epoch:04d}.ckpt", self._state())
        wanted = {f"epoch-{one:04d}.ckpt" for one in epochs}
        for path in self.folder.checkpoints.glob("epoch-*.ckpt"):
            if path.name not in wanted:
                path.unlink(missing_ok=True)

    def _save(self) -> None:
        checkpoint.save(self.folder.last, self._state())

    def _state(self) -> dict[str, Any]:
        """What a checkpoint holds."""
        return {"format": checkpoint.FORMAT, "digest": self.spec.digest, **self.learner.state()}

    def _columns(self) -> list[str]:
        """The log's head."""
        columns = ["epoch", "step", "lr", "train_loss"]
        if len(self.validation):
            columns += [
                f"validation_{name}" for name in _terms(dict.fromkeys(self.spec.graph.entry("loss"), 0.0))
            ]
            columns += list(self.spec.graph.entry("metrics"))
            columns += list(self.spec.group.graph.entry("metrics")) if self.spec.group else []
        return columns

    # --------------------------------------------------------------------------------------------------------- finish

    def finish(self) -> RunResult:
        """Keep the best weights as a plain state dict, measure them, and tell the result."""
        best = self.folder.best if self.folder.best.exists() else self.folder.last
        weights = checkpoint.weights(checkpoint.load(best))
        checkpoint.save_plain(self.folder.path / "weights.pt", weights)
        self.compiled.model.to("cpu").load_state_dict(weights)
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
            context=self.settled.running(),
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


def _worth(watch: Watch | None, row: dict[str, float | int]) -> float:
    """A row by the watched metric (the validation loss, or the training loss without one): larger is worse."""
    value = _value(watch, row)
    return inf if isnan(value) else -value if watch and watch.maximize else value


def _value(watch: Watch | None, row: dict[str, float | int]) -> float:
    """The value of the watched metric in a row."""
    name = watch.metric if watch else "loss"
    return float(next(row[key] for key in (name, f"validation_{name}", "train_loss") if key in row))


def _ranked(before: list[list[float]], worth: float, epoch: int) -> list[list[float]]:
    """With one epoch more, best first; of equals the earlier. An epoch that is there already comes anew."""
    rest = [[value, one] for value, one in before if one != epoch]
    return sorted([*rest, [worth, epoch]])


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
