"""Two networks must compute the same before their times mean anything: outputs, loss, gradients, running statistics.

Both get the same weights and the same samples in float32. What two ways to write one network may differ by is measured
on the spec's own module: it is run in float32 and in float64, and another network may be off from float64 by `ROOM`
times as much as that. A network that differs is off by what differs, which is larger by orders of magnitude.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from math import inf, isnan

import torch
from torch import Tensor

from netspec.text import SpecError
from netspec_torch.bench.network import Batch, Module, Network

ROOM = 16.0
"""Rounding is a random walk through the layers, and another order of the same sums walks elsewhere."""

FLOOR = 64 * torch.finfo(torch.float32).eps
"""The least room of all, as a part of the largest number: where the module's own rounding happens to be none."""

Numbers = dict[str, Tensor]


@dataclass(frozen=True)
class Difference:
    """What differs, by how much, and by how much rounding explains."""

    what: str
    off: float
    allowed: float


def check(ours: Module, other: Network, batch: Batch, *, random: bool) -> None:
    """SpecError NS672 where `other` computes something else than the spec's module does.

    In evaluation, and unless the spec draws random numbers (dropout) in training too. `ours` gives the weights; both
    are left as they were but for their gradients.
    """
    values = {key: value.clone() for key, value in ours.module.state_dict().items()}
    wide = _widened(ours)
    for training in (False,) if random else (False, True):
        exact, near = (_numbers(one, values, batch, training=training) for one in (wide, ours))
        found = _numbers(other, values, batch, training=training)
        _same_names(other.called, exact, found)
        worst = max(_differences(exact, near, found), key=lambda one: one.off / one.allowed)
        if not worst.off <= worst.allowed:
            mode = "training" if training else "evaluation"
            raise SpecError.of(
                "NS672",
                f"`{other.called}` is not the network of the spec: in {mode}, with the same weights and samples, "
                f"{worst.what} differs by {worst.off:.2g}, where rounding explains {worst.allowed:.2g}",
                help="only times of one and the same network compare: mend the one that is not meant",
            )
    ours.load(values)
    other.load(values)


def _widened(ours: Module) -> Module:
    """The same module in float64, which shares nothing with it."""
    return replace(
        ours,
        module=deepcopy(ours.module).double(),
        forward=lambda module, batch: ours.forward(module, _wide(batch)),
        criterion=lambda outputs, batch: ours.criterion(outputs, _wide(batch)),
    )


def _wide(batch: Batch) -> Batch:
    return {name: value.double() if value.is_floating_point() else value for name, value in batch.items()}


def _numbers(network: Network, values: Mapping[str, Tensor], batch: Batch, *, training: bool) -> Numbers:
    """All that a pass computes from these weights."""
    network.load(values)
    outputs = network.run(batch, training=training)
    loss = network.loss(outputs, batch)
    for gradient in network.gradients().values():
        if gradient is not None:
            gradient.zero_()
    torch.autograd.backward(loss)
    found = {f"the output `{name}`": value for name, value in outputs.items()}
    found["the loss"] = loss
    for key, gradient in network.gradients().items():
        if gradient is not None:
            found[f"the gradient of `{key}`"] = gradient
    if training:
        found |= {f"the state `{key}`": value for key, value in network.state().items()}
    return {name: value.detach().double().clone() for name, value in found.items()}


def _same_names(called: str, exact: Numbers, found: Numbers) -> None:
    """Both have the same outputs and learn the same parameters."""
    apart = [*(one for one in exact if one not in found), *(one for one in found if one not in exact)]
    apart = [one for one in apart if not one.startswith("the state")]
    if apart:
        whose = "the spec" if apart[0] in exact else f"`{called}`"
        raise SpecError.of(
            "NS672",
            f"`{called}` is not the network of the spec: {whose} alone has {apart[0]}",
            help="what learns in one must learn in the other; freeze it there too, or name the outputs alike",
        )


def _differences(exact: Numbers, near: Numbers, found: Numbers) -> list[Difference]:
    """Every tensor that both have."""
    rows = []
    for what, value in exact.items():
        if what not in found:
            continue
        if found[what].shape != value.shape:
            rows.append(Difference(f"the shape of {what}", 1.0, FLOOR))
            continue
        largest = float(value.abs().amax()) if value.numel() else 0.0
        own = float((near[what] - value).abs().amax()) if value.numel() else 0.0
        off = float((found[what] - value).abs().amax()) if value.numel() else 0.0
        off = inf if isnan(off) else off
        rows.append(Difference(what, off, ROOM * own + FLOOR * largest + torch.finfo(torch.float64).tiny))
    return rows
