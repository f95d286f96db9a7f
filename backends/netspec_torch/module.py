"""The live module: the very text that `netspec compile` writes, executed."""

from __future__ import annotations

import builtins
import hashlib
import inspect
import linecache
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import ModuleType
from typing import Any

import torch
from numpy.typing import NDArray
from torch import nn

from netspec.ir.graph import Graph
from netspec.ir.notebook import layers
from netspec.weights.initial import first
from netspec_torch.file import Source
from netspec_torch.running import Running
from netspec_torch.writing import FOR_LOSS, GROUP_METRICS, METRICS, write


@dataclass(frozen=True)
class Compiled:
    """What a spec compiles to: the model, and what else the spec has (None for what it has not).

    `loss(outputs, targets)` is the loss. `metrics` takes batches in and computes over them all. `aggregate` goes from
    the outputs of a group's samples, `[1, sample, ...]`, to those of the group, and `group_metrics` takes groups in.
    """

    model: nn.Module
    loss: nn.Module | None
    metrics: Running | None
    aggregate: nn.Module | None
    group_metrics: Running | None
    source: Source

    @cached_property
    def for_loss(self) -> dict[str, bool]:
        """The keyword arguments that make `model` return what the loss reads, whatever mode it is in."""
        asked = inspect.signature(self.model.forward).parameters.get(FOR_LOSS)
        return {} if asked is None or asked.kind is not asked.KEYWORD_ONLY else {FOR_LOSS: True}


def compile(  # the word that netspec's own interface uses
    graph: Graph,
    *,
    name: str = "model",
    doc: str = "",
    digest: str = "",
    group: Graph | None = None,
    seed: int | None = None,
) -> nn.Module:
    """The model of a graph in training mode.

    With a `seed`, first values depend on it and on each parameter's path alone, and are those of `netspec.weights` for
    every backend; without one, they come from torch's own generator.
    """
    return assemble(graph, name=name, doc=doc, digest=digest, group=group, seed=seed).model


def loss(graph: Graph, *, name: str = "model") -> nn.Module:
    """The loss of a graph: `loss(outputs, targets)` is a number, `loss.terms(outputs, targets)` its terms by name."""
    made = assemble(graph, name=name).loss
    if made is None:
        raise ValueError("the graph has no loss")
    return made


def assemble(
    graph: Graph,
    *,
    name: str = "model",
    doc: str = "",
    digest: str = "",
    group: Graph | None = None,
    seed: int | None = None,
) -> Compiled:
    """Everything a graph compiles to, from one source."""
    source = write(graph, name=name, doc=doc, digest=digest, group=group)
    module = execute(source)
    _show_in_notebooks(getattr(module, source.model), name, graph)
    model = construct(module, source.model, seed)
    _check(model, graph)
    if seed is not None:
        fill(model, first(graph, seed))
    return Compiled(
        model,
        _part(module, "Loss"),
        _part(module, METRICS),
        _part(module, "Aggregate"),
        _part(module, GROUP_METRICS),
        source,
    )


def _part(module: ModuleType, called: str) -> Any:
    """An instance of a class that the source may have; None where it has not."""
    kind = getattr(module, called, None)
    return None if kind is None else kind()


def construct(module: ModuleType, called: str, seed: int | None) -> nn.Module:
    """An instance of one class; with a seed, torch's own generator is left as it was."""
    if seed is None:
        made: nn.Module = getattr(module, called)()
        return made
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        seeded: nn.Module = getattr(module, called)()
        return seeded


@torch.no_grad()
def fill(model: nn.Module, values: Mapping[str, NDArray[Any]]) -> None:
    """Put first values in place of those that the constructors drew."""
    for key, parameter in model.named_parameters():
        if key in values:
            parameter.copy_(torch.from_numpy(values[key]))


def execute(source: Source) -> ModuleType:
    """The module of a generated source, the same one for the same text, under a name made from its text."""
    mark = hashlib.sha256(source.text.encode()).hexdigest()[:16]
    called = f"netspec_compiled_{mark}"
    if called in sys.modules:
        return sys.modules[called]
    module = ModuleType(called)
    _fill_module(module, source, mark)
    sys.modules[called] = module
    return module


def furnish(
    module: ModuleType,
    graph: Graph,
    *,
    name: str,
    doc: str = "",
    digest: str = "",
    group: Graph | None = None,
) -> None:
    """Fill a module that Python is importing with the classes of a graph; `Model` is another name of the model's."""
    source = write(graph, name=name, doc=doc, digest=digest, group=group)
    _fill_module(module, source, hashlib.sha256(source.text.encode()).hexdigest()[:16])
    model = getattr(module, source.model)
    vars(module).setdefault("Model", model)
    _show_in_notebooks(model, name, graph)


def _fill_module(module: ModuleType, source: Source, mark: str) -> None:
    """Run the source as the module's own, with its lines where `inspect` and tracebacks look for them."""
    file = f"<netspec {source.model} {mark}>"
    module.__file__ = file
    linecache.cache[file] = (len(source.text), None, source.text.splitlines(keepends=True), file)
    exec(builtins.compile(source.text, file, "exec", dont_inherit=True), module.__dict__)  # noqa: S102 - printed from a checked tree, see printer.show


def _show_in_notebooks(kind: type, name: str, graph: Graph) -> None:
    """Let a notebook show the layers of a model. The class has the method, so that a model is as easily kept as any."""
    kind._repr_html_ = lambda _: layers(name, graph)  # type: ignore[attr-defined]


def _check(model: nn.Module, graph: Graph) -> None:
    """The state dict must be the graph's tables, key by key and shape by shape: that is what weights are kept by."""
    used = {
        key
        for node in graph.walk("predict", "train")
        for key in (*node.parameters.values(), *node.state.values())
    }
    told = {key: row.shape for key, row in graph.parameters.items() if key in used}
    told |= {key: row.shape for key, row in graph.state.items() if key in used}
    made = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    if told != made:
        differing = sorted({*told.items()} ^ {*made.items()})
        raise AssertionError(f"the lowering and the graph disagree about {differing}")
