"""A step of `netspec train` against the same step in a bare loop: what the engine and the learner's hooks cost.

    python -m tests.benchmarks.bench_loop [rounds]

Both train the digits, on the same batches of the same data, in one process and in turn. Told is processor time: on one
thread (OMP_NUM_THREADS=1) what else the machine does hardly shows. The step is small, so that the difference shows.
"""

from __future__ import annotations

import itertools
import statistics
import sys
import tempfile
import time
from pathlib import Path

import torch

import netspec
from netspec.backend import Watcher
from netspec.recipe.descent import descent
from netspec.recipe.spec import Spec
from netspec_torch.optimizer import bound, build
from netspec_torch.train.batches import Plan, gather
from netspec_torch.train.run import compile_spec, open_data, train

SPEC = Path(__file__).parents[2] / "specs" / "digits.yaml"


class Steps(Watcher):
    """Keeps when each step was done."""

    def __init__(self) -> None:
        self.times: list[list[float]] = [[]]

    def step(self, step: int, steps: int, loss: float) -> None:
        """A step is done."""
        del step, steps, loss
        self.times[-1].append(time.process_time())

    def epoch(self, row: object) -> None:
        """What comes between epochs is no step."""
        del row
        self.times.append([])

    def each(self) -> list[float]:
        """Seconds of the steps."""
        return [b - a for part in self.times for a, b in itertools.pairwise(part)]


def engine(spec: Spec) -> list[float]:
    """Seconds of each step of `netspec train`."""
    watcher = Steps()
    with tempfile.TemporaryDirectory() as folder:
        train(spec, runs=Path(folder), device="cpu", watcher=watcher)
    return watcher.each()


def bare(spec: Spec) -> list[float]:
    """Seconds of each step of a loop as a person writes it."""
    assert spec.training is not None
    samples = open_data(spec, Watcher())
    plan = Plan(samples.splits["train"], spec.training.batch_size, 1, 0)
    compiled = compile_spec(spec)
    model, loss, rule = compiled.model, compiled.loss, descent(spec.training, spec.graph)
    assert loss is not None
    optimizer = build(rule, [(key, one) for key, one in model.named_parameters() if one.requires_grad])
    (entering,), (target,) = spec.graph.inputs, spec.graph.targets
    took = []
    begin = time.process_time()
    for number in range((spec.training.epochs or 1) * plan.steps_per_epoch):
        batch = gather(samples, plan.part(number)[0], training=True)
        optimizer.zero_grad()
        torch.autograd.backward(loss(model(batch[entering]), batch[target]))
        bound(rule.clip, model.parameters())
        optimizer.step()
        begin, before = time.process_time(), begin
        took.append(begin - before)
    return took


def main(rounds: int = 5) -> None:
    """Run both in turn and print."""
    spec = netspec.load(SPEC)
    pairs = []
    for number in range(rounds):
        order = (engine, bare) if number % 2 == 0 else (bare, engine)
        took = {one: statistics.median(one(spec)) * 1e3 for one in order}
        pairs.append((took[engine], took[bare]))
        print(f"netspec train {took[engine]:.3f} ms   bare loop {took[bare]:.3f} ms a step")
    more = statistics.median(a - b for a, b in pairs)
    share = statistics.median(a / b for a, b in pairs)
    print(
        f"netspec train takes {more * 1e3:.0f} microseconds more a step ({share:.2f} times) of {rounds} rounds"
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
