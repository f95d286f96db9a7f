"""The same network in a plain LightningModule and Trainer: whatever a person can switch off is off."""

from __future__ import annotations

import logging
import tempfile
import warnings
from importlib.metadata import version
from typing import Any

import torch
from torch import Tensor

from netspec_torch.bench.batches import Batches
from netspec_torch.bench.contender import Contender, Ready, person, rehearse
from netspec_torch.bench.job import Job
from netspec_torch.bench.network import Module, optimizer, still
from netspec_torch.bench.turns import Turns
from netspec_torch.optimizer import bound


def _load() -> None:
    import pytorch_lightning  # noqa: F401, PLC0415 - where it is installed

    rehearse()


def _ready(job: Job) -> Ready:
    network = person(job)
    network.module.train()
    settings = {
        "precision": "float32",
        "memory_format": "contiguous",
        "compile": False,
        "threads": torch.get_num_threads(),
        "lightning": version("pytorch-lightning"),
        "of": network.called,
    }

    def train(batches: Batches, turns: Turns) -> None:
        import pytorch_lightning as pl  # noqa: PLC0415 - where it is installed

        logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
        with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
            warnings.simplefilter("ignore")
            trainer = pl.Trainer(
                accelerator={"cuda": "gpu"}.get(job.device, job.device),
                devices=1,
                max_epochs=1,
                logger=False,
                enable_checkpointing=False,
                enable_progress_bar=False,
                enable_model_summary=False,
                use_distributed_sampler=False,
                default_root_dir=folder,
            )
            trainer.fit(_module(job, network, turns), train_dataloaders=batches)

    return Ready(settings, train)


def _module(job: Job, network: Module, turns: Turns) -> Any:
    """The LightningModule that a person writes, and the hooks that keep it to its turns."""
    import pytorch_lightning as pl  # noqa: PLC0415 - as above

    clip = still(job.spec).clip
    parameters = [value for value in network.module.parameters() if value.requires_grad]

    class Plain(pl.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.network = network.module

        def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
            del batch_idx
            return network.criterion(network.forward(self.network, batch), batch)

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return optimizer(job.spec, network)

        def configure_gradient_clipping(self, *_: Any, **__: Any) -> None:
            bound(clip, parameters)

        def on_train_start(self) -> None:
            turns.begin()

        def on_train_batch_end(self, *_: Any) -> None:
            if not turns.stepped():
                self.trainer.should_stop = True

    return Plain()


LIGHTNING = Contender(
    "lightning",
    "the same network in a plain LightningModule and Trainer",
    _ready,
    needs=("pytorch_lightning",),
    load=_load,
)
