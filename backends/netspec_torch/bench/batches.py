"""Batches without an end: of the spec's own data as a training reads them, or one that was drawn."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from netspec.data.samples import Samples, open_samples
from netspec.recipe.spec import Spec
from netspec.text import SpecError
from netspec_torch.bench.job import Job
from netspec_torch.train.augment import Augment
from netspec_torch.train.batches import gather, shuffled

Fields = dict[str, Tensor]


class Batches:
    """Batch after batch on the device. `waited` is the seconds that were spent making them since it was last read."""

    def __init__(self, job: Job) -> None:
        self._waited = 0.0
        self._made = _repeated(job) if job.drawn is not None else _read(job)

    def __iter__(self) -> Iterator[Fields]:
        return self

    def __next__(self) -> Fields:
        begin = time.perf_counter()
        batch = next(self._made)
        self._waited += time.perf_counter() - begin
        return batch

    def take_waited(self) -> float:
        """The seconds since this was asked last."""
        waited, self._waited = self._waited, 0.0
        return waited


def open_data(spec: Spec, progress: Any = None) -> Samples:
    """The spec's samples; SpecError where there are none to train with."""
    if spec.data is None:
        raise SpecError.of("NS645", f"the spec `{spec.name}` has no `data`", help="add a section `data`")
    declared = {**spec.graph.inputs, **spec.graph.targets}
    samples = open_samples(spec.data, spec.folder, declared=declared, progress=progress)
    if not len(samples.splits["train"]):
        raise SpecError.of(
            "NS651", "the split of this spec has no `train`", help="give `train` a share in `split`"
        )
    return samples


def tensors(arrays: Mapping[str, NDArray[Any]]) -> Fields:
    """Drawn numbers as a network takes them: floating ones in float32."""
    return {
        name: torch.from_numpy(np.ascontiguousarray(one, np.float32 if one.dtype.kind == "f" else one.dtype))
        for name, one in arrays.items()
    }


def _repeated(job: Job) -> Iterator[Fields]:
    """One batch, on the device once and for all."""
    assert job.drawn is not None
    batch = {name: value.to(job.device) for name, value in tensors(job.drawn).items()}
    return (dict(batch) for _ in itertools.repeat(None))


def _read(job: Job) -> Iterator[Fields]:
    """Samples of the training part in the order of a training, augmented; behind the last comes the first."""
    samples = open_data(job.spec)
    return _in_order(job, samples)


def _in_order(job: Job, samples: Samples) -> Iterator[Fields]:
    """`_read` once the data is open."""
    spec = job.spec
    recipe, seed = spec.data, spec.training.seed if spec.training else 0
    declared = {**spec.graph.inputs, **spec.graph.targets}
    augment = Augment(recipe, declared, seed) if recipe is not None and recipe.suffix else None
    order = shuffled(len(samples.splits["train"]), seed, 0, samples.splits["train"].tobytes())
    start = 0
    while True:
        numbers = order[(start + np.arange(job.batch)) % len(order)]
        epoch, start = start // len(order), start + job.batch
        batch = {
            name: value.to(job.device) for name, value in gather(samples, numbers, training=True).items()
        }
        yield batch if augment is None else augment(batch, numbers, epoch)
