"""The contenders that are PyTorch alone: how each is made ready, and the loop that trains it as a person writes one.

A contender is made in two parts, so that what its libraries hold is told apart from what it holds: `load` imports,
`ready` builds. The loop then takes steps as long as its turns say so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

from netspec_torch.bench.batches import Batches
from netspec_torch.bench.job import Job
from netspec_torch.bench.network import Module, Network, optimizer, own, still, written
from netspec_torch.bench.turns import Turns
from netspec_torch.optimizer import bound
from netspec_torch.plan import Settled

Loop = Callable[[Batches, Turns], None]
"""Trains until its turns end."""


class LeftOut(Exception):
    """A contender cannot take part here, and this is why, in a few words."""


def rehearse() -> None:
    """Train something tiny: much of what PyTorch holds is imported by the first steps of a process."""
    tiny = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2), torch.nn.ReLU())
    stepper = torch.optim.SGD(tiny.parameters(), lr=0.1, momentum=0.9)
    torch.autograd.backward(tiny(torch.ones(2, 1, 4, 4)).sum())
    stepper.step()


@dataclass(frozen=True)
class Ready:
    """A contender before its first step: what it is, the settings it runs with, its loop."""

    settings: Mapping[str, Any]
    loop: Loop


@dataclass(frozen=True)
class Contender:
    """One way to train the network.

    `needs` are packages that must be there. `network` gives what its numbers are checked by, on the CPU and before any
    clock runs (None: it is the module itself). `load` imports what it needs and `ready` builds it;
    both raise LeftOut where they cannot.
    """

    name: str
    what: str
    ready: Callable[[Job], Ready]
    network: Callable[[Job], Network] | None = None
    needs: tuple[str, ...] = ()
    load: Callable[[], object] = rehearse

    def lacks(self) -> str:
        """Which package is missing, in a few words; empty where all are there."""
        missing = [one for one in self.needs if find_spec(one) is None]
        return f"`{missing[0]}` is not installed" if missing else ""


def loop(job: Job, network: Module, plan: Settled) -> Loop:
    """The steps of a plain training loop, in the way of a plan."""
    forward, criterion = network.forward, network.criterion
    network.module.train()
    called = plan.apply(network.module)
    stepper, clip = optimizer(job.spec, network), still(job.spec).clip
    parameters = [value for value in network.module.parameters() if value.requires_grad]
    plain = plan == Settled(device=plan.device)

    def train(batches: Batches, turns: Turns) -> None:
        turns.begin()
        going = True
        while going:
            batch = next(batches) if plain else plan.placed(next(batches))
            stepper.zero_grad()
            with plan.running():
                outputs = forward(called, batch)
            loss = criterion(outputs if plain else _wide(outputs), batch)
            torch.autograd.backward(loss)
            bound(clip, parameters)
            stepper.step()
            going = turns.stepped()

    def within(batches: Batches, turns: Turns) -> None:
        with plan.throughout():
            train(batches, turns)

    return within


def _wide(outputs: Any) -> Any:
    """Outputs in full precision, as `netspec train` gives them to the loss."""
    if isinstance(outputs, Mapping):
        return {name: _wide(value) for name, value in outputs.items()}
    return outputs.float() if isinstance(outputs, Tensor) and outputs.is_floating_point() else outputs


def told(plan: Settled) -> dict[str, Any]:
    """The settings of a plan as plain data."""
    return {
        "precision": plan.precision,
        "memory_format": plan.memory_format,
        "compile": plan.compile,
        "threads": plan.threads or torch.get_num_threads(),
        "workers": plan.workers,
        "float32": list(plan.float32),
    }


def _module(job: Job) -> Ready:
    plan = Settled(device=job.device)
    return Ready(told(plan), loop(job, own(job.spec), plan))


def _by_hand(job: Job) -> Ready:
    assert job.against is not None
    plan = Settled(device=job.device)
    return Ready(told(plan), loop(job, written(job.spec, job.against), plan))


def _hand_network(job: Job) -> Network:
    assert job.against is not None
    return written(job.spec, job.against)


def person(job: Job) -> Module:
    """What a person trains: their own network where there is one, else the module."""
    return own(job.spec) if job.against is None else written(job.spec, job.against)


MODULE = Contender("module", "the compiled module, eager, with PyTorch's own settings", _module)
BY_HAND = Contender("by-hand", "plain eager PyTorch as a person wrote it", _by_hand, _hand_network)
