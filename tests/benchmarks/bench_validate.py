"""A cold `netspec validate` against importing pydantic, click and yaml and defining one model, in one run.

    python -m tests.benchmarks.bench_validate [rounds] [spec]

Prints the median seconds of both, run in turn in processes of their own, and their ratio: by the clock on the wall,
and by processor time, which other work on the machine disturbs less.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
LEAST = """
import click, pydantic, yaml
class Model(pydantic.BaseModel):
    number: int = pydantic.Field(ge=1)
    word: str = "word"
"""
VALIDATE = "from netspec.cli.main import main; main()"


def cost(arguments: list[str], bytecode: str) -> tuple[float, float]:
    """Seconds on the wall and of processor time of one Python process that keeps its bytecode in a folder."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    environment |= {"PYTHONPYCACHEPREFIX": bytecode}
    before, begin = os.times(), time.perf_counter()
    subprocess.run(
        [sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL, cwd=ROOT, env=environment
    )
    wall, after = time.perf_counter() - begin, os.times()
    used = (after.children_user - before.children_user) + (after.children_system - before.children_system)
    return wall, used


def main(rounds: int = 21, spec: str = "specs/heart-volume.yaml") -> None:
    """Run both in turn and print."""
    commands = {"imports": ["-c", LEAST], "validate": ["-c", VALIDATE, "validate", spec]}
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    with tempfile.TemporaryDirectory() as bytecode:
        for command in commands.values():
            cost(
                command, bytecode
            )  # once, so that both find their files in memory and their bytecode written
        for _ in range(rounds):
            for name, command in commands.items():
                found[name].append(cost(command, bytecode))
    for index, clock in enumerate(("wall", "processor")):
        middle = {name: statistics.median(one[index] for one in costs) for name, costs in found.items()}
        ratio = middle["validate"] / middle["imports"]
        least = min(a[index] for a in found["validate"]) / min(a[index] for a in found["imports"])
        print(
            f"{clock:>9}: imports {middle['imports']:.3f} s, validate {middle['validate']:.3f} s, "
            f"ratio {ratio:.2f} (of the fastest runs {least:.2f})"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 21, *sys.argv[2:3])
