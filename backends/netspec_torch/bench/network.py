"""A network and its loss as a training loop needs them, whoever wrote them, with its tensors under the spec's keys."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from netspec.backend import Against
from netspec.ir.graph import Graph
from netspec.recipe.descent import Descent, descent
from netspec.recipe.optimizer import Sgd
from netspec.recipe.spec import Spec
from netspec.text import SpecError
from netspec_torch.bench.matched import keys
from netspec_torch.bench.theirs import made
from netspec_torch.module import assemble
from netspec_torch.optimizer import build

Batch = Mapping[str, Tensor]
"""Inputs and targets by the spec's names, batch first."""

STILL = 1e-12
"""The rate at which weights move while a clock runs: a rate costs no time, and numbers that ran away would."""


class Network(Protocol):
    """What can be trained, and asked for its numbers. Keys and shapes of tensors are those of the spec's module."""

    @property
    def called(self) -> str:
        """What it is called in a message."""
        ...

    def load(self, values: Mapping[str, Tensor]) -> None:
        """Take over parameters and state."""
        ...

    def run(self, batch: Batch, *, training: bool) -> dict[str, Tensor]:
        """The outputs by the spec's names, with what only the loss reads where that is there."""
        ...

    def loss(self, outputs: Mapping[str, Tensor], batch: Batch) -> Tensor:
        """The loss, a number without axes."""
        ...

    def gradients(self) -> dict[str, Tensor | None]:
        """What the last backward left on each parameter that learns."""
        ...

    def state(self) -> dict[str, Tensor]:
        """Running statistics."""
        ...


@dataclass(frozen=True)
class Module:
    """A network that is a PyTorch module: the spec's own, or a person's.

    `forward` calls it as its writer would, and `criterion` takes what it returned; `keys` says what each of its
    parameters and buffers is called in the spec.
    """

    called: str
    module: nn.Module
    graph: Graph
    forward: Callable[[Callable[..., Any], Batch], Any]
    criterion: Callable[[Any, Batch], Tensor]
    keys: Mapping[str, str]

    def load(self, values: Mapping[str, Tensor]) -> None:
        """Take over parameters and state."""
        held = dict(self.module.named_parameters()) | dict(self.module.named_buffers())
        with torch.no_grad():
            for name, key in self.keys.items():
                held[name].copy_(values[key])

    def run(self, batch: Batch, *, training: bool) -> dict[str, Tensor]:
        """The outputs by name."""
        self.module.train(training)
        return by_name(self.forward(self.module, batch), self.graph, self.called)

    def loss(self, outputs: Mapping[str, Tensor], batch: Batch) -> Tensor:
        """The loss of outputs by name, which its writer's code takes as one tensor where it is one."""
        single = len(outputs) == 1
        return self.criterion(next(iter(outputs.values())) if single else dict(outputs), batch)

    def gradients(self) -> dict[str, Tensor | None]:
        """What the last backward left on each parameter that learns."""
        found = self.module.named_parameters()
        return {self.keys[name]: value.grad for name, value in found if value.requires_grad}

    def state(self) -> dict[str, Tensor]:
        """Running statistics."""
        return {self.keys[name]: value for name, value in self.module.named_buffers()}


def by_name(made: Any, graph: Graph, called: str) -> dict[str, Tensor]:
    """What a network returned, by the spec's names: a tensor, a dict, or a sequence in declared order."""
    names = [
        *graph.entry("predict"),
        *(one for one in graph.entry("train") if one not in graph.entry("predict")),
    ]
    if isinstance(made, Tensor):
        return {names[0]: made}
    if isinstance(made, Mapping) and set(made) <= set(names):
        return dict(made)
    if isinstance(made, list | tuple) and len(made) <= len(names):
        return dict(zip(names, made, strict=False))
    told = (
        f"a dict with {', '.join(map(str, made))}"
        if isinstance(made, Mapping)
        else f"a {type(made).__name__}"
    )
    raise SpecError.of(
        "NS672",
        f"`{called}` returns {told[:200]}, and the spec has {', '.join(f'`{one}`' for one in names)}",
        help="return a tensor, a dict by these names, or a tuple in this order",
    )


def own(spec: Spec) -> Module:
    """The compiled module of a spec with the first weights of its seed, and its loss."""
    seed = spec.training.seed if spec.training else 0
    compiled = assemble(spec.graph, name=spec.name, doc=spec.doc, digest=spec.digest, seed=seed)
    model, loss, for_loss = compiled.model, compiled.loss, compiled.for_loss
    assert loss is not None  # `race` has asked
    names, targets = list(spec.graph.inputs), list(spec.graph.targets)
    return Module(
        "module",
        model,
        spec.graph,
        lambda module, batch: module(*(batch[name] for name in names), **for_loss),
        lambda outputs, batch: loss(outputs, {name: batch[name] for name in targets}),
        {key: key for key in (*dict(model.named_parameters()), *dict(model.named_buffers()))},
    )


def written(spec: Spec, against: Against) -> Module:
    """The network of a person with the weights of the spec's module, and their loss if they name one, else its."""
    network, loss = made(against)
    ours = own(spec)
    names, targets = list(spec.graph.inputs), list(spec.graph.targets)

    def criterion(outputs: Any, batch: Batch) -> Tensor:
        value: Tensor = loss(outputs, *(batch[name] for name in targets))
        return value

    found = Module(
        against.network,
        network,
        spec.graph,
        lambda module, batch: module(*(batch[name] for name in names)),
        ours.criterion if loss is None else criterion,
        keys(network, ours.module, called=against.network),
    )
    found.load(ours.module.state_dict())
    return found


def still(spec: Spec) -> Descent:
    """The spec's own rule at a rate that moves nothing; plain SGD with momentum where the spec has no training."""
    if spec.training is None:
        return Descent(Sgd(lr=STILL, momentum=0.9))
    told = descent(spec.training, spec.graph)
    return Descent(told.optimizer.model_copy(update={"lr": STILL}), told.clip, told.undecayed)


def optimizer(spec: Spec, network: Module) -> torch.optim.Optimizer:
    """The optimizer of a training, on the parameters that learn."""
    named = network.module.named_parameters()
    return build(still(spec), [(network.keys[name], value) for name, value in named if value.requires_grad])
