"""How long the reference takes against PyTorch for the same passes of the same network, both in float64 on one core.

    OMP_NUM_THREADS=1 python tests/benchmarks/bench_reference.py [rounds] [specs/zoo/resnet50.yaml size=64 ...]

The two take turns, and the median of the rounds counts. The module of PyTorch is built once, as for a training; what is
timed is forward and backward with the loss, of a batch of 2. Below them stands the processor time of a whole proof in
float64, by its stages.
"""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path
from typing import Any

import torch

import netspec
import netspec_numpy
from netspec.backend import Feed
from netspec.front import load
from netspec.ir.graph import Graph
from netspec.proof import verify
from netspec.proof.draw import draw
from netspec.recipe.descent import descent
from netspec.recipe.spec import Spec

DEFAULT = ["specs/zoo/resnet50.yaml", "size=64"]


def ready(spec: Spec, feed: Feed) -> Any:
    """A function that runs PyTorch forward and back on the numbers of a feed."""
    model = netspec.compile(spec, seed=0).double().train()
    loss = netspec.loss(spec)
    values = {**feed.parameters, **feed.state}
    model.load_state_dict({key: torch.from_numpy(values[key]) for key in model.state_dict()})
    inputs = [
        torch.from_numpy(value).requires_grad_(value.dtype.kind == "f") for value in feed.inputs.values()
    ]
    targets = {key: torch.from_numpy(value) for key, value in feed.targets.items()}
    (target,) = targets.values() if len(targets) == 1 else (targets,)

    def step() -> None:
        model.zero_grad()
        loss(model(*inputs), target).backward()

    return step


def seconds(what: Any) -> float:
    """Processor time of one call."""
    start = time.process_time()
    what()
    return time.process_time() - start


def compare(graph: Graph, feed: Feed, step: Any, rounds: int) -> None:
    """Time both in turn."""
    step()
    pairs = [(seconds(lambda: netspec_numpy.run(graph, feed)), seconds(step)) for _ in range(rounds)]
    ours, theirs = (statistics.median(one) for one in zip(*pairs, strict=True))
    ratio = statistics.median(a / b for a, b in pairs)
    print(
        f"forward and back: NumPy {ours:.2f} s, torch {theirs:.2f} s, ratio {ratio:.2f} (median of {rounds})"
    )


def proof(spec: Spec) -> None:
    """Time a proof stage by stage."""
    begun, stage, total = time.process_time(), "", 0.0

    def watch(done: int, of: int, what: str) -> None:
        nonlocal begun, stage, total
        del done, of
        now = time.process_time()
        if stage:
            print(f"{now - begun:7.2f} s  {stage}")
            total += now - begun
        begun, stage = now, what

    training = spec.training
    found = verify(spec.graph, descent(training, spec.graph) if training else None, watch=watch)
    watch(0, 0, "")
    print(f"{total:7.2f} s  in all: {'agrees' if found.ok else 'DIFFERS'} on {len(found.rows):,} tensors")


def main(rounds: str = "5", *rest: str) -> None:
    """Both benchmarks."""
    torch.set_num_threads(1)
    file, *settings = rest or DEFAULT
    spec = load(Path(file), {key: int(value) for key, value in (one.split("=") for one in settings)})
    feed = draw(spec.graph, seed=0, batch=2, mode="train")
    compare(spec.graph, feed, ready(spec, feed), int(rounds))
    proof(spec)


if __name__ == "__main__":
    main(*sys.argv[1:])
