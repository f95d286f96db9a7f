"""The loss and all metrics of one part of the data: the same for a validation while training and for `evaluate`."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from netspec.data.samples import Samples
from netspec.ir.graph import Graph
from netspec.recipe.spec import Spec
from netspec.text import SpecError
from netspec_torch.module import Compiled
from netspec_torch.train.batches import Batch, gather
from netspec_torch.train.single import told_of_single_numbers

Array = NDArray[Any]


@dataclass(frozen=True)
class Kept:
    """Values that were asked for, by name, and whose they are: numbers of samples, or of groups."""

    values: dict[str, Array] = field(default_factory=dict)
    numbers: Array = field(default_factory=lambda: np.zeros(0, np.int64))


@dataclass(frozen=True)
class Measured:
    """Loss terms and metrics by name in declared order, how much was measured, and the outputs that were asked for."""

    loss: dict[str, float]
    metrics: dict[str, float]
    samples: int
    groups: int
    kept: Kept


def outputs_of(made: Tensor | dict[str, Tensor], names: Sequence[str]) -> dict[str, Tensor]:
    """What a model or an aggregate returned, by name."""
    return made if isinstance(made, dict) else {names[0]: made}


def measure(
    spec: Spec,
    compiled: Compiled,
    samples: Samples,
    numbers: NDArray[np.int64],
    *,
    batch_size: int,
    device: torch.device,
    context: AbstractContextManager[Any],
    keep: Sequence[str] = (),
) -> Measured:
    """Measure the samples called `numbers`.

    Loss terms are means over the samples; metrics are their formulas over all samples, or all groups, as one batch.
    `context` sets the precision. `keep` names outputs of the groups (of the samples, where there are none). The model
    is left in the mode in which it came.
    """
    model = compiled.model
    was_training = model.training
    model.eval()
    for metrics in (compiled.metrics, compiled.group_metrics):
        if metrics is not None:
            metrics.reset()
    try:
        with torch.no_grad(), context:
            return _measure(spec, compiled, samples, numbers, batch_size, device, keep)
    finally:
        model.train(was_training)


def _measure(
    spec: Spec,
    compiled: Compiled,
    samples: Samples,
    numbers: NDArray[np.int64],
    batch_size: int,
    device: torch.device,
    keep: Sequence[str],
) -> Measured:
    """`measure` once all is set."""
    graph = spec.graph
    order = numbers[np.argsort(samples.groups[numbers], kind="stable")]
    sums: dict[str, float] = {}
    kept: dict[str, list[Array]] = {name: [] for name in keep}
    whose: list[int] = []
    groups = _Groups(spec, compiled, samples, order) if spec.group and compiled.aggregate else None
    for start in range(0, len(order), batch_size):
        part = order[start : start + batch_size]
        batch = {name: value.to(device) for name, value in gather(samples, part).items()}
        outputs, targets = forward(graph, compiled, batch)
        if compiled.loss is not None:
            for name, term in compiled.loss.terms(outputs, targets).items():  # type: ignore[operator]
                sums[name] = sums.get(name, 0.0) + float(term) * len(part)
        if compiled.metrics is not None:
            compiled.metrics.update(outputs, targets)
        if groups is None:
            _take(kept, whose, outputs, part)
            continue
        for group, made in groups.take(start, outputs, targets):
            _take(kept, whose, made, [group])
    results = {} if compiled.metrics is None else compiled.metrics.compute()
    if groups is not None and compiled.group_metrics is not None:
        results |= compiled.group_metrics.compute()
    values = {name: np.concatenate(arrays) for name, arrays in kept.items() if arrays}
    return Measured(
        {name: total / len(order) for name, total in sums.items()},
        results,
        len(order),
        len(np.unique(samples.groups[order])),
        Kept(values, np.asarray(whose, np.int64)),
    )


def forward(
    graph: Graph, compiled: Compiled, batch: Batch, called: Callable[..., Any] | None = None
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The model's outputs, with what the loss needs besides, and the targets, both by name and in full precision.

    `called` is the model in another form, as a compiled one.
    """
    model = compiled.model if called is None else called
    with told_of_single_numbers(graph):
        made = model(*(batch[name] for name in graph.inputs), **compiled.for_loss)
    outputs = outputs_of(made, list(graph.entry("predict")))
    wide = {name: value.float() if value.is_floating_point() else value for name, value in outputs.items()}
    return wide, {name: batch[name] for name in graph.targets}


def _take(
    kept: dict[str, list[Array]], whose: list[int], made: Mapping[str, Tensor], numbers: Sequence[int] | Array
) -> None:
    """Keep what was asked for."""
    for name, arrays in kept.items():
        arrays.append(made[name].float().cpu().numpy())
    whose.extend(int(number) for number in numbers)


class _Groups:
    """Collects the outputs of a group's samples as they come by, and aggregates each group when it is whole."""

    def __init__(self, spec: Spec, compiled: Compiled, samples: Samples, order: NDArray[np.int64]) -> None:
        assert spec.group is not None
        self._graph, self._compiled = spec.group.graph, compiled
        self._owners = samples.groups[order]
        self._pending: list[dict[str, Tensor]] = []

    def take(
        self, start: int, outputs: Mapping[str, Tensor], targets: Mapping[str, Tensor]
    ) -> Iterator[tuple[int, dict[str, Tensor]]]:
        """Take the batch that begins at place `start`; gives the number and outputs of each group that it completes."""
        count = len(next(iter(outputs.values())))
        owners = self._owners[start : start + count]
        edges = [0, *(np.flatnonzero(np.diff(owners)) + 1).tolist(), count]
        for begin, end in itertools.pairwise(edges):
            self._pending.append({name: outputs[name][begin:end] for name in self._graph.inputs})
            after = start + end
            if after < len(self._owners) and self._owners[after] == owners[begin]:
                continue
            whole = {
                name: torch.cat([one[name] for one in self._pending])[None] for name in self._graph.inputs
            }
            self._pending.clear()
            assert self._compiled.aggregate is not None
            made = outputs_of(self._compiled.aggregate(*whole.values()), list(self._graph.entry("predict")))
            if self._compiled.group_metrics is not None:
                mine = {name: value[begin : begin + 1] for name, value in targets.items()}
                self._compiled.group_metrics.update(made, mine)
            yield int(owners[begin]), made


def check_targets_of_groups(spec: Spec, samples: Samples) -> None:
    """SpecError NS643 where samples of one group disagree about a target that a metric of the group reads."""
    if spec.group is None:
        return
    read = {ref.path for node in spec.group.graph.walk("metrics") for ref in node.inputs} & set(
        spec.group.graph.targets
    )
    first = np.zeros(int(samples.groups.max(initial=-1)) + 1, np.int64)
    first[samples.groups[::-1]] = np.arange(len(samples))[::-1]
    for name in sorted(read):
        values = np.asarray(samples.fields[name])
        if not np.array_equal(values, values[first[samples.groups]]):
            raise SpecError.of(
                "NS643",
                f"a metric of each {spec.group.by} reads `{name}`, and samples of one {spec.group.by} disagree on it",
                help=f"compare `{name}` in a metric of the samples",
            )
