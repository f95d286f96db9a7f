"""Small specs, and backends that are the reference but for one planted fault."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import netspec_numpy
from netspec.backend import Arrays, Feed, Run
from netspec.front import check_source
from netspec.ir.graph import Graph
from netspec.ir.op import Op
from netspec.recipe.descent import Descent
from netspec.recipe.pace import Pace
from netspec.recipe.spec import Spec
from netspec.text import Source
from netspec_numpy.rule import Array, Context, Forward, Rule
from netspec_numpy.run import run

CLASSIFIER = """
netspec: 1
name: small
inputs: {image: {shape: [2, 8, 8], range: [0, 255]}}
targets: {label: {kind: class_index, classes: 3}}
layers:
  - rescale: {mean: 128, std: 64}
  - conv: {out_channels: 4, kernel_size: 3, padding: 1}
  - batch_norm
  - relu
  - conv: {out_channels: 5, kernel_size: 3, padding: 1, stride: 2}
  - leaky_relu: 0.1
  - max_pool: 2
  - dropout: 0.25
  - flatten
  - {linear: 3, name: logits}
loss: cross_entropy(logits, label)
metrics:
  accuracy: accuracy(logits, label)
"""

CURVE = """
netspec: 1
name: curve
inputs: {x: {shape: [6], range: [-1, 1]}}
targets: {volume: {shape: [], unit: ml, range: [0, 19]}}
layers:
  - linear: 8
  - tanh
  - linear: 20
  - softmax
  - {cumsum, name: cdf}
loss:
  square: mean((cdf - step(volume, 20)) ** 2)
  score: crps(cdf, volume)
"""


def read(text: str) -> Spec:
    """The spec of a text."""
    spec, diagnostics = check_source(Source("small.yaml", text), Path())
    assert spec is not None, [one.message for one in diagnostics]
    return spec


Step = Callable[[Descent, Arrays, Sequence[Arrays], Sequence[Pace]], list[dict[str, Array]]]


@dataclass(frozen=True)
class Planted:
    """A backend: the reference, with other rules for some ops and perhaps another update."""

    rules: Mapping[type[Op], Rule[Any]] = field(default_factory=dict)
    step: Step = netspec_numpy.update
    name: str = "planted"

    def table(self) -> dict[type[Op], Rule[Any]]:
        return {**netspec_numpy.table(), **self.rules}

    def run(self, graph: Graph, feed: Feed, *, gradients: bool = True) -> Run:
        return run(graph, feed, gradients=gradients, rules=self.table())

    def disturb(self, graph: Graph, feed: Feed, shares: Mapping[str, float], *, seed: Sequence[int]) -> Run:
        return netspec_numpy.disturb(graph, feed, shares, seed=seed, rules=self.table())

    def update(
        self, descent: Descent, parameters: Arrays, gradients: Sequence[Arrays], paces: Sequence[Pace]
    ) -> list[dict[str, Array]]:
        return self.step(descent, parameters, gradients, paces)


def altered(
    kind: type[Op],
    *,
    forward: Callable[[Any, tuple[Array, ...], Context, Forward], Forward] | None = None,
    backward: Callable[[Any, Context, Any], Any] | None = None,
    when: Callable[[Any], bool] = lambda op: True,
) -> dict[type[Op], Rule[Any]]:
    """The rule of one op, changed in what its forward or its backward gives, for the uses that `when` holds of."""
    true = netspec_numpy.table()[kind]
    assert true.pull is not None
    pull = true.pull

    def ahead(op: Any, inputs: tuple[Array, ...], at: Context) -> Forward:
        made = true.forward(op, inputs, at)
        return forward(op, inputs, at, made) if forward is not None and when(op) else made

    def back(op: Any, saved: tuple[Any, ...], grads: tuple[Array, ...], at: Context) -> Any:
        sent = pull(op, saved, grads, at)
        return backward(op, at, sent) if backward is not None and when(op) else sent

    rule: Rule[Any] = Rule(kind, ahead)
    rule.backward(back)
    return {kind: rule}
