"""What the passes for inference gain: the folded module beside the module in evaluation, in turns, float32, one thread.

`python -m tests.benchmarks.bench_passes 15`: rounds. The numbers of both are compared first. It also counts what other
passes would find: layers that do nothing in evaluation, and values that are computed twice.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable

import torch

import netspec
from netspec.ir.graph import Graph
from netspec.passes.simplify import idle
from netspec.passes.specialize import specialize
from netspec.proof.trials import free_sizes, trials

NETWORKS = {
    "specs/heart-volume.yaml": {},
    "specs/zoo/resnet18.yaml": {},
    "specs/zoo/mobilenet_v3_large.yaml": {},
    "specs/zoo/efficientnet_b0.yaml": {},
    "specs/zoo/unet2d.yaml": {"H": 96, "W": 96},
    "specs/zoo/unet3d.yaml": {"D": 16, "H": 48, "W": 48},
}
"""Specs, with sizes for their letters."""


def measured(path: str, sizes: dict[str, int], rounds: int) -> tuple[float, float, float]:
    """Medians of milliseconds, plain and folded, and of the ratio of a round, one picture at a time."""
    spec = netspec.load(path)
    graph = specialize(spec.graph, {**sizes, "N": 1})
    trial = trials(graph, free_sizes(graph))[0]
    given = [torch.from_numpy(trial.inputs[key]) for key in graph.inputs]
    model = netspec.compile(spec, seed=0).eval()
    fast = netspec.for_inference(spec, weights=model)
    with torch.inference_mode():
        _alike(model(*given), fast(*given))
        pairs = [(_time(lambda: model(*given)), _time(lambda: fast(*given))) for _ in range(rounds)]
    plain, folded = zip(*pairs[1:], strict=True)
    ratios = [after / before for before, after in pairs[1:]]
    return statistics.median(plain), statistics.median(folded), statistics.median(ratios)


def _time(run: Callable[[], object]) -> float:
    start = time.process_time()
    run()
    return (time.process_time() - start) * 1000


def _alike(first: object, second: object) -> None:
    for one, other in zip(_values(first), _values(second), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-3 * float(one.abs().max()))


def _values(answer: object) -> list[torch.Tensor]:
    return list(answer.values()) if isinstance(answer, dict) else [answer]  # type: ignore[list-item]


def twice(graph: Graph) -> int:
    """Values without parameters, state or noise that another node has computed from the same inputs."""
    found = Counter(
        (node.op, node.inputs)
        for node in graph.walk("predict")
        if node.inputs and not node.parameters and not node.state and not node.noise and not node.regions
    )
    return sum(count - 1 for count in found.values())


def main(rounds: int) -> None:
    """Print a line for each network."""
    torch.set_num_threads(1)
    for path, sizes in NETWORKS.items():
        plain, folded, ratio = measured(path, sizes, rounds)
        graph = netspec.load(path).graph
        layers = list(graph.walk("predict"))
        print(
            f"{path}: {plain:.1f} ms, folded {folded:.1f} ms, ratio {ratio:.3f}; "
            f"of {len(layers)} layers {sum(map(idle, layers))} do nothing, {twice(graph)} are computed twice",
            flush=True,
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 15)
