"""How long the reference takes for one forward and backward pass beside PyTorch, both in float64 on one core.

    OMP_NUM_THREADS=1 python tests/benchmarks/bench_reference.py

Prints milliseconds for networks of the zoo at 3x64x64 with two samples, and how many times PyTorch's time it is. Each
is run three times, and the fastest counts.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch

import netspec
from netspec.backend import Feed, find
from netspec.front import check_source
from netspec.proof.draw import draw
from netspec.recipe.spec import Spec
from netspec.text import Source
from netspec.text.render import render_all

ZOO = Path(__file__).parents[2] / "specs" / "zoo"
NETWORKS = ("resnet18", "resnet50", "densenet121", "mobilenet_v3_large", "vgg16_bn")
SIZE = 64
SAMPLES = 2


def network(name: str) -> Spec:
    """A network of the zoo for small pictures."""
    text = (ZOO / f"{name}.yaml").read_text("utf-8")
    small = text.replace("netspec: 1\n", f"netspec: 1\ninputs: {{image: [3, {SIZE}, {SIZE}]}}\n", 1)
    spec, found = check_source(Source(str(ZOO / f"{name}_small.yaml"), small), ZOO)
    assert spec is not None, render_all(found, color=False)
    return spec


def least(once: Callable[[], object]) -> float:
    """The lowest of three times, in milliseconds."""
    times = []
    for _ in range(3):
        start = time.perf_counter()
        once()
        times.append(time.perf_counter() - start)
    return min(times) * 1e3


def torch_pass(spec: Spec, feed: Feed) -> Callable[[], object]:
    """A forward and a backward pass of the compiled module; making it is not counted."""
    model, loss = netspec.compile(spec, seed=0).double().train(), netspec.loss(spec).double()
    image = torch.tensor(feed.inputs["image"], requires_grad=True)
    label = torch.tensor(feed.targets["label"])
    return lambda: loss(model(image), label).backward()


def main() -> None:
    """One row a network."""
    print(f"{'network':20}{'numpy':>10}{'torch':>10}{'times':>8}")
    for name in NETWORKS:
        spec = network(name)
        feed = draw(spec.graph, seed=0, batch=SAMPLES, mode="train")
        ours = least(partial(find("numpy").run, spec.graph, feed))
        theirs = least(torch_pass(spec, feed))
        print(f"{name:20}{ours:10,.0f}{theirs:10,.0f}{ours / theirs:8.2f}")


if __name__ == "__main__":
    main()
