"""A training step of the compiled tutorial network against the same network written by hand, in one run.

    python -m tests.benchmarks.bench_step [batch] [rounds]

Prints the time of a step of each and their ratio, round by round in turn, so that the machine's moods meet both.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

import netspec
from tests.specs import tutorial_by_hand as by_hand

SPEC = Path(__file__).parents[2] / "specs" / "heart-tutorial-2015.yaml"
STEPS = 3


def timed(
    network: nn.Module, criterion: Callable[[Tensor, Tensor], Tensor], batch: tuple[Tensor, Tensor]
) -> float:
    """Seconds of one training step, the mean of a few."""
    optimizer = torch.optim.SGD([p for p in network.parameters() if p.requires_grad], lr=0.001, momentum=0.9)
    begin = time.perf_counter()
    for _ in range(STEPS):
        optimizer.zero_grad()
        torch.autograd.backward(criterion(network(batch[0]), batch[1]))
        optimizer.step()
    return (time.perf_counter() - begin) / STEPS


def main(size: int = 32, rounds: int = 10) -> None:
    """Run both in turn and print."""
    batch = torch.rand(size, 30, 64, 64) * 255, torch.rand(size) * 599
    pair = ((netspec.compile(SPEC), netspec.loss(SPEC)), (by_hand.Tutorial(), by_hand.loss))
    for network, criterion in pair:
        timed(network, criterion, batch)
    ratios = []
    for _ in range(rounds):
        ours, theirs = (timed(network, criterion, batch) for network, criterion in pair)
        ratios.append(ours / theirs)
        print(f"compiled {ours * 1e3:7.1f} ms   by hand {theirs * 1e3:7.1f} ms   ratio {ours / theirs:.3f}")
    print(f"median ratio {statistics.median(ratios):.3f} of {rounds} rounds at batch {size}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
