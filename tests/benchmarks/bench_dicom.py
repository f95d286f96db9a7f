"""What reading a study's pixels costs, against a bare pydicom loop over the same files, in one run.

    python tests/benchmarks/bench_dicom.py [rounds]

Prints, for a phantom and for the real heart where it is at hand, milliseconds and the ratio to the bare loop: cold (no
index, no cache), with the index, and from the array cache. Files are warm in the system's memory throughout; rounds are
interleaved, and the least of each counts. The limits are 1.8, 1.2 and 1/20.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom

from netspec.data.dicom.source import open_cine
from netspec.data.phantom import generate
from netspec.data.samples import open_samples
from netspec.ir.types import tensor
from netspec.recipe.data import DataRecipe
from netspec.recipe.source import DicomCine
from netspec.recipe.split import Split

HEART = Path(__file__).parents[2].parent / "shared" / "data" / "porcine-cine" / "short-axis"
CINE = tensor(batch="N", time="T", height="H", width="W")


def bare(files: list[Path]) -> None:
    """The loop that anybody would write."""
    for file in files:
        _ = pydicom.dcmread(file).pixel_array


def read(root: Path, index: Path | None) -> int:
    """All pixels of the collection through the reader; gives how many bytes."""
    opened = open_cine(DicomCine(root="data"), root, {"pixels": CINE}, index, lambda *_: None)
    total = 0
    for i in range(len(opened.group_ids)):
        study = opened.read(i)
        assert study is not None
        total += sum(cine.nbytes for cine in study.fields["pixels"])
    opened.finish()
    return total


def cached(root: Path) -> float:
    """All pixels from the array cache, every one looked at."""
    recipe = DataRecipe(DicomCine(root="data"), {"cine": "pixels"}, Split(train=1))
    samples = open_samples(recipe, root, declared={"cine": CINE})
    return float(np.max(samples.fields["cine"]))


def milliseconds(work: Callable[[], object]) -> float:
    """How long `work` takes."""
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1000


def compare(name: str, root: Path, rounds: int) -> None:
    """Measure one collection and print its line."""
    files = sorted((root / "data").rglob("*.dcm"))
    read(root, root / "index")
    cached(root)
    kinds: dict[str, Callable[[], object]] = {
        "bare": lambda: bare(files),
        "cold": lambda: read(root, None),
        "indexed": lambda: read(root, root / "index"),
        "cached": lambda: cached(root),
    }
    least = dict.fromkeys(kinds, float("inf"))
    for _ in range(rounds):
        for kind, work in kinds.items():
            least[kind] = min(least[kind], milliseconds(work))
    base = least["bare"]
    print(
        f"{name:<8} {len(files):>5} files   bare {base:8.1f} ms"
        f"   cold {least['cold']:8.1f} ms = {least['cold'] / base:5.3f}x"
        f"   indexed {least['indexed']:8.1f} ms = {least['indexed'] / base:5.3f}x"
        f"   cached {least['cached']:7.1f} ms = 1/{base / least['cached']:.0f}"
    )


def main() -> None:
    """Make the collections and compare."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        generate(root / "phantom" / "data", "small", seed=1, patients=1)
        compare("phantom", root / "phantom", rounds)
        if HEART.is_dir():
            shutil.copytree(HEART, root / "heart" / "data" / "1" / "study" / "sax_1")
            compare("heart", root / "heart", rounds)
        else:
            print("heart    not measured: shared/data/porcine-cine is not beside the repository")


if __name__ == "__main__":
    main()
