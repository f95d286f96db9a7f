"""The same network in Keras on its torch backend, trained by `fit`: made from the graph, op by op.

Weights are Keras' own, channels stay first, and the loss is the spec's, which is torch code as Keras' backend is. An op
that Keras has no layer for is named, and Keras is left out.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from netspec.ir.graph import Node, Ref
from netspec.recipe.descent import Descent
from netspec_torch.bench.batches import Batches
from netspec_torch.bench.contender import Contender, LeftOut, Ready, rehearse
from netspec_torch.bench.job import Job
from netspec_torch.bench.keras_layers import LAYERS, Held, Laid
from netspec_torch.bench.network import Batch, Module, own, still
from netspec_torch.bench.turns import Turns

RULES = {"sgd": "SGD", "adam": "Adam", "adamw": "AdamW", "adagrad": "Adagrad", "rmsprop": "RMSprop"}
"""Optimizers that Keras has too. Its weight decay is always decoupled; in time it costs the same."""


def _keras() -> Any:
    """Keras on the torch backend; LeftOut where it is set to another."""
    os.environ.setdefault("KERAS_BACKEND", "torch")
    import keras  # noqa: PLC0415 - where it is installed

    if keras.config.backend() != "torch":
        raise LeftOut(f"it is set to the backend `{keras.config.backend()}`: set KERAS_BACKEND=torch")
    keras.config.set_image_data_format("channels_first")
    return keras


def _load() -> None:
    rehearse()
    _keras()


@dataclass(frozen=True)
class Built:
    """A Keras model of a graph, and where each of its weights is kept in the spec."""

    model: Any
    held: tuple[Held, ...]
    outputs: tuple[str, ...]
    ours: Module

    @property
    def called(self) -> str:
        """What it is called in a message."""
        return "keras"

    def load(self, values: Mapping[str, Tensor]) -> None:
        """Take over parameters and state."""
        for one in self.held:
            one.variable.assign(one.ours_to_keras(values[one.key]))

    def run(self, batch: Batch, *, training: bool) -> dict[str, Tensor]:
        """The outputs by name."""
        made = self.model([batch[name] for name in self.ours.graph.inputs], training=training)
        return dict(zip(self.outputs, made if isinstance(made, list | tuple) else [made], strict=True))

    def loss(self, outputs: Mapping[str, Tensor], batch: Batch) -> Tensor:
        """The spec's loss."""
        return self.ours.loss(outputs, batch)

    def gradients(self) -> dict[str, Tensor | None]:
        """What the last backward left, as the spec's module has it."""
        found: dict[str, Tensor | None] = {}
        for one in self.held:
            if one.variable.trainable:
                grad = one.variable.value.grad
                found[one.key] = None if grad is None else one.keras_to_ours(grad)
        return found

    def state(self) -> dict[str, Tensor]:
        """Running means. Keras keeps the variance of the batch itself where PyTorch keeps an unbiased one."""
        state = self.ours.graph.state
        return {
            one.key: one.keras_to_ours(one.variable.value)
            for one in self.held
            if one.key in state and one.key.rpartition(".")[2] == "running_mean"
        }


def build(job: Job) -> Built:
    """The spec's graph as a Keras model with the module's weights; LeftOut names the op that Keras has not."""
    keras = _keras()
    graph = job.spec.graph
    if any(name not in graph.entry("predict") for name in graph.entry("train")):
        raise LeftOut(
            "the loss reads outputs that only training has, and a Keras model has one set of outputs"
        )
    with torch.device("cpu"):
        return _built(job, keras)


def _built(job: Job, keras: Any) -> Built:
    graph = job.spec.graph
    values: dict[Ref, Any] = {}
    for name, kind in graph.inputs.items():
        shape = (
            tuple(size.value for size in kind.sizes[1:]) if job.drawn is None else job.drawn[name].shape[1:]
        )
        values[Ref(name)] = keras.Input(shape, dtype=kind.dtype, name=name)
    held: list[Held] = []
    for node in graph.walk("predict"):
        laid = _laid(keras, node, [values[ref] for ref in node.inputs], graph)
        values[Ref(node.path)] = laid.value
        held += laid.held
    outputs = tuple(graph.entry("predict"))
    ours = own(job.spec)
    made = [values[ref] for ref in graph.entry("predict").values()]
    inputs = [values[Ref(name)] for name in graph.inputs]
    model = _model_class(keras, ours, outputs)(
        inputs=inputs, outputs=made if len(made) > 1 else made[0], name="network"
    )
    for one in held:
        row = graph.parameters.get(one.key)
        one.variable.trainable = row is not None and row.trainable
    found = Built(model, tuple(held), outputs, ours)
    found.load(ours.module.state_dict())
    return found


def _laid(keras: Any, node: Node, inputs: list[Any], graph: Any) -> Laid:
    """One node as a layer of Keras."""
    lay: Callable[..., Laid] | None = LAYERS.get(type(node.op))
    if lay is None:
        raise LeftOut(f"Keras has no layer that does what `{node.op.name}` does (`{node.path}`)")
    if "statistics" in node.frozen:
        raise LeftOut(f"`{node.path}` keeps its statistics and learns, which a layer of Keras cannot")
    types = [graph.type_of(ref) for ref in node.inputs]
    return lay(keras, node.op, inputs, types, node)


def _model_class(keras: Any, ours: Module, outputs: tuple[str, ...]) -> Any:
    """A Keras model whose loss is the spec's."""

    class Network(keras.Model):  # type: ignore[misc]
        def compute_loss(self, x: Any, y: Any, y_pred: Any, *rest: Any, **more: Any) -> Tensor:
            del x, rest, more
            made = y_pred if isinstance(y_pred, list | tuple) else [y_pred]
            return ours.loss(dict(zip(outputs, made, strict=True)), y)

    return Network


def _rule(keras: Any, descent: Descent) -> Any:
    """Keras' optimizer of the same kind."""
    rule, clip = descent.optimizer, descent.clip
    kind = RULES.get(rule.name)
    if kind is None:
        raise LeftOut(f"Keras has no optimizer `{rule.name}`")
    options: dict[str, Any] = {"learning_rate": rule.lr}
    for ours, theirs in (("momentum", "momentum"), ("nesterov", "nesterov"), ("eps", "epsilon")):
        if hasattr(rule, ours):
            options[theirs] = getattr(rule, ours)
    if rule.weight_decay:
        options["weight_decay"] = rule.weight_decay
    if clip is not None:
        options |= {"global_clipnorm": clip.norm} if clip.norm is not None else {"clipvalue": clip.value}
    return getattr(keras.optimizers, kind)(**options)


def _ready(job: Job) -> Ready:
    keras = _keras()
    built = build(job)
    built.model.compile(optimizer=_rule(keras, still(job.spec)))
    targets = list(job.spec.graph.targets)
    inputs = list(job.spec.graph.inputs)
    settings = {
        "precision": "float32",
        "memory_format": "contiguous",
        "compile": bool(built.model.jit_compile),
        "threads": torch.get_num_threads(),
        "keras": keras.__version__,
    }

    def train(batches: Batches, turns: Turns) -> None:
        pairs = (
            (tuple(batch[name] for name in inputs), {name: batch[name] for name in targets})
            for batch in batches
        )
        try:
            built.model.fit(
                pairs, steps_per_epoch=2**31, epochs=1, verbose=0, callbacks=[_turning(keras, turns)]
            )
        except _Over:
            return

    return Ready(settings, train)


def _turning(keras: Any, turns: Turns) -> Any:
    """A callback that keeps `fit` to its turns."""

    class Turning(keras.callbacks.Callback):  # type: ignore[misc]
        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            del logs
            if batch == 0:
                turns.begin()

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            del batch, logs
            if not turns.stepped():
                raise _Over

    return Turning()


class _Over(Exception):
    """The last turn is over; `fit` knows no other way to be told within an epoch."""


KERAS = Contender(
    "keras",
    "the same network in Keras on its torch backend, trained by `fit`",
    _ready,
    network=build,
    needs=("keras",),
    load=_load,
)
