"""The reader against the phantom, whose every fault and volume is known."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from netspec.data.dicom.account import Account
from netspec.data.dicom.find import collect
from netspec.data.dicom.headers import read_header
from netspec.data.dicom.stack import Picture, Slice, stack
from netspec.data.phantom import DEFECTS, Truth, generate
from netspec.data.samples import Samples, open_samples
from netspec.ir.facts import Facts
from netspec.ir.types import tensor
from netspec.recipe.data import DataRecipe
from netspec.recipe.source import SEXES, DicomCine
from netspec.recipe.split import Split
from netspec.recipe.transform import Crop, Frames, Normalize, Orient, Resample

CINE = tensor(batch="N", time=8, height=32, width=32, facts=Facts(0, 1))
VOLUME = tensor(batch="N", facts=Facts(0, 599), unit="ml")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("project")


@pytest.fixture(scope="module")
def truth(root: Path) -> Truth:
    return generate(root / "hearts", "tiny", seed=7, defects=list(DEFECTS))


@pytest.fixture(scope="module")
def samples(root: Path, truth: Truth) -> Samples:
    recipe = DataRecipe(
        DicomCine.model_validate({"root": "hearts", "at_most_bad": "5 %"}),
        {"cine": "pixels", "low": "Systole", "high": "Diastole"},
        Split(train=0.75, validation=0.25, seed=1),
        (
            Normalize(percentiles=(1, 99)),
            Orient(to="row_major"),
            Resample.model_validate({"spacing": "4 mm"}),
            Frames(count=8),
            Crop(height=32, width=32),
        ),
    )
    return open_samples(recipe, root, declared={"cine": CINE, "low": VOLUME, "high": VOLUME})


def stacks(root: Path) -> dict[int, list[Slice]]:
    """The slices of every patient."""
    base = root / "hearts" / "train"
    found = {}
    for patient, files in collect(base, "sax").patients.items():
        account = Account(files)
        pictures = [Picture(file, frame) for file in files for frame in read_header(base / file.name)]
        usable = [one for one in pictures if one.frame.status == 0]
        found[int(patient)] = stack(
            usable, ["trigger_time", "instance_number", "file_name"], account.drop, account.note
        )
    return found


def test_every_slice_is_found_where_it_is(root: Path, truth: Truth) -> None:
    found = stacks(root)
    for patient in truth.patients:
        slices = found[patient.id]
        there = sorted({one.position for one in patient.slices if one.folder is not None})
        coordinates = np.asarray([one.coordinate for one in slices])
        # positions are written in DICOM with six decimals, a millionth of a millimetre
        assert np.diff(coordinates) == pytest.approx(np.diff(there), abs=1e-5)


def test_a_repeated_slice_is_the_one_that_was_imaged_last(root: Path, truth: Truth) -> None:
    found = stacks(root)
    repeats = [
        (patient.id, one) for patient in truth.patients for one in patient.slices if one.repeats is not None
    ]
    assert repeats
    for patient, one in repeats:
        folders = {
            picture.file.folder.rpartition("/")[2] for place in found[patient] for picture in place.pictures
        }
        pair = {one.folder, one.repeats}
        assert len(folders & pair) == 1
        assert folders & pair == {max(pair, key=lambda folder: int(str(folder).rpartition("_")[2]))}


def test_every_fault_is_in_the_record(samples: Samples, truth: Truth) -> None:
    faults = Counter(fault.kind for patient in truth.patients for fault in patient.defects)
    quality = samples.quality
    assert set(faults) == set(DEFECTS)
    assert quality.accounted
    assert quality.found == truth.files
    assert quality.skipped["cut off"] == faults["truncated_file"]
    foreign = quality.skipped["not DICOM"] + quality.skipped["left by a system"]
    assert foreign == faults["foreign_file"]
    assert quality.decisions["place imaged twice, the last kept"] == faults["duplicate_slice"]
    assert quality.decisions["gap in the stack"] <= faults["missing_slice"]
    assert quality.decisions["slice with missing frames"] == faults["truncated_file"]


def test_volumes_ages_and_sexes_are_the_true_ones(samples: Samples, truth: Truth) -> None:
    by_id = {str(patient.id): patient for patient in truth.patients}
    patients = [by_id[one] for one in samples.group_ids]
    groups = samples.groups
    assert len(patients) == len(truth.patients)
    assert samples.fields["low"] == pytest.approx([patients[i].systole for i in groups], rel=1e-6)
    assert samples.fields["high"] == pytest.approx([patients[i].diastole for i in groups], rel=1e-6)
    assert samples.covariates["age"].tolist() == [patient.age for patient in patients]
    assert [SEXES[i] for i in samples.covariates["sex"]] == [patient.sex for patient in patients]


def test_the_heart_beats_in_the_middle(samples: Samples) -> None:
    """What changes over time is the heart, and after turning and resampling it stands in the middle of the picture."""
    change = samples.fields["cine"].std(axis=1).mean(axis=0)
    middle = change[8:24, 8:24].mean()
    around = (change.sum() - change[8:24, 8:24].sum()) / (change.size - 256)
    assert middle > 1.5 * around
