"""What the engine trains: one step of a spec's recipe, and what happens at the end of each epoch."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field
from functools import partial
from math import isfinite
from types import FrameType
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from netspec.recipe.descent import descent
from netspec.recipe.pace import Pace
from netspec.recipe.schedule import paces
from netspec.recipe.spec import Spec
from netspec_torch.averaged import Averaged
from netspec_torch.module import Compiled
from netspec_torch.optimizer import bound, build, set_pace
from netspec_torch.plan import Settled
from netspec_torch.train.augment import Augment
from netspec_torch.train.batches import Batch, Plan, noise_seed, set_noise
from netspec_torch.train.checkpoint import fitting
from netspec_torch.train.diverged import Diverged
from netspec_torch.train.measure import forward


@dataclass
class Progress:
    """Where a run is: all that a checkpoint must hold besides the weights and the optimizer.

    `taken` counts parts of steps since the run began, `loss_sum` and `loss_count` the samples' losses in this epoch.
    `ranking` holds values of the watched metric (larger is worse) and their epochs, counted from 1, best first;
    `waited` the same of the metric that early stopping watches, one entry. `seen` holds what the schedule watches, one
    value an epoch. `stopped` says why a run ended early.
    """

    taken: int = 0
    loss_sum: float = 0.0
    loss_count: int = 0
    ranking: list[list[float]] = field(default_factory=list)
    waited: list[list[float]] = field(default_factory=list)
    seen: list[float] = field(default_factory=list)
    stopped: str = ""

    @property
    def best_epoch(self) -> int:
        """The epoch of the best checkpoint; 0 before the first."""
        return int(self.ranking[0][1]) if self.ranking else 0


@dataclass(frozen=True)
class Hooks:
    """What the learner calls: `stepped` after each update, `epoch` at an epoch's end, `save` to keep all.

    `epoch` gets the mean training loss and the learning rate, and may set `Progress.stopped`.
    """

    stepped: Callable[[int, float], None]
    epoch: Callable[[float, float], None]
    save: Callable[[], None]


class Learner(pl.LightningModule):
    """The recipe of a spec on its compiled model.

    The engine sees one long epoch (`Stream`); epochs are counted here, so that a run cut anywhere goes on exactly.
    """

    SAVE_EVERY = 30.0
    """Seconds of training between checkpoints, at the most, besides those at the end of each epoch."""

    def __init__(
        self,
        spec: Spec,
        compiled: Compiled,
        plan: Plan,
        steps: int,
        progress: Progress,
        hooks: Hooks,
        settled: Settled,
    ) -> None:
        super().__init__()
        assert spec.training is not None
        assert compiled.loss is not None
        self.settled = settled
        self.called = partial(settled.apply(compiled.model))  # no submodule: its parameters are the model's
        self.model = compiled.model
        self.spec, self.compiled, self.plan = spec, compiled, plan
        self.steps, self.progress, self.hooks = steps, progress, hooks
        self.descent = descent(spec.training, spec.graph)
        self.paces = paces(spec.training.schedule, steps, plan.steps_per_epoch)
        declared = {**spec.graph.inputs, **spec.graph.targets}
        self.augment = Augment(spec.data, declared, plan.seed) if spec.data and spec.data.suffix else None
        self.average = Averaged(spec.training.average) if spec.training.average else None
        self.restored: Mapping[str, Any] | None = None
        self.stop_asked = False
        self._saved = time.monotonic()
        self._loss = torch.zeros(())
        self._fields: Batch = {}
        self._norm: Tensor | None = None
        self._part_losses: list[tuple[float, int]] = []
        self._handlers: dict[int, Any] = {}

    @property
    def step(self) -> int:
        """Updates of the weights so far."""
        return self.progress.taken // self.plan.accumulate

    @property
    def pace(self) -> Pace:
        """What the schedule makes of the step under way."""
        return self.paces(self.step, self.progress.seen)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """The spec's update rule on all that training may change."""
        return build(self.descent, [(key, p) for key, p in self.model.named_parameters() if p.requires_grad])

    def on_train_start(self) -> None:
        """Give the optimizer its memory back, or keep the first weights; take over the signals that ask for an end."""
        if self.restored is not None:
            with fitting():
                self.trainer.optimizers[0].load_state_dict(dict(self.restored["optimizer"]))
                if self.restored["precision"]:
                    self.trainer.precision_plugin.load_state_dict(dict(self.restored["precision"]))
                if self.average is not None:
                    self.average.restore(self.restored.get("average", {}), self.device)
        else:
            self.save()
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._handlers[number] = signal.signal(number, self._asked)

    def on_train_end(self) -> None:
        """Give the signals back."""
        self.release()

    def release(self) -> None:
        """Give the signals back; once is enough."""
        while self._handlers:
            number, handler = self._handlers.popitem()
            signal.signal(number, handler)

    def _asked(self, number: int, frame: FrameType | None) -> None:
        """The first signal asks for an end after this step, a second interrupt for one at once."""
        del frame
        if self.stop_asked and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.stop_asked = True

    def on_train_batch_start(self, batch: object, batch_idx: int) -> None:
        """Set this step's learning rate and momentum."""
        del batch, batch_idx
        set_pace(self.trainer.optimizers[0], self.descent.optimizer, self.pace)

    def training_step(self, batch: tuple[Batch, float], batch_idx: int) -> Tensor:
        """The loss of one part of a step, weighted by its share of the step."""
        del batch_idx
        fields, weight = batch
        if self.augment is not None:
            epoch = self.progress.taken // self.plan.parts_per_epoch
            with torch.autocast(self.device.type, enabled=False):
                fields = self.augment(fields, self.plan.part(self.progress.taken)[0], epoch)
        set_noise(self.device, noise_seed(self.plan.seed, self.progress.taken))
        outputs, targets = forward(self.spec.graph, self.compiled, self.settled.placed(fields), self.called)
        loss_module = self.compiled.loss
        assert isinstance(loss_module, nn.Module)
        with torch.autocast(self.device.type, enabled=False):
            loss: Tensor = loss_module(outputs, targets)
        self._loss, self._fields = loss.detach(), fields
        return loss * weight

    def on_after_backward(self) -> None:
        """Look at the loss of a part behind which another part of the step comes.

        A number is asked for when all that the device has to do for a part is under way, and once: the device waits for
        every number that is read.
        """
        if (self.progress.taken + 1) % self.plan.accumulate:
            self._keep(float(self._loss))

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Refuse to move the weights by what is no number (with fp16 the engine skips such gradients itself)."""
        del optimizer
        gradients = [p.grad for p in self.model.parameters() if p.grad is not None]
        if self.settled.precision == "fp16" or not gradients:
            self._keep(float(self._loss))
            return
        self._norm = torch.nn.utils.get_total_norm(gradients)
        loss, norm = torch.stack((self._loss.float(), self._norm.float())).tolist()
        self._keep(loss)
        if not isfinite(norm):
            raise Diverged(self.step, self.progress.taken, {}, "gradient")

    def _keep(self, loss: float) -> None:
        """Count the loss of a part; Diverged where it is no number."""
        if not isfinite(loss):
            raise Diverged(self.step, self.progress.taken, self._fields, "loss")
        self._part_losses.append((loss, len(next(iter(self._fields.values())))))

    def configure_gradient_clipping(
        self,
        optimizer: torch.optim.Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Bound the gradients of a step as the spec says; the engine knows nothing of it."""
        del optimizer, gradient_clip_val, gradient_clip_algorithm
        bound(self.descent.clip, self.model.parameters(), self._norm)

    def on_train_batch_end(self, outputs: object, batch: tuple[Batch, float], batch_idx: int) -> None:
        """Count, and at the end of a step tell, save, close the epoch, or stop."""
        del outputs, batch, batch_idx
        now = self.progress
        now.taken += 1
        if now.taken % self.plan.accumulate:
            return
        total = sum(value * count for value, count in self._part_losses)
        count = sum(count for _, count in self._part_losses)
        self._part_losses.clear()
        if self.average is not None:
            self.average.take(self.model.state_dict())
        now.loss_sum += total
        now.loss_count += count
        self.hooks.stepped(self.step, total / count)
        if now.taken % self.plan.parts_per_epoch == 0 or self.step == self.steps:
            loss = now.loss_sum / now.loss_count
            now.loss_sum, now.loss_count = 0.0, 0
            self.hooks.epoch(loss, float(self.trainer.optimizers[0].param_groups[0]["lr"]))
            self.save()
        elif self.stop_asked or time.monotonic() - self._saved > self.SAVE_EVERY:
            self.save()
        if self.stop_asked and not now.stopped and self.step < self.steps:
            now.stopped = "interrupted"
        if now.stopped:
            self.trainer.should_stop = True

    def evaluating(self) -> AbstractContextManager[None]:
        """Within, the model has the weights that are measured: the averages, where the spec asks for them."""
        return nullcontext() if self.average is None else self.average.within(self.model)

    def save(self) -> None:
        """Have everything kept."""
        self.hooks.save()
        self._saved = time.monotonic()

    def state(self) -> dict[str, Any]:
        """All that a checkpoint holds: weights, averages, what optimizer and precision remember, where the run is."""
        return {
            "model": self.model.state_dict(),
            **({"average": self.average.values} if self.average is not None else {}),
            "optimizer": self.trainer.optimizers[0].state_dict(),
            "precision": self.trainer.precision_plugin.state_dict(),
            "progress": asdict(self.progress),
        }
