"""What `netspec show --memory` tells of networks, what torch's hooks count, and what a process really had.

    OMP_NUM_THREADS=2 python -m tests.benchmarks.bench_memory

Each row is a step of a spec, taken in a process of its own: bytes kept for gradients as told and as counted, their
ratio, all that a step holds as told, and how much the process grew from before its first step to its most, both without
what was there before (parameters, buffers, inputs, targets). With `recompute` blocks run again.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import netspec_torch
from netspec.front import load
from netspec_torch.weighing import weigh

SPECS = Path(__file__).parents[2] / "specs"

ROWS: tuple[tuple[str, dict[str, int]], ...] = (
    ("heart-tutorial-2015", {"N": 32}),
    ("heart-volume", {"N": 32}),
    ("zoo/resnet18", {"N": 16}),
    ("zoo/unet2d", {"N": 2, "H": 64, "W": 64}),
    ("zoo/unet3d", {"N": 2, "D": 16, "H": 32, "W": 32}),
)


def recomputed(specs: Path, name: str) -> Path:
    """The spec among copies of all, made to run its blocks again."""
    made = specs / f"{name}.yaml"
    text = made.read_text(encoding="utf-8")
    made.write_text(text.replace("\ntraining:\n", "\ntraining:\n  recompute: [blocks]\n"), encoding="utf-8")
    return made


def row(called: str, path: Path, sizes: dict[str, int]) -> None:
    """Tell and measure one."""
    told = netspec_torch.memory(load(path), sizes)
    held = weigh(path, {}, sizes)
    grown = held.peak - held.before
    expected = told.gradients + told.optimizer + told.average + told.kept + told.again + told.moving
    at = ", ".join(f"{letter} = {size}" for letter, size in sizes.items())
    mega = 2.0**20
    print(
        f"| {called} | {at} | {told.kept / mega:.1f} | {held.kept / mega:.1f} | {told.kept / held.kept:.4f} "
        f"| {expected / mega:.1f} | {grown / mega:.1f} |"
    )


if __name__ == "__main__":
    print("| spec | sizes | told, MiB | hooks, MiB | ratio | step told, MiB | process grew, MiB |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        copies = Path(shutil.copytree(SPECS, Path(folder) / "specs"))
        for name, sizes in ROWS:
            path = SPECS / f"{name}.yaml"
            row(name, path, sizes)
            training = load(path).training
            nodes = load(path).graph.nodes
            if training is not None and any(node.scope.block for node in nodes):
                row(f"{name}, `recompute: [blocks]`", recomputed(copies, name), sizes)
