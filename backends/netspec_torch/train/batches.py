"""Which samples go into which step, keyed by seed and epoch alone, so that a run can go on from anywhere."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from netspec.data.samples import Samples
from netspec.text import SpecError

Batch = dict[str, Tensor]
"""The fields of some samples by the spec's names, batch first."""

_NOISE = 2**63  # epochs are numbered below it, noise from it on

_LEAST = 2
"""Samples in a batch at the least: a batch norm of single numbers has no variance of one."""


@dataclass(frozen=True)
class Plan:
    """The order of a whole run.

    A step takes `accumulate` parts of `batch_size` samples each. The last step of an epoch takes what is left, in as
    many parts; where that is too little for parts of two samples, it joins the step before. `samples` are the
    numbers of the training samples.
    """

    samples: NDArray[np.int64]
    batch_size: int
    accumulate: int
    seed: int

    def __post_init__(self) -> None:
        if len(self.samples) < self.accumulate:
            raise SpecError.of(
                "NS640",
                f"a step is `accumulate: {self.accumulate}` parts, and there are {len(self.samples)} training samples",
                help=f"use `accumulate: {max(1, len(self.samples) // _LEAST)}` or less",
            )

    @property
    def steps_per_epoch(self) -> int:
        """Updates of the weights in an epoch."""
        whole, rest = divmod(len(self.samples), self.batch_size * self.accumulate)
        return max(1, whole + (rest >= _LEAST * self.accumulate))

    @property
    def parts_per_epoch(self) -> int:
        """Batches that go through the network in an epoch."""
        return self.steps_per_epoch * self.accumulate

    def part(self, taken: int) -> tuple[NDArray[np.int64], float]:
        """The samples of part number `taken` of the run, and the weight that its mean has in its step.

        Weights of a step sum to `accumulate`, which the engine divides by.
        """
        epoch, index = divmod(taken, self.parts_per_epoch)
        step, part = divmod(index, self.accumulate)
        size = self.batch_size * self.accumulate
        last = step == self.steps_per_epoch - 1
        chosen = self._order(epoch)[step * size : None if last else (step + 1) * size]
        parts = np.array_split(chosen, self.accumulate)
        return parts[part], len(parts[part]) * self.accumulate / len(chosen)

    def _order(self, epoch: int) -> NDArray[np.int64]:
        return shuffled(len(self.samples), self.seed, epoch, self.samples.tobytes())


@lru_cache(maxsize=2)
def shuffled(count: int, seed: int, epoch: int, samples: bytes) -> NDArray[np.int64]:
    """The samples of an epoch, sorted by one random word each (Philox, keyed by seed and epoch)."""
    words = np.random.Philox(key=np.array([seed, epoch], np.uint64)).random_raw(count)
    order: NDArray[np.int64] = np.frombuffer(samples, np.int64)[np.argsort(words, kind="stable")]
    return order


def noise_seed(seed: int, taken: int) -> int:
    """What torch's generator starts from at part `taken`, so that dropout is the same wherever a run was cut."""
    word = np.random.Philox(key=np.array([seed, _NOISE + taken], np.uint64)).random_raw()
    return int(word) >> 1


def set_noise(device: torch.device, seed: int) -> None:
    """Have the generator of the device start from `seed`.

    `torch.manual_seed` sets those of every device, and formats a stack for each that was never used: it took
    milliseconds of every step.
    """
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.manual_seed(seed)
    elif device.type == "mps":
        torch.mps.manual_seed(seed)


def gather(samples: Samples, numbers: NDArray[np.int64], *, training: bool = False) -> Batch:
    """The fields of these samples as tensors of their own memory, as long as the longest of them."""
    return {
        name: torch.from_numpy(array) for name, array in samples.batch(numbers, training=training).items()
    }


class Stream:
    """The parts of a run from number `start` on, up to `stop`: one long epoch for the engine.

    The engine counts nothing that matters, so nothing of its state has to be restored when a run goes on. `workers`
    threads gather the next parts while the caller is busy with one; what comes, and in which order, is the same for any
    number of them. With `pinned` the tensors lie where a GPU fetches them by itself.
    """

    def __init__(
        self,
        samples: Samples,
        plan: Plan,
        start: int,
        stop: int,
        *,
        workers: int = 0,
        pinned: bool = False,
    ) -> None:
        self._samples, self._plan, self._start, self._stop = samples, plan, start, stop
        self._workers, self._pinned = workers, pinned

    def __len__(self) -> int:
        return self._stop - self._start

    def __iter__(self) -> Iterator[tuple[Batch, float]]:
        parts = range(self._start, self._stop)
        if self._workers == 0:
            yield from map(self._part, parts)
            return
        ahead: deque[Future[tuple[Batch, float]]] = deque()
        with ThreadPoolExecutor(self._workers, "netspec-loader") as pool:
            try:
                for taken in parts:
                    ahead.append(pool.submit(self._part, taken))
                    if len(ahead) > self._workers:
                        yield ahead.popleft().result()
                while ahead:
                    yield ahead.popleft().result()
            finally:
                pool.shutdown(cancel_futures=True)

    def _part(self, taken: int) -> tuple[Batch, float]:
        """One part of a step, and its weight."""
        numbers, weight = self._plan.part(taken)
        batch = gather(self._samples, numbers, training=True)
        if self._pinned:
            batch = {name: value.pin_memory() for name, value in batch.items()}
        return batch, weight
