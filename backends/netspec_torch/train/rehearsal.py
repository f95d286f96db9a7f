"""The stage of a plan's duels: the training's own steps, on models of their own whose weights stay where they are."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from netspec.data.samples import Samples
from netspec.recipe.descent import descent
from netspec.recipe.spec import Spec
from netspec.text import SpecError
from netspec_torch.module import Compiled
from netspec_torch.optimizer import bound, build
from netspec_torch.plan.chosen import Unable
from netspec_torch.plan.duel import Lane
from netspec_torch.plan.guard import judge
from netspec_torch.plan.settled import Settled
from netspec_torch.plan.watch import Watch
from netspec_torch.train.augment import Augment
from netspec_torch.train.batches import Batch, Plan, Stream, gather, noise_seed
from netspec_torch.train.measure import forward

BATCHES = 2
"""Batches that duels and the guard take: the first of the run."""

SCALE = 2.0**16
"""What the loss is scaled by with fp16, as PyTorch's scaler begins."""

LEAST = 2
"""Samples of a batch that the guard looks at, at the least: a batch norm needs two."""

_ENDLESS = 2**40


class Rehearsal:
    """Takes a training's steps before it begins. `make` gives its model and its loss, with fresh weights each time."""

    def __init__(self, spec: Spec, order: Plan, samples: Samples, make: Callable[[], Compiled]) -> None:
        self._spec, self._order, self._samples, self._make = spec, order, samples, make
        self._batches: list[Batch] = []

    def lane(self, settled: Settled, *, loading: bool = False) -> Lane:
        """Steps on a model of its own; with `loading`, on the batches of the run as its loader gives them."""
        batches = self._loaded(settled) if loading else itertools.cycle(self.batches(settled))
        with _unable():
            return _Steps(self._spec, self._make(), settled, batches)

    def gathering(self) -> Callable[[], None]:
        """What gathers one batch after another, as the run will."""
        taken = itertools.count()

        def one() -> None:
            gather(self._samples, self._order.part(next(taken))[0], training=True)

        return one

    def guard(self, settled: Settled, share: float = 1.0) -> list[str]:
        """The layers that are wrong in the plan's numbers, on a share of each batch: a path, a space, what is wrong."""
        found: dict[str, str] = {}
        for whole in self.batches(settled):
            count = max(LEAST, int(share * len(next(iter(whole.values())))))
            batch = settled.placed({name: value[:count] for name, value in whole.items()})
            with _unable():
                steps = _Steps(self._spec, self._make(), settled, iter([batch]))
                watch = Watch(steps.compiled.model)
                with settled.throughout():
                    with watch.watching():
                        loss = steps.loss()
                    (loss * steps.scale).backward()  # type: ignore[no-untyped-call]
                wrong = judge(watch.calls, settled, steps.scale)
            for one in wrong:
                words = f"{one.what} off by {one.error:.2g}, and {one.allowed:.2g} is rounding"
                if not one.inside:
                    raise Unable(f"a product outside of any layer is wrong in it: {words}")
                found.setdefault(one.path, words)
        return [f"{path} {words}" for path, words in found.items()]

    def batches(self, settled: Settled) -> list[Batch]:
        """The first batches of the run, as they come out of its random transforms."""
        if not self._batches:
            data = self._spec.data
            declared = {**self._spec.graph.inputs, **self._spec.graph.targets}
            augment = Augment(data, declared, self._order.seed) if data and data.suffix else None
            for taken in range(BATCHES):
                numbers = self._order.part(taken)[0]
                batch = gather(self._samples, numbers, training=True)
                self._batches.append(augment(batch, numbers, 0) if augment else batch)
        return [settled.placed(batch) for batch in self._batches]

    def _loaded(self, settled: Settled) -> Iterator[Batch]:
        stream = Stream(self._samples, self._order, 0, _ENDLESS, workers=settled.workers)
        return (settled.placed(batch) for batch, _ in stream)


class _Steps:
    """Whole steps: forward, loss, backward, the bound of the gradients, the update, with a rate of nothing.

    The weights stay what they are, so that every step of every way has the same numbers to do with.
    """

    def __init__(self, spec: Spec, compiled: Compiled, settled: Settled, batches: Iterator[Batch]) -> None:
        assert spec.training is not None
        self._spec, self.compiled, self._settled, self._batches = spec, compiled, settled, batches
        self._called = settled.apply(compiled.model)
        self._descent = descent(spec.training, spec.graph)
        named = [(key, one) for key, one in compiled.model.named_parameters() if one.requires_grad]
        self._parameters = [one for _, one in named]
        self._optimizer = build(self._descent, named)
        for group in self._optimizer.param_groups:
            group["lr"] = group["lr"] * 0.0
        self.scale = SCALE if settled.precision == "fp16" else 1.0

    def step(self) -> None:
        """One step, done when this returns."""
        with _unable(), self._settled.throughout():
            self._optimizer.zero_grad()
            loss = self.loss()
            float(loss.detach())
            (loss * self.scale).backward()  # type: ignore[no-untyped-call]
            bound(self._descent.clip, self._parameters)
            self._optimizer.step()
            if self._settled.device != "cpu":
                getattr(torch, self._settled.device).synchronize()

    def loss(self) -> Tensor:
        """The loss of the next batch."""
        torch.manual_seed(noise_seed(0, 0))
        batch = next(self._batches)
        with self._settled.running():
            outputs, targets = forward(self._spec.graph, self.compiled, batch, self._called)
        with torch.autocast(self._settled.device, enabled=False):
            module = self.compiled.loss
            assert isinstance(module, nn.Module)
            loss: Tensor = module(outputs, targets)
        return loss


@contextmanager
def _unable() -> Iterator[None]:
    """Turns what PyTorch raises for a way it cannot run into Unable; what the spec gets wrong stays what it is."""
    try:
        yield
    except (SpecError, Unable):
        raise
    except (
        Exception
    ) as trouble:  # whatever the compiler, a kernel or an allocator raises, this way cannot run
        what = (
            "there is not enough memory"
            if _is_memory(trouble)
            else f"PyTorch raises {type(trouble).__name__}"
        )
        raise Unable(what) from trouble


def _is_memory(trouble: Exception) -> bool:
    """Whether memory ran out."""
    out = getattr(torch, "OutOfMemoryError", MemoryError)
    return isinstance(trouble, MemoryError | out) or "alloc" in str(trouble).lower()
