"""A cold `netspec compile` of a network to its file against a cold `netspec validate` of the same spec, in one run.

    python -m tests.benchmarks.bench_compile [rounds] [spec]

Prints the median seconds of both, run in turn in processes of their own, and their ratio: by the clock on the wall,
and by processor time, which other work on the machine disturbs less. Writing a file should cost less than twice what
checking the spec does.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.bench_validate import VALIDATE, cost


def main(rounds: int = 21, spec: str = "specs/zoo/resnet50.yaml") -> None:
    """Run both in turn and print."""
    found: dict[str, list[tuple[float, float]]] = {"validate": [], "compile": []}
    with tempfile.TemporaryDirectory() as folder:
        commands = {
            "validate": ["-c", VALIDATE, "validate", spec],
            "compile": ["-c", VALIDATE, "compile", spec, "-o", str(Path(folder) / "net.py")],
        }
        for command in commands.values():
            cost(command, folder)  # once, so that both find their files in memory and their bytecode written
        for _ in range(rounds):
            for name, command in commands.items():
                found[name].append(cost(command, folder))
    for index, clock in enumerate(("wall", "processor")):
        middle = {name: statistics.median(one[index] for one in costs) for name, costs in found.items()}
        least = min(a[index] for a in found["compile"]) / min(a[index] for a in found["validate"])
        print(
            f"{clock:>9}: validate {middle['validate']:.3f} s, compile {middle['compile']:.3f} s, "
            f"ratio {middle['compile'] / middle['validate']:.2f} (of the fastest runs {least:.2f})"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 21, *sys.argv[2:3])
