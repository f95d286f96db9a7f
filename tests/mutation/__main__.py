"""`python -m tests.mutation conv pool --sample 20`: how many mutants of each family of ops its tests kill.

Without families, all. Mutants are drawn at random, but the same for one seed. A survivor is printed with its line: a
missing test, or a change that changes nothing. Not part of CI: what it shows is in the README beside this file.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import sys
import time

os.environ["OMP_NUM_THREADS"] = "1"  # a process with threads may not be forked
os.environ["CI"] = "1"  # the fixed profile of Hypothesis

import hypothesis  # noqa: F401 - what is slow to load is loaded once, before the forks
import numpy as np  # noqa: F401
import pydantic  # noqa: F401
import pytest  # noqa: F401
import torch

from tests.mutation.mutants import Mutant, mutants
from tests.mutation.trial import ROOT, Tests, attempt, file_of

SIDES = ("netspec.ops", "netspec_numpy", "netspec_torch")


def families() -> dict[str, list[str]]:
    """The names of the ops of every family, read from the table's text: netspec itself is not loaded here."""
    text = (ROOT / "netspec" / "ops" / "__init__.py").read_text(encoding="utf-8")
    table = text[text.index("FAMILIES") : text.index("\n}")]
    return {family: names.split() for family, names in re.findall(r'"(\w+)": "([\w ]+)"', table)}


def tests_of(family: str, names: list[str]) -> Tests:
    """What holds a family: the suite made of its samples, and the tests that import it."""
    chosen = [
        str(file.relative_to(ROOT))
        for file in sorted((ROOT / "tests").rglob("test_*.py"))
        if file.parent.name in ("ops", "numpy")
        and re.search(
            rf"\b(netspec\.ops|netspec_numpy|netspec_torch)\.{family}\b", file.read_text(encoding="utf-8")
        )
    ]
    return Tests(tuple(chosen), frozenset(names))


def drawn(module: str, count: int, seed: int) -> list[Mutant]:
    """Some mutants of a module, drawn without putting back; none where there is no such file."""
    file = file_of(module)
    if not file.is_file():
        return []
    every = list(mutants(file.read_text(encoding="utf-8")))
    return sorted(
        random.Random(f"{seed} {module}").sample(every, min(count, len(every))), key=lambda one: one.line
    )


def main() -> None:
    """Try, and tell."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("families", nargs="*", help="families of ops, as files of netspec/ops are called")
    parser.add_argument("--sample", type=int, default=10, help="mutants of each file")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(1)
    known = families()
    unknown = sorted({*given.families} - known.keys())
    if unknown:
        parser.error(f"no family {', '.join(unknown)}; there are {', '.join(known)}")
    os.chdir(ROOT)
    total = survived = 0
    started = time.perf_counter()
    print("| family | rule | reference | lowering |\n|---|---|---|---|")
    survivors: list[str] = []
    for family in given.families or known:
        cells = []
        tests = tests_of(family, known[family])
        if not attempt(
            f"netspec.ops.{family}", file_of(f"netspec.ops.{family}").read_text("utf-8"), tests
        ).killed:
            for side in SIDES:
                tried = drawn(f"{side}.{family}", given.sample, given.seed)
                alive = [one for one in tried if not attempt(f"{side}.{family}", one.text, tests).killed]
                survivors += [f"{side}.{family}:{one}" for one in alive]
                total, survived = total + len(tried), survived + len(alive)
                cells.append(f"{len(tried) - len(alive)} of {len(tried)}" if tried else "-")
        else:
            sys.exit(f"the tests of {family} fail without any change: {tests}")
        print(f"| {family} | {' | '.join(cells)} |", flush=True)
    minutes = (time.perf_counter() - started) / 60
    print(f"\n{total - survived} of {total} mutants killed ({minutes:.0f} min). Survivors:\n")
    print("\n".join(f"* {one}" for one in survivors) or "none")


if __name__ == "__main__":
    main()
