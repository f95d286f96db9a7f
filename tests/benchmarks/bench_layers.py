"""How the time of checking grows with a spec: written layers, and copies of a block, from 100 to 10,000.

    python tests/benchmarks/bench_layers.py

Prints microseconds a layer; flat is what is wanted. Garbage is not searched for, as in the commands.
"""

from __future__ import annotations

import gc
import time
from pathlib import Path

from netspec.front import check_source
from netspec.text import Source
from netspec.text.render import render_all

COUNTS = (100, 1_000, 10_000)
HEAD = "netspec: 1\ninputs: {x: [8, 32, 32]}\n"


def written(count: int) -> str:
    """Every layer on a line of its own."""
    return HEAD + "layers:\n" + "  - relu\n" * count


def convolutions(count: int) -> str:
    """Half convolutions, half activations."""
    return (
        HEAD
        + "layers:\n"
        + "  - conv: {out_channels: 8, kernel_size: 3, padding: 1}\n  - relu\n" * (count // 2)
    )


def copies(count: int) -> str:
    """Copies of one block of four layers."""
    block = "blocks:\n  cell:\n    layers:\n      - conv: {out_channels: 8, kernel_size: 3, padding: 1, bias: false}\n"
    block += "      - batch_norm\n      - relu\n      - tanh\n"
    return HEAD + block + f"layers:\n  - {{cell, repeat: {count // 4}}}\n"


def seconds(text: str) -> float:
    """The lowest of three times of one check."""
    times = []
    for _ in range(3):
        start = time.perf_counter()
        spec, found = check_source(Source("bench.yaml", text), Path())
        times.append(time.perf_counter() - start)
        assert spec is not None, render_all(found, color=False)
    return min(times)


def main() -> None:
    """One row a form of spec, one column a number of layers."""
    gc.disable()
    print(f"{'microseconds a layer':24}" + "".join(f"{count:>10,}" for count in COUNTS))
    for make in (written, convolutions, copies):
        row = [seconds(make(count)) / count * 1e6 for count in COUNTS]
        print(f"{make.__name__:24}" + "".join(f"{one:10.0f}" for one in row))


if __name__ == "__main__":
    main()
