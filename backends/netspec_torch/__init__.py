"""The PyTorch backend: a torch-free table of lowerings, the source code made from it, and the module that runs it."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from netspec import backend as contract
from netspec.backend.memory import Measured, Memory
from netspec.ir.folding import Inference
from netspec.ir.graph import Graph
from netspec.recipe.average import Average
from netspec.recipe.descent import Descent
from netspec.recipe.pace import Pace
from netspec.recipe.spec import Spec
from netspec_torch.rule import Rule

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from netspec.weights.origin import Listing
    from netspec.weights.report import Report
    from netspec_torch.module import Compiled

name = "torch"


@cache
def table() -> contract.Rules[Rule[Any]]:
    """The lowering of every op. Nothing here imports torch. Those of other packages come when they are asked for."""
    return contract.Rules(name, contract.collect(sys.modules[__name__], Rule), Rule)


def source(graph: Graph, *, name: str, doc: str = "", digest: str = "", group: Graph | None = None) -> str:
    """The model, its loss and its metrics as one Python file that needs torch alone. Nothing here imports torch."""
    from netspec_torch.writing import text  # noqa: PLC0415 - it asks this module for the table

    return text(graph, name=name, doc=doc, digest=digest, group=group)


def assemble(
    graph: Graph,
    *,
    name: str = "model",
    doc: str = "",
    digest: str = "",
    group: Graph | None = None,
    seed: int | None = None,
) -> Compiled:
    """The model, its loss, its metrics and its aggregation as modules, all from one source."""
    with contract.needing("torch"):
        from netspec_torch.module import assemble as build  # noqa: PLC0415 - the table must come without torch

    return build(graph, name=name, doc=doc, digest=digest, group=group, seed=seed)


def furnish(
    module: ModuleType,
    graph: Graph,
    *,
    name: str,
    doc: str = "",
    digest: str = "",
    group: Graph | None = None,
) -> None:
    """Fill a module with the classes of the source, as `netspec compile` writes it."""
    with contract.needing("torch"):
        from netspec_torch.module import furnish as fill  # noqa: PLC0415 - the table must come without torch

    fill(module, graph, name=name, doc=doc, digest=digest, group=group)


def run(graph: Graph, feed: contract.Feed, *, gradients: bool = True) -> contract.Run:
    """Run every entry point that the feed has numbers for, and differentiate the loss."""
    with contract.needing("torch"):
        from netspec_torch.observe import run as execute  # noqa: PLC0415 - the table must come without torch

    return execute(graph, feed, gradients=gradients)


def confirm(graph: Graph, feed: contract.Feed, run: contract.Run) -> None:
    """SpecError NS741 unless the module of the written file makes the outputs of `run`, bit by bit."""
    with contract.needing("torch"):
        from netspec_torch.observe import confirm as ask  # noqa: PLC0415 - the table must come without torch

    ask(graph, feed, run)


def run_as(way: str, graph: Graph, feed: contract.Feed, *, gradients: bool = True) -> contract.Run:
    """As `run`, in the way of that name; SpecError NS717 where this machine cannot."""
    with contract.needing("torch"):
        from netspec_torch.observe import run as execute  # noqa: PLC0415 - the table must come without torch
        from netspec_torch.way import find  # noqa: PLC0415 - as above

    return execute(graph, feed, gradients=gradients, way=find(way))


def lacks(way: str) -> str:
    """Why nothing can be run that way on this machine; empty where it can."""
    with contract.needing("torch"):
        from netspec_torch.way import lacks as ask  # noqa: PLC0415 - the table must come without torch

    return ask(way)


def described() -> Mapping[str, str]:
    """PyTorch's version, threads and devices."""
    with contract.needing("torch"):
        from netspec_torch.way import described as tell  # noqa: PLC0415 - the table must come without torch

    return tell()


def update(
    descent: Descent,
    parameters: contract.Arrays,
    gradients: Sequence[contract.Arrays],
    paces: Sequence[Pace],
) -> list[dict[str, NDArray[Any]]]:
    """The parameters after each step as `torch.optim` makes it, given gradients and what the schedule makes of it."""
    with contract.needing("torch"):
        from netspec_torch.optimizer import update as steps  # noqa: PLC0415 - the table must come without torch

    return steps(descent, parameters, gradients, paces)


def steps(
    descent: Descent,
    parameters: contract.Arrays,
    gradients: Iterable[contract.Arrays],
    paces: Sequence[Pace],
) -> Iterator[dict[str, NDArray[Any]]]:
    """As `update`, one by one: the gradients of a step are taken once the parameters before it have been given."""
    with contract.needing("torch"):
        from netspec_torch.optimizer import steps as walk  # noqa: PLC0415 - the table must come without torch

    return walk(descent, parameters, gradients, paces)


def average(recipe: Average, weights: Sequence[contract.Arrays]) -> list[dict[str, NDArray[Any]]]:
    """The averages of the weights after each step, as a training keeps them."""
    with contract.needing("torch"):
        from netspec_torch.averaged import average as means  # noqa: PLC0415 - the table must come without torch

    return means(recipe, weights)


def fit(
    spec: Spec,
    *,
    runs: Path,
    resume: Path | None = None,
    device: str | None = None,
    watcher: contract.Watcher | None = None,
    pins: Mapping[str, Any] | None = None,
    replan: bool = False,
    weights: Path | None = None,
) -> contract.RunResult:
    """Train a spec into a new folder in `runs`, or go on with the run `resume`; SpecError for what is wrong."""
    with contract.needing("train"):
        from netspec_torch.train.run import train as begin  # noqa: PLC0415 - only training needs the engine
    return begin(
        spec,
        runs=runs,
        resume=resume,
        device=device,
        watcher=watcher,
        pins=pins,
        replan=replan,
        weights=weights,
    )


def evaluate(
    spec: Spec,
    run: Path,
    *,
    trained: Spec | None = None,
    split: str = "validation",
    checkpoint: str = "best",
    device: str | None = None,
    baselines: bool = False,
    watcher: contract.Watcher | None = None,
) -> Mapping[str, Any]:
    """Measure a run on one part of the data of `spec`; `trained` is the run's own spec where that is another."""
    with contract.needing("train"):
        from netspec_torch.train.evaluate import evaluate as begin  # noqa: PLC0415 - as in `train`
    return begin(
        spec,
        run,
        trained=trained,
        split=split,
        checkpoint=checkpoint,
        device=device,
        baselines=baselines,
        watcher=watcher,
    )


def memory(spec: Spec, sizes: Mapping[str, int]) -> Memory:
    """What a training step holds in memory at these sizes of all letters. Nothing here imports torch."""
    from netspec_torch.shadow.step import memory as tell  # noqa: PLC0415 - it asks this module for the table

    return tell(spec, sizes)


def weigh(path: Path, define: Mapping[str, Any], sizes: Mapping[str, int]) -> Measured:
    """What real steps of the spec at `path` take of memory; SpecError NS677 where they cannot be taken."""
    with contract.needing("torch"):
        from netspec_torch.weighing import weigh as take  # noqa: PLC0415 - the table must come without torch

    return take(path, define, sizes)


def room() -> int:
    """Bytes that are free on the CUDA device; SpecError NS703 where there is none."""
    with contract.needing("torch"):
        from netspec_torch.device import free  # noqa: PLC0415 - the table must come without torch

    return free()


def race(
    spec: Spec, course: contract.Course, *, watcher: contract.Watcher | None = None
) -> Mapping[str, Any]:
    """The time of a training step beside those of others, each in a process of its own."""
    with contract.needing("torch"):
        from netspec_torch.bench.race import race as begin  # noqa: PLC0415 - the table must come without torch
    return begin(spec, course, watcher)


def listed(weights: Path) -> Listing:
    """The tensors of a file of weights, or of a run, by name and shape; SpecError NS760 to NS764."""
    with contract.needing("torch"):
        from netspec_torch.weights.put import listed as tell  # noqa: PLC0415 - as in `run`

    return tell(weights)


def take(
    model: Any,
    weights: Path,
    *,
    spec: Spec | None = None,
    pairs: Mapping[str, str] | None = None,
    strict: bool = False,
) -> Report:
    """Put what fits of a file into a module, all of it or, where SpecError is raised, nothing."""
    with contract.needing("torch"):
        from netspec_torch.weights.put import load  # noqa: PLC0415 - as in `run`

    return load(model, weights, spec=spec, pairs=pairs, strict=strict)


def keep(
    spec: Spec,
    weights: Path,
    output: Path,
    *,
    pairs: Mapping[str, str] | None = None,
    strict: bool = False,
    force: bool = False,
) -> Report:
    """Write the weights that a spec starts with if it takes what fits of a file, as safetensors."""
    with contract.needing("torch"):
        from netspec_torch.weights.keep import keep as write  # noqa: PLC0415 - as in `run`

    return write(spec, weights, output, pairs=pairs, strict=strict, force=force)


def deliver(
    spec: Spec,
    output: Path,
    *,
    form: str,
    free: Sequence[contract.FreeSize] = (),
    trials: Sequence[contract.Trial] = (),
    weights: Path | None = None,
    seed: int = 0,
    inference: Inference | None = None,
    force: bool = False,
) -> contract.Exported:
    """Write a model in evaluation as `onnx`, `pt2` or `safetensors`, checked before it is put in its place."""
    with contract.needing("torch"):
        from netspec_torch.export.write import deliver as write  # noqa: PLC0415 - the table must come without torch

    return write(
        spec,
        output,
        form=form,
        free=free,
        trials=trials,
        weights=weights,
        seed=seed,
        inference=inference,
        force=force,
    )


def merge(
    spec: Spec, inference: Inference, weights: Path | Mapping[str, Any] | None = None, *, seed: int = 0
) -> Any:
    """The model of a graph that only predicts, its weights made of those of the spec's model."""
    with contract.needing("torch"):
        from netspec_torch.export.write import made, merged  # noqa: PLC0415 - the table must come without torch

    return merged(spec, made(spec, weights, seed=seed), inference)


def restore(spec: Spec, weights: Path) -> Any:
    """The model of a spec in evaluation, with the weights of a file whose tensors are exactly its own."""
    with contract.needing("torch"):
        from netspec_torch.export.write import made  # noqa: PLC0415 - the table must come without torch

    return made(spec, weights)


backend = sys.modules[__name__]
