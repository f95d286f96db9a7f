"""What is said of data: folders, tables, arrays and DICOM files that are not as they should be, and phantoms."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from netspec.data.cache import Cache
from netspec.data.phantom import generate
from netspec.data.samples import open_samples
from netspec.front import check_source
from netspec.recipe.data import DataRecipe
from netspec.recipe.source import Source as Origin
from netspec.text import Diagnostic, Source
from tests.data.dicom_files import write_collection, write_slice

ARRAYS = """
netspec: 1
inputs: {image: {shape: [1, 4, 4], range: [0, 1]}}
targets: {label: {kind: class_index, classes: 3}}
layers:
  - flatten
  - {linear: 3, name: scores}
loss: cross_entropy(scores, label)
data:
  source: {npz: data.npz}
  split: {by: sample, train: 0.5, validation: 0.5}
"""

HEARTS = """
netspec: 1
inputs: {cine: {shape: {time: 4, height: 8, width: 8}, range: [0, 1]}}
targets: {volume: {shape: [], unit: ml, range: [0, 599]}}
layers:
  - {rename: {time: channel}}
  - flatten
  - linear: 600
  - softmax
  - {cumsum, name: cdf}
loss: crps(cdf, volume)
data:
  source: {dicom_cine: {root: hearts}}
  fields: {cine: pixels, volume: Systole}
  split: {by: patient, train: 0.5, validation: 0.5}
  transforms:
    - normalize: {percentiles: [0, 100]}
    - frames: 4
    - crop: {height: 8, width: 8}
"""

IMAGE, LABEL = np.zeros((4, 1, 4, 4), np.float32), np.array([0, 1, 2, 1])


def opened(text: str, *changes: tuple[str, str]) -> Iterable[Diagnostic]:
    """Open the data of a spec with pieces of its text replaced; each piece must be there."""
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    spec, found = check_source(Source("example.yaml", text), Path())
    assert spec is not None, found
    assert spec.data is not None
    open_samples(spec.data, Path(), declared={**spec.graph.inputs, **spec.graph.targets})
    return ()


def arrays(*changes: tuple[str, str], image: object = IMAGE, label: object = LABEL) -> Iterable[Diagnostic]:
    """Open `data.npz` with these arrays."""
    np.savez("data.npz", image=np.asarray(image), label=np.asarray(label))
    return opened(ARRAYS, *changes)


def labelled(table: str) -> Iterable[Diagnostic]:
    """Open two patients with this table of labels."""
    write_collection(Path("hearts"), patients=2)
    Path("hearts", "train.csv").write_text(table, encoding="utf-8")
    return opened(HEARTS)


def ns511(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    return arrays(("train: 0.5, validation: 0.5", "train: 500, validation: 100"))


def ns520(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    return opened(HEARTS)


def ns521(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    write_collection(Path("hearts"), patients=2)
    return opened(HEARTS, ("{root: hearts}", "{root: hearts, view: 2ch}"))


def ns522(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    write_collection(Path("hearts"), patients=2)
    Path("hearts", "train.csv").unlink()
    return opened(HEARTS)


def ns523(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    return labelled("Id,Systole\n1,5O\n2,60\n")


def ns524(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    return labelled("Id,Systole\n1,50\n2,6000\n")


def ns525(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    return labelled("Id,Systole\nA,50\nB,60\n")


def ns526(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    root = write_collection(Path("hearts"), patients=2)
    for i in range(3):
        (root / "train" / "1" / "study" / "sax_4" / f"IM-torn-{i}.dcm").write_bytes(b"torn off")
    return opened(HEARTS)


def ns527(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    return opened(ARRAYS, ("data.npz", "../elsewhere.npz"))


def ns529(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    Path("taken").write_text("a file in the way", encoding="utf-8")
    Cache(Path("taken", "cache"))
    return ()


def ns530(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    return arrays(image=np.array([{"a": 1}, {"b": 2}], dtype=object))


def ns531(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    np.savez("data.npz", images=IMAGE, label=LABEL)
    return opened(ARRAYS)


def ns532(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    return arrays(image=IMAGE + 255)


def ns533(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    image = IMAGE.copy()
    image[1] = np.nan
    return arrays(image=image)


def ns534(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    patch.setitem(__import__("sys").modules, "sklearn.datasets", None)
    digits = ("{npz: data.npz}", "digits"), ("[1, 4, 4]", "[1, 8, 8]"), ("classes: 3", "classes: 10")
    return opened(ARRAYS, *digits, ("range: [0, 1]", "range: [0, 16]"), ("linear: 3", "linear: 10"))


def ns509(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    class Nifti(Origin):
        name = "nifti"

    open_samples(DataRecipe(Nifti()), folder, declared={})
    return ()


def ns535(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    root = write_collection(Path("hearts"), patients=2)
    write_slice(root / "train" / "1" / "study" / "sax_9", z=40.0, rows=10, columns=10)
    free = (
        ("height: 8, width: 8}, range", "height: H, width: W}, range"),
        ("  - flatten", "  - global_avg_pool"),
    )
    return opened(HEARTS, *free, ("    - crop: {height: 8, width: 8}\n", ""))


def ns560(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    generate(Path("hearts"), "tiny", defects=["missing_slise"])
    return ()


def ns561(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    generate(Path("hearts"), "tiny", patients=1)
    generate(Path("hearts"), "tiny", patients=1, seed=2)
    return ()


def ns562(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    Path("hearts").mkdir()
    Path("hearts", "truth.json").write_text("{}", encoding="utf-8")
    generate(Path("hearts"), "tiny", patients=1)
    return ()


def ns563(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    generate(Path("hearts"), "tiny", patients=1)
    next(Path("hearts", "train").rglob("*.dcm")).unlink()
    generate(Path("hearts"), "tiny", patients=1)
    return ()


def ns564(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    Path("hearts").write_text("a file in the way", encoding="utf-8")
    generate(Path("hearts"), "tiny", patients=1)
    return ()
