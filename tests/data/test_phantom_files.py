from __future__ import annotations

import csv
import hashlib
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import FileDataset
from pydicom.errors import InvalidDicomError

from netspec.data.phantom import DEFECTS, Truth, generate


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("phantom") / "heart"
    generate(root, "tiny")
    return root


def _bytes(root: Path) -> dict[str, str]:
    files = (path for path in root.rglob("*") if path.is_file())
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files
    }


def _slice(folder: Path) -> list[FileDataset]:
    return [pydicom.dcmread(path) for path in sorted(folder.glob("IM-*.dcm"))]


def _coordinate(image: FileDataset) -> float:
    row, column = np.reshape([float(v) for v in image.ImageOrientationPatient], (2, 3))
    return float(np.cross(row, column) @ [float(v) for v in image.ImagePositionPatient])


def test_the_tiny_phantom_is_tiny_and_lies_as_the_real_data_do(tiny: Path) -> None:
    truth = Truth.load(tiny)
    images = list((tiny / "train").rglob("IM-*.dcm"))
    assert len(images) == truth.files == 12 * 6 * 8
    assert truth.bytes == sum(path.stat().st_size for path in images)
    assert sum(path.stat().st_size for path in tiny.rglob("*") if path.is_file()) < 5_000_000
    assert all(path.relative_to(tiny).match("train/*/study/sax_*/IM-*-*.dcm") for path in images)
    assert sorted(path.name for path in tiny.iterdir()) == ["train", "train.csv", "truth.json"]


def test_the_labels_are_the_smallest_and_largest_volumes_of_the_beat(tiny: Path) -> None:
    truth = Truth.load(tiny)
    with (tiny / "train.csv").open(newline="") as table:
        rows = list(csv.DictReader(table))
    assert list(rows[0]) == ["Id", "Systole", "Diastole"]
    assert [int(row["Id"]) for row in rows] == [one.id for one in truth.patients] == list(range(1, 13))
    for row, one in zip(rows, truth.patients, strict=True):
        assert float(row["Systole"]) == one.systole == min(one.volumes)
        assert float(row["Diastole"]) == one.diastole == max(one.volumes) == one.volumes[0]


def test_the_true_areas_add_up_to_the_volumes(tiny: Path) -> None:
    """But for what the gaps hide: slabs of 8 mm every 14 to 18 mm err by 5.4 % of the diastolic volume at most."""
    for one in Truth.load(tiny).patients:
        areas = np.array([part.areas for part in one.slices])
        summed = areas.sum(axis=0) * one.distance / 1000
        np.testing.assert_allclose(summed, one.volumes, atol=0.06 * one.diastole)


def test_every_file_says_who_where_and_when(tiny: Path) -> None:
    seen = set()
    for one in Truth.load(tiny).patients:
        for part in one.slices:
            assert part.folder is not None
            images = _slice(tiny / "train" / str(one.id) / "study" / part.folder)
            assert [image.InstanceNumber for image in images] == list(range(1, len(one.volumes) + 1))
            times = [float(image.TriggerTime) for image in images]
            assert times[0] == 0
            assert np.all(np.diff(times) > 0)
            assert times[-1] < float(images[0].NominalInterval)
            seen |= {image.SOPInstanceUID for image in images}
            first = images[0]
            assert (first.Rows, first.Columns) == (one.rows, one.columns)
            assert [float(v) for v in first.PixelSpacing] == list(one.spacing)
            assert float(first.SliceThickness) == one.thickness
            assert first.PatientAge == f"{one.age:03d}Y"
            assert first.PatientSex == one.sex
            assert (first.PatientID, str(first.PatientName)) == (str(one.id), "")
            assert "SeriesInstanceUID" not in first
            assert first.file_meta.MediaStorageSOPInstanceUID == first.SOPInstanceUID
            pixels = first.pixel_array
            assert pixels.shape == (one.rows, one.columns)
            assert pixels.dtype == np.uint16
            assert 0 < pixels.max() < 4096
    assert len(seen) == Truth.load(tiny).files


def test_positions_in_the_headers_are_those_of_the_truth(tiny: Path) -> None:
    """The difference of two slice coordinates is the true one; the number of the folder means nothing."""
    for one in Truth.load(tiny).patients:
        study = tiny / "train" / str(one.id) / "study"
        headers = [_slice(study / str(part.folder))[0] for part in one.slices]
        found = np.array([_coordinate(header) for header in headers])
        true = np.array([part.position for part in one.slices])
        np.testing.assert_allclose(found - found[0], true - true[0], atol=1e-4)
        orientation = np.reshape([float(v) for v in headers[0].ImageOrientationPatient], (2, 3))
        np.testing.assert_allclose(orientation @ orientation.T, np.eye(2), atol=2e-6)


def test_some_stacks_run_from_apex_to_base_and_some_from_base_to_apex(tiny: Path) -> None:
    rising = set()
    for one in Truth.load(tiny).patients:
        ordered = sorted(one.slices, key=lambda part: int(str(part.folder).removeprefix("sax_")))
        rising.add(ordered[0].position < ordered[-1].position)
    assert rising == {True, False}


def test_the_same_settings_give_the_same_bytes_with_any_number_of_workers(tmp_path: Path) -> None:
    generate(tmp_path / "a", "tiny", seed=5, patients=3, defects=["truncated_file"])
    generate(tmp_path / "b", "tiny", seed=5, patients=3, defects=["truncated_file"], workers=2)
    assert _bytes(tmp_path / "a") == _bytes(tmp_path / "b")


def test_a_patient_is_the_same_however_many_there_are(tiny: Path, tmp_path: Path) -> None:
    generate(tmp_path / "two", "tiny", patients=2, first=3)
    few = _bytes(tmp_path / "two" / "train")
    many = _bytes(tiny / "train")
    assert few == {name: many[name] for name in few}


def test_another_seed_or_split_gives_other_people(tiny: Path, tmp_path: Path) -> None:
    seed = generate(tmp_path / "seed", "tiny", seed=2, patients=2)
    split = generate(tmp_path / "split", "tiny", patients=2, split="test", first=1)
    volumes = [tuple(one.diastole for one in truth.patients) for truth in (Truth.load(tiny), seed, split)]
    assert len({both[:2] for both in volumes}) == 3
    assert (tmp_path / "split" / "test.csv").is_file()
    assert (tmp_path / "split" / "test" / "1" / "study").is_dir()


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("phantom") / "faulty"
    generate(root, "tiny", patients=4, defects=list(DEFECTS))
    return root


def test_every_defect_that_is_asked_for_is_there_and_recorded(faulty: Path) -> None:
    truth = Truth.load(faulty)
    kinds = {found.kind for one in truth.patients for found in one.defects}
    assert kinds == set(DEFECTS) == set(truth.settings.defects)
    assert truth.files == sum(1 for path in (faulty / "train").rglob("*") if path.is_file())


def test_a_duplicate_shows_the_same_place_again_in_another_breath_hold(faulty: Path) -> None:
    doubled = [(one, part) for one in Truth.load(faulty).patients for part in one.slices if part.repeats]
    assert doubled
    for one, part in doubled:
        study = faulty / "train" / str(one.id) / "study"
        again, before = (_slice(study / str(name))[0] for name in (part.folder, part.repeats))
        assert again.ImagePositionPatient == before.ImagePositionPatient
        assert not np.array_equal(again.pixel_array, before.pixel_array)
        assert f"{one.id}/study/{part.folder}" in {found.where for found in one.defects}


def test_a_missing_slice_leaves_a_gap_of_twice_the_distance(faulty: Path) -> None:
    for one in Truth.load(faulty).patients:
        gone = [part for part in one.slices if part.folder is None]
        assert len(gone) == sum(found.kind == "missing_slice" for found in one.defects)
        there = np.unique([part.position for part in one.slices if part.folder is not None])
        steps = np.diff(there) / one.distance
        np.testing.assert_allclose(
            sorted(steps), [1.0] * (len(steps) - len(gone)) + [2.0] * len(gone), atol=1e-5
        )


def test_a_truncated_file_ends_within_its_pixels(faulty: Path) -> None:
    cut = [
        found
        for one in Truth.load(faulty).patients
        for found in one.defects
        if found.kind == "truncated_file"
    ]
    assert cut
    for found in cut:
        path = faulty / "train" / found.where
        whole = max(other.stat().st_size for other in path.parent.glob("IM-*.dcm"))
        assert 0.4 * whole - 1 < path.stat().st_size < 0.9 * whole
        assert pydicom.dcmread(path, stop_before_pixels=True).Rows > 0


def test_a_foreign_file_is_no_image(faulty: Path) -> None:
    found = [
        one for all_ in Truth.load(faulty).patients for one in all_.defects if one.kind == "foreign_file"
    ]
    assert found
    for one in found:
        with pytest.raises(InvalidDicomError):
            pydicom.dcmread(faulty / "train" / one.where)
