"""A training step of a compiled network against the same network written by hand, in one process.

    python -m tests.benchmarks.bench_step NAME [batch] [rounds]

NAME is a network of `by_hand/networks.py`. Prints the time of a step of each and their ratio, round by round in turn,
so that the machine's moods meet both (with OMP_NUM_THREADS=1 it is processor time). Then it prints what a step holds:
bytes kept for backward, and the most that are allocated at once, as PyTorch's allocator tells the profiler.
`netspec bench` compares the same in processes of their own.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile

from netspec.proof.workload import drawn, usual_sizes
from netspec_torch.bench.batches import tensors
from netspec_torch.bench.figures import median_interval
from netspec_torch.bench.matched import keys
from netspec_torch.module import assemble
from tests.benchmarks.by_hand.networks import NETWORKS

SECONDS = 0.3
"""About so long a turn takes, but one step at the least."""


class Trained:
    """A network and all that a step of it needs."""

    def __init__(
        self, network: nn.Module, criterion: Callable[[Tensor, Tensor], Tensor], batch: tuple[Tensor, Tensor]
    ) -> None:
        self.network, self.criterion, self.batch = network, criterion, batch
        learned = [one for one in network.parameters() if one.requires_grad]
        self.optimizer = torch.optim.SGD(learned, lr=1e-12, momentum=0.9)

    def step(self) -> None:
        """One training step."""
        self.optimizer.zero_grad()
        torch.autograd.backward(self.criterion(self.network(self.batch[0]), self.batch[1]))
        self.optimizer.step()

    def timed(self, steps: int) -> float:
        """Seconds of one step, the mean of a few: of the processor on one thread, where others may be busy too."""
        clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
        begin = clock()
        for _ in range(steps):
            self.step()
        return (clock() - begin) / steps

    def saved(self) -> int:
        """Bytes that forward keeps for backward, besides parameters and the batch; shared memory counts once."""
        kept: dict[int, int] = {}
        own = {
            one.untyped_storage().data_ptr()
            for one in (*self.network.parameters(), *self.network.buffers(), *self.batch)
        }

        def keep(value: Tensor) -> Tensor:
            storage = value.untyped_storage()
            if storage.data_ptr() not in own:
                kept[storage.data_ptr()] = storage.nbytes()
            return value

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda value: value):
            value = self.criterion(self.network(self.batch[0]), self.batch[1])
        torch.autograd.backward(value)
        return sum(kept.values())

    def peak(self) -> int:
        """The most bytes that a step allocates at once, beyond what was there before it."""
        with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as run:
            self.step()
        assert run.profiler is not None
        events = sorted(
            (one for one in run.profiler.kineto_results.events() if one.name() == "[memory]"),
            key=lambda one: one.start_ns(),
        )
        held = most = 0
        for one in events:
            held += one.nbytes()
            most = max(most, held)
        return most


def pair(name: str, size: int) -> tuple[Trained, Trained]:
    """The compiled network and the one by hand, with the same weights and batch."""
    found = NETWORKS[name]
    spec = found.load()
    fields = tensors(drawn(spec.graph, usual_sizes(spec.graph, found.sizes, size), seed=0))
    (entering,), (target,) = spec.graph.inputs, spec.graph.targets
    batch = fields[entering], fields[target]
    compiled = assemble(spec.graph, name=spec.name, seed=0)
    assert compiled.loss is not None
    hand = found.build(**found.arguments)
    state = compiled.model.state_dict()
    told = keys(hand, compiled.model, called=name)
    hand.load_state_dict({theirs: state[ours] for theirs, ours in told.items()})
    return Trained(compiled.model, compiled.loss, batch), Trained(hand, found.loss, batch)


def main(name: str = "tutorial", size: int = 0, rounds: int = 15) -> None:
    """Run both in turn and print."""
    both = pair(name, size or NETWORKS[name].batch)
    for one in both:
        one.timed(2)
    steps = max(1, round(SECONDS / both[1].timed(1)))
    ratios = []
    for number in range(rounds):
        order = both if number % 2 == 0 else both[::-1]
        took = {one: one.timed(steps) for one in order}
        ours, theirs = (took[one] for one in both)
        ratios.append(ours / theirs)
        print(f"compiled {ours * 1e3:7.1f} ms   by hand {theirs * 1e3:7.1f} ms   ratio {ours / theirs:.3f}")
    noise = median_interval(ratios)
    print(
        f"{name}: median ratio {statistics.median(ratios):.3f} ({noise.low:.3f} to {noise.high:.3f} with "
        f"{noise.coverage:.0%}) of {rounds} rounds of {steps} steps at batch {len(both[0].batch[0])}"
    )
    for what, measure in (("saved for backward", Trained.saved), ("allocated at the peak", Trained.peak)):
        ours, theirs = (measure(one) / 2**20 for one in both)
        print(f"{what}: compiled {ours:,.1f} MiB   by hand {theirs:,.1f} MiB   ratio {ours / theirs:.3f}")


if __name__ == "__main__":
    main(sys.argv[1] if sys.argv[1:] else "tutorial", *map(int, sys.argv[2:]))
