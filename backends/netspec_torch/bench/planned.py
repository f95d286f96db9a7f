"""The plan: the compiled module in the way its recipe asks for, measured where that is `auto`, as `netspec train` does.

It is measured in a process of its own, so that what other ways of running took of memory is not told of this one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch

from netspec.backend import Watcher
from netspec.data.quality import QualityRecord
from netspec.data.samples import Samples
from netspec.recipe.optimizer import Sgd
from netspec.recipe.spec import Spec
from netspec.recipe.training import Training
from netspec.text import SpecError
from netspec_torch.bench.batches import open_data, tensors
from netspec_torch.bench.contender import Contender, Ready, loop, told
from netspec_torch.bench.job import Job
from netspec_torch.bench.network import own
from netspec_torch.plan import Settled
from netspec_torch.train.batches import Plan
from netspec_torch.train.planning import Wishes, settle
from netspec_torch.train.run import compile_spec

STEPS = 10_000
"""How long the training is taken to be where the spec or its data do not say: warming up must pay within it."""


def chosen(job: Job) -> tuple[Settled, dict[str, Any]]:
    """The plan with every part of it settled, and the record of how it came about.

    SpecError NS646 and NS660 for what cannot be here.
    """
    if job.precision == "fp16":
        raise SpecError.of(
            "NS646",
            "`precision: fp16` needs a loss that is scaled, and steps are timed without",
            help="use `--precision bf16`, `float32` or `auto`",
        )
    spec = _trained(job)
    samples = open_data(spec) if job.drawn is None else _held(job)
    order = Plan(samples.splits["train"], job.batch, 1, spec.training.seed if spec.training else 0)
    wishes = Wishes({**job.pins, "precision": job.precision})
    return settle(
        spec, samples, order, torch.device(job.device), lambda: compile_spec(spec), wishes, Watcher()
    )


def _trained(job: Job) -> Spec:
    """The spec with the batch of the comparison, and with a recipe where it has none."""
    spec = job.spec if job.drawn is None else replace(job.spec, data=None)
    recipe = spec.training or Training(steps=STEPS, batch_size=job.batch, optimizer=Sgd(lr=0.1, momentum=0.9))
    length = {"steps": STEPS, "epochs": None} if job.drawn is not None else {}
    return replace(spec, training=recipe.model_copy(update={"batch_size": job.batch, **length}))


def _held(job: Job) -> Samples:
    """The batch that was drawn as samples that are read."""
    assert job.drawn is not None
    numbers = np.arange(job.batch)
    nobody = np.zeros(0, np.int64)
    return Samples(
        fields={name: value.numpy() for name, value in tensors(job.drawn).items()},
        groups=numbers,
        group_ids=(),
        splits={"train": numbers, "validation": nobody, "test": nobody},
        fingerprint="drawn",
        quality=QualityRecord(),
    )


def _ready(job: Job) -> Ready:
    assert job.settled is not None
    return Ready(told(job.settled), loop(job, own(job.spec), job.settled))


PLAN = Contender("plan", "the compiled module in the way its recipe asks for", _ready)
