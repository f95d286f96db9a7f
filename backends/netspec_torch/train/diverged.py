"""A loss or a gradient that is no number: which step, and the layer where it began."""

from __future__ import annotations

import warnings

import numpy as np
import torch

from netspec.backend import Feed, Run
from netspec.ir.graph import Graph, Node
from netspec.recipe.spec import Spec
from netspec.text import Diagnostic, Severity, SpecError
from netspec_torch.module import Compiled
from netspec_torch.observe import run
from netspec_torch.train.batches import Batch, Plan, noise_seed

_HELP = "lower the learning rate, warm it up (`schedule: [warmup: 1 epochs, ...]`), or bound it: `clip: {norm: 1}`"


_FIRST = "the weights are still the first ones: look at what this layer gets, and at the values it has no answer for"


class Diverged(Exception):
    """Raised inside a step, before the weights are touched; `explain` makes the message."""

    def __init__(self, step: int, taken: int, batch: Batch, what: str) -> None:
        super().__init__(f"the {what} of step {step + 1} is no number")
        self.step, self.taken, self.batch, self.what = step, taken, batch, what


def explain(found: Diverged, spec: Spec, compiled: Compiled, plan: Plan) -> SpecError:
    """The message: the step is run again, value by value, on the CPU in float32, until one is no number."""
    graph = spec.graph
    epoch = found.step // plan.steps_per_epoch + 1
    where = f"step {found.step + 1} (epoch {epoch})"
    broken = [
        name for name, value in compiled.model.state_dict().items()
        if name in graph.parameters and not bool(torch.isfinite(value).all())
    ]  # fmt: skip
    if broken:
        node = _owner(graph, broken[0])
        words = (
            f"`{broken[0]}` is no number since the update of step {found.step}: it left the range of float32"
        )
        return _error(f"the loss became no number at {where}", node, words)
    if found.what == "gradient":
        return _gradient(graph, compiled, where)
    replayed = _replay(found, graph, compiled, plan)
    for node in graph.walk("predict", "train", "loss"):
        for ref in node.refs:
            value = replayed.values.get(str(ref))
            if value is None or np.isfinite(value).all():
                continue
            bad = f"{np.count_nonzero(~np.isfinite(value))} of {value.size}"
            words = f"it began in `{node.path}` ({node.op.name}): {bad} values are no numbers, and all before it were"
            cure = _HELP if found.step else _FIRST
            return _error(f"the loss became no number at {where}", node, words, cure)
    words = "on the CPU in float32 the same step has a finite loss: the precision or the device made it"
    return _error(f"the loss became no number at {where}", None, words)


def _replay(found: Diverged, graph: Graph, compiled: Compiled, plan: Plan) -> Run:
    """The values of the step's forward pass, with the noise that it had."""
    fields = {name: value.detach().cpu().numpy() for name, value in found.batch.items()}
    weights = {
        name: value.detach().float().cpu().numpy() for name, value in compiled.model.state_dict().items()
    }
    feed = Feed(
        inputs={name: fields[name] for name in graph.inputs},
        targets={name: fields[name] for name in graph.targets},
        parameters={name: value for name, value in weights.items() if name in graph.parameters},
        state={name: value for name, value in weights.items() if name in graph.state},
        mode="train",
    )
    torch.manual_seed(noise_seed(plan.seed, found.taken))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return run(graph, feed, gradients=False)


def _gradient(graph: Graph, compiled: Compiled, where: str) -> SpecError:
    """The loss is finite and a gradient is not: the layer nearest to the loss is where it began on the way back."""
    bad = [
        name for name, value in compiled.model.named_parameters()
        if value.grad is not None and not bool(torch.isfinite(value.grad).all())
    ]  # fmt: skip
    for node in reversed(list(graph.walk("predict", "train", "loss"))):
        mine = [key for key in node.parameters.values() if key in bad]
        if mine:
            words = (
                f"on the way back from the loss, the gradient of `{mine[0]}` is the first that is no number"
            )
            return _error(f"a gradient became no number at {where}, with a loss that is one", node, words)
    words = "each gradient is a number, and their norm is none: they are too large for float32"
    return _error(f"the gradients became too large at {where}", None, words)


def _owner(graph: Graph, key: str) -> Node | None:
    """The first layer that has a parameter."""
    return next((node for node in graph.nodes if key in node.parameters.values()), None)


def _error(message: str, node: Node | None, words: str, cure: str = _HELP) -> SpecError:
    """The error, at the layer's place in the spec."""
    span = node.origin[0].span if node is not None and node.origin else None
    note = "the last checkpoint is from before it, and stands"
    return SpecError(
        [Diagnostic("NS650", Severity.ERROR, f"{message}: {words}", span, notes=(note,), help=cure)]
    )
