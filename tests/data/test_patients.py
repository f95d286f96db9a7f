"""Stacks of slices as samples: what is in them, how unequal ones are kept, and what a batch takes of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from netspec.data.ragged import in_one
from netspec.data.samples import Samples, open_samples
from netspec.ir.facts import Facts
from netspec.ir.types import TensorType, tensor
from netspec.recipe.data import DataRecipe
from netspec.recipe.source import DicomCine
from netspec.recipe.split import Split
from netspec.recipe.transform import Crop, Fill, Frames, Normalize, Orient, Resample, Transform
from netspec.text import SpecError
from tests.data.dicom_files import write_patient, write_slice

HEIGHTS = (3, 5, 1)
CHAIN: tuple[Transform, ...] = (
    Normalize(percentiles=(0, 100)),
    Orient(to="row_major"),
    Resample.model_validate({"spacing": "2 mm"}),
    Frames(count=4),
    Crop(height=8, width=8),
    Fill.model_validate({"age": 50}),
)
KINDS = {
    "cine": tensor(batch="N", slice="S", time=4, height=8, width=8, facts=Facts(0, 1)),
    "present": tensor("bool", batch="N", slice="S", facts=Facts(0, 1, mask=True)),
    "gap": tensor(batch="N", slice="S", unit="mm", facts=Facts(0, 30)),
    "slice_position": tensor(batch="N", slice="S", facts=Facts(0, 1)),
    "spacing": tensor(batch="N", slice="S", feature=2, unit="mm"),
    "age": tensor(batch="N", feature=1, unit="year"),
    "volume": tensor(batch="N", facts=Facts(0, 599), unit="ml"),
}
FIELDS = {"cine": "pixels", "gap": "slice_gap", "volume": "Systole"}


@pytest.fixture
def hearts(tmp_path: Path) -> Path:
    """Three patients with stacks of different heights, and of frames and matrices that differ from slice to slice."""
    root = tmp_path / "hearts"
    for i, height in enumerate(HEIGHTS, 1):
        write_patient(root / "train" / str(i) / "study", slices=height)
    write_slice(root / "train" / "1" / "study" / "sax_1", series=90, z=45.0, frames=6, rows=10, columns=10)
    lines = [f"{i},{50 + i}" for i in range(1, len(HEIGHTS) + 1)]
    (root / "train.csv").write_text("\n".join(["Id,Systole", *lines]) + "\n")
    return tmp_path


def recipe(*chain: Transform, pad: bool = True, cache: str = "auto") -> DataRecipe:
    return DataRecipe(
        DicomCine(root="hearts", sample="patient"),
        FIELDS,
        Split(train=3),
        chain or CHAIN,
        pad={"slice": "present"} if pad else {},
        cache="auto" if cache == "auto" else "none",
    )


def opened(folder: Path, what: DataRecipe | None = None, **changes: TensorType) -> Samples:
    return open_samples(what or recipe(), folder, declared=KINDS | changes)


def test_a_sample_is_a_patient_with_all_slices_from_apex_to_base(hearts: Path) -> None:
    samples = opened(hearts)
    assert len(samples) == 3
    assert samples.groups.tolist() == [0, 1, 2]
    assert samples.fields["cine"].shape == (3, 5, 4, 8, 8)
    assert samples.fields["present"].tolist() == [[True] * n + [False] * (5 - n) for n in (4, 5, 1)]
    assert samples.fields["gap"].tolist() == [[10, 10, 25, 0, 0], [10, 10, 10, 10, 0], [0] * 5]
    assert samples.fields["slice_position"][1].tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert samples.fields["spacing"][0].tolist() == [[2, 2]] * 4 + [[0, 0]]
    assert samples.fields["volume"].tolist() == [51, 52, 53]
    assert samples.fields["age"].tolist() == [[41]] * 3
    assert not samples.fields["cine"][0, 4:].any()
    assert samples.fields["cine"][0, :4].any(axis=(1, 2, 3)).all()


def test_a_slice_of_a_stack_is_what_the_slice_alone_would_be(hearts: Path) -> None:
    stacks = opened(hearts)
    kinds = {"cine": tensor(batch="N", time=4, height=8, width=8, facts=Facts(0, 1))}
    alone = DataRecipe(DicomCine(root="hearts"), {"cine": "pixels"}, Split(train=3), CHAIN[:-1])
    slices = open_samples(alone, hearts, declared=kinds)
    assert np.array_equal(stacks.fields["cine"][stacks.fields["present"]], slices.fields["cine"])


def test_a_batch_is_as_long_as_its_own_longest_stack(hearts: Path) -> None:
    samples = opened(hearts)
    batch = samples.batch(np.array([2, 0]))
    assert batch["cine"].shape == (2, 4, 4, 8, 8)
    assert batch["present"].tolist() == [[True, False, False, False], [True] * 4]
    assert batch["gap"].shape == (2, 4)
    assert batch["age"].shape == (2, 1)
    assert np.array_equal(batch["cine"], samples.fields["cine"][[2, 0], :4])
    assert samples.batch(np.array([2]))["cine"].shape == (1, 1, 4, 8, 8)


def test_the_cache_holds_the_same_samples(hearts: Path) -> None:
    made, kept, bare = opened(hearts), opened(hearts), opened(hearts, recipe(cache="none"))
    assert isinstance(kept.fields["cine"], np.memmap)
    assert not list((hearts / ".netspec").rglob("*.tight"))
    for name in KINDS:
        assert np.array_equal(made.fields[name], kept.fields[name])
        assert np.array_equal(made.fields[name], bare.fields[name])
    assert made.fingerprint == kept.fingerprint == bare.fingerprint


def test_unequal_stacks_without_pad_are_refused_with_the_cure(hearts: Path) -> None:
    kinds = {name: kind for name, kind in KINDS.items() if name != "present"}
    with pytest.raises(SpecError, match=r"NS535.*\[4, 4, 8, 8\] in one sample and \[5, 4, 8, 8\]") as caught:
        open_samples(recipe(pad=False), hearts, declared=kinds)
    assert "`pad: {slice: present}`" in caught.value.diagnostics[0].help


@pytest.mark.parametrize("left_out, part", [(Frames, "`frames: 30`"), (Crop, "crop")])
def test_slices_of_one_stack_must_be_of_one_size(hearts: Path, left_out: type[Transform], part: str) -> None:
    chain = [one for one in CHAIN if not isinstance(one, left_out)]
    free = tensor(batch="N", slice="S", time="T", height="H", width="W", facts=Facts(0, 1))
    with pytest.raises(SpecError, match=r"NS535.*in another of the same stack") as caught:
        opened(hearts, recipe(*chain), cine=free)
    assert part in caught.value.diagnostics[0].help


def test_a_norm_over_slices_and_time_is_taken_over_the_stack(hearts: Path) -> None:
    everything = Normalize(percentiles=(0, 50), over=("slice", "time", "height", "width"))
    steps = (*CHAIN[1:5], everything, CHAIN[5])
    whole = (*CHAIN[1:5], Normalize(percentiles=(0, 50)), CHAIN[5])
    one, other = opened(hearts, recipe(*steps)), opened(hearts, recipe(*whole))
    assert np.allclose(one.fields["cine"], other.fields["cine"], rtol=0, atol=1e-6)


def test_zeros_count_for_the_declared_range(hearts: Path) -> None:
    near = replace(KINDS["gap"], facts=Facts(1, 30))
    with pytest.raises(SpecError, match=r"NS505|NS532"):
        opened(hearts, gap=near)


def test_arrays_of_unequal_shapes_are_filled_up_with_zeros() -> None:
    whole = in_one([np.ones((1, 2)), np.full((2, 1), 2.0)])
    assert whole.tolist() == [[[1, 1], [0, 0]], [[2, 0], [2, 0]]]
