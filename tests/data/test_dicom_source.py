"""The source `dicom_cine` from end to end: samples, labels, defects, refusals, and an account of every file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from netspec.data.quality import QualityRecord
from netspec.data.samples import Samples, open_samples
from netspec.ir.facts import Facts
from netspec.ir.types import TensorType, tensor
from netspec.recipe.data import DataRecipe
from netspec.recipe.source import DicomCine
from netspec.recipe.split import Split
from netspec.recipe.transform import Crop, Fill, Frames, Normalize, Orient, Resample, Transform
from netspec.text import SpecError
from tests.data.dicom_files import (
    dataset,
    enhanced,
    picture,
    write,
    write_collection,
    write_patient,
    write_slice,
)

CHAIN: tuple[Transform, ...] = (Normalize(percentiles=(0, 100)), Frames(count=4), Crop(height=8, width=8))
CINE = tensor(batch="N", channel=4, height=8, width=8, facts=Facts(0, 1))
VOLUME = tensor(batch="N", facts=Facts(0, 599), unit="ml")


def recipe(**source: object) -> DataRecipe:
    return DataRecipe(
        DicomCine(**{"root": "hearts", **source}),  # type: ignore[arg-type] # arguments by name
        {"cine": "pixels", "volume": "Systole"},
        Split(train=0.6, validation=0.4, seed=1),
        CHAIN,
    )


def opened(
    root: Path, what: DataRecipe | None = None, declared: dict[str, TensorType] | None = None
) -> Samples:
    return open_samples(what or recipe(), root, declared=declared or {"cine": CINE, "volume": VOLUME})


def refused(root: Path, what: DataRecipe | None = None) -> str:
    with pytest.raises(SpecError) as caught:
        opened(root, what)
    (one,) = caught.value.diagnostics
    assert one.help or one.code in {"NS520", "NS521"}
    return f"{one.code} {one.message}"


def test_a_collection_becomes_samples_by_slice(tmp_path: Path) -> None:
    write_collection(tmp_path / "hearts", patients=5)
    samples = opened(tmp_path)
    assert len(samples) == 15
    assert samples.fields["cine"].shape == (15, 4, 8, 8)
    assert samples.group_ids == ("1", "2", "3", "4", "5")
    assert samples.groups.tolist() == [0] * 3 + [1] * 3 + [2] * 3 + [3] * 3 + [4] * 3
    assert samples.fields["volume"].tolist() == [51.0 + i // 3 for i in range(15)]
    assert samples.covariates["age"].tolist() == [41.0] * 5
    assert samples.covariates["sex"].tolist() == [0] * 5
    assert samples.quality.summary() == "60 of 60 files used"


def test_no_patient_is_in_two_parts_and_all_slices_go_together(tmp_path: Path) -> None:
    write_collection(tmp_path / "hearts", patients=5)
    samples = opened(tmp_path)
    parts = [set(samples.groups[numbers].tolist()) for numbers in samples.splits.values()]
    assert [len(part) for part in parts] == [3, 2, 0]
    assert not parts[0] & parts[1]
    assert sum(map(len, samples.splits.values())) == 15


def test_pixels_go_through_the_chain_in_order(tmp_path: Path) -> None:
    root = tmp_path / "hearts"
    write_patient(root / "train" / "1" / "study", slices=1, values=[100, 200, 50, 150])
    (root / "train.csv").write_text("Id,Systole\n1,60\n")
    what = DataRecipe(recipe().source, recipe().fields, Split(train=1), CHAIN)
    cine = opened(tmp_path, what).fields["cine"]
    assert cine[0, :, 4, 4].tolist() == [0.5, 1.0, 0.25, 0.75]
    assert cine[0, :, 4, 0].tolist() == [0.0] * 4  # six columns became eight


def test_position_spacing_age_and_sex_are_fields(tmp_path: Path) -> None:
    write_collection(tmp_path / "hearts", patients=2, spacing=(1.5, 2.5))
    fields = {"p": "slice_position", "s": "spacing", "a": "age", "x": "sex"}
    declared = {
        "p": tensor(batch="N", feature=1),
        "s": tensor(batch="N", feature=2, unit="mm"),
        "a": tensor(batch="N", feature=1, unit="year"),
        "x": tensor("int64", batch="N", facts=Facts(0, 2, classes=3)),
    }
    what = DataRecipe(DicomCine(root="hearts"), fields, Split(train=2))
    samples = opened(tmp_path, what, declared)
    assert samples.fields["p"].tolist() == [[0.0], [0.5], [1.0]] * 2
    assert samples.fields["s"].tolist() == [[1.5, 2.5]] * 6
    assert samples.fields["a"].tolist() == [[41.0]] * 6
    assert samples.fields["x"].tolist() == [0] * 6


def test_what_is_missing_must_be_filled_and_can_be(tmp_path: Path) -> None:
    root = write_collection(tmp_path / "hearts", patients=2)
    write_patient(root / "train" / "2" / "study", PatientSex="", PatientAge="")
    fields = {"a": "age", "x": "sex"}
    declared = {
        "a": tensor(batch="N", feature=1, unit="year"),
        "x": tensor("int64", batch="N", facts=Facts(0, 2, classes=3)),
    }
    bare = DataRecipe(DicomCine(root="hearts"), fields, Split(train=2))
    with pytest.raises(SpecError, match=r"NS533.*`a` is missing in 3 samples"):
        opened(tmp_path, bare, declared)
    filled = DataRecipe(bare.source, fields, bare.split, (Fill.model_validate({"a": 50, "x": "O"}),))
    samples = opened(tmp_path, filled, declared)
    assert samples.fields["a"][:, 0].tolist() == [41.0] * 3 + [50.0] * 3
    assert samples.fields["x"].tolist() == [0] * 3 + [2] * 3
    assert np.isnan(samples.covariates["age"][1])


def test_landscape_slices_are_turned_to_the_patient_s_axes(tmp_path: Path) -> None:
    root = tmp_path / "hearts"
    upright = picture(8, 8)
    upright[1, 5] = 70  # a mark at the front, on the patient's left
    turned = np.rot90(upright)
    for name, pixels, row, column in [
        ("1", upright, (1.0, 0.0, 0.0), (0.0, 0.0, -1.0)),
        ("2", turned, (0.0, 0.0, -1.0), (-1.0, 0.0, 0.0)),
    ]:
        for i in range(4):
            one = dataset(pixels + np.uint16(i), row=row, column=column, trigger=10.0 * i, number=i)
            write(root / "train" / name / "study" / "sax_1" / f"IM-0001-{i:04d}.dcm", one)
    (root / "train.csv").write_text("Id,Systole\n1,60\n2,60\n")
    what = DataRecipe(recipe().source, recipe().fields, Split(train=2), (Orient(to="row_major"), *CHAIN))
    one, other = opened(tmp_path, what).fields["cine"]
    assert (one == other).all()
    assert one[0, 1, 5] > 0.5


def test_resampling_gives_physical_pixels(tmp_path: Path) -> None:
    root = tmp_path / "hearts"
    for name, spacing in [("1", (2.0, 2.0)), ("2", (1.0, 1.0))]:
        size = round(16 / spacing[0])
        pixels = np.zeros((size, size), np.uint16)
        pixels[: size // 2] = 100
        for i in range(4):
            one = dataset(pixels, spacing=spacing, trigger=10.0 * i, number=i)
            write(root / "train" / name / "study" / "sax_1" / f"IM-0001-{i:04d}.dcm", one)
    (root / "train.csv").write_text("Id,Systole\n1,60\n2,60\n")
    chain = (CHAIN[0], Resample(spacing="2 mm"), *CHAIN[1:])  # type: ignore[arg-type] # as it is written
    what = DataRecipe(recipe().source, recipe().fields, Split(train=2), chain)
    one, other = opened(tmp_path, what).fields["cine"]
    assert one[0, :4].min() == 1
    assert np.abs(one - other).max() <= 0.126  # the fine picture's edge is averaged over one pixel


def test_bad_files_are_recorded_and_the_rest_is_used(tmp_path: Path) -> None:
    root = write_collection(tmp_path / "hearts", patients=5)
    study = root / "train" / "3" / "study"
    first = next(iter(sorted((study / "sax_4").iterdir())))
    first.write_bytes(first.read_bytes()[:-20])
    (study / "sax_4" / "notes.txt").write_text("breath-hold repeated")
    (study / "sax_4" / ".DS_Store").write_text("x")
    write_slice(study / "2ch_1")
    samples = opened(tmp_path, recipe(at_most_bad="4 %"))
    quality = samples.quality
    assert quality.found == 66
    assert quality.used == 59
    assert quality.skipped == {"cut off": 1, "not DICOM": 1, "left by a system": 1, "of another view": 4}
    assert quality.bad == 2
    assert quality.accounted
    assert quality.decisions == {"slice with missing frames": 1}
    assert samples.fields["cine"].shape[0] == 15


def test_too_many_bad_files_are_an_error_that_names_some(tmp_path: Path) -> None:
    root = write_collection(tmp_path / "hearts", patients=5)
    for name in ["a.dcm", "b.dcm"]:
        (root / "train" / "2" / "study" / "sax_4" / name).write_text("no image")
    message = refused(tmp_path)
    assert message.startswith("NS526 2 of 62 files cannot be used, more than 2 %: `2/study/sax_4/a.dcm`")


def test_a_black_slice_is_left_out(tmp_path: Path) -> None:
    root = write_collection(tmp_path / "hearts", patients=2)
    write_slice(root / "train" / "1" / "study" / "sax_9", z=50.0, values=[0] * 4)
    quality = opened(tmp_path).quality
    assert quality.skipped == {"all of one brightness": 4}
    assert quality.bad == 0
    assert quality.accounted


def test_an_enhanced_file_is_read_like_any_other(tmp_path: Path) -> None:
    root = tmp_path / "hearts"
    write(root / "train" / "1" / "study" / "sax_1" / "multi.dcm", enhanced(slices=2, frames=4))
    (root / "train.csv").write_text("Id,Systole\n1,60\n")
    what = DataRecipe(recipe().source, recipe().fields, Split(train=1), CHAIN[1:])
    cine = CINE.with_facts(Facts())
    samples = opened(tmp_path, what, {"cine": cine, "volume": VOLUME})
    # frame i lies in slice i % 2 at moment 3 - i // 2, with the value (10 + i) * 2 + i
    assert samples.fields["cine"][:, :, 4, 4].tolist() == [[38, 32, 26, 20], [41, 35, 29, 23]]
    assert samples.quality.used == 1


def test_patients_without_a_label_and_labels_without_a_patient_are_recorded(tmp_path: Path) -> None:
    root = write_collection(tmp_path / "hearts", patients=3)
    (root / "train.csv").write_text("Id,Systole\n1,60\n2,\n3,70\n99,10\n")
    samples = opened(tmp_path)
    assert samples.group_ids == ("1", "3")
    assert samples.quality.skipped == {"of a patient without a label": 12}
    assert samples.quality.decisions["labelled patient without images"] == 1
    assert samples.quality.accounted


def test_the_record_and_the_cache_say_nothing_of_who_it_is(tmp_path: Path) -> None:
    root = tmp_path / "hearts"
    write_patient(root / "train" / "jane-doe" / "study")
    write_slice(root / "train" / "jane-doe" / "study" / "sax_1", z=50.0, values=[0] * 4)
    (root / "train.csv").write_text("Id,Systole\njane-doe,60\n")
    what = DataRecipe(recipe().source, recipe().fields, Split(train=1), CHAIN)
    samples = opened(tmp_path, what)
    told = json.dumps(samples.quality.as_json("salt")) + samples.quality.summary()
    kept = b"".join(path.read_bytes() for path in (tmp_path / ".netspec").rglob("*") if path.is_file())
    assert len(kept) > 1000
    for secret in ("jane", "Secret", "secret-id", "sax_", "IM-", str(tmp_path)):
        assert secret not in told
        assert secret.encode() not in kept
    assert "all of one brightness" in told
    assert samples.quality.as_json("a")["by_patient"] != samples.quality.as_json("b")["by_patient"]


@pytest.mark.parametrize(
    "table, message",
    [
        (None, "NS522 there is no table of labels `train.csv`"),
        ("", "NS523 `Systole` is neither a field"),
        ("Id,Systole\n1,700\n", "NS524 the label `Systole` of patient `1` is 700, outside [0, 599]"),
        (
            "Id,Systole\n1,-3\n2,-4\n",
            "NS524 the label `Systole` of patient `1` is -3, outside [0, 599], and 1 more",
        ),
        ("Id,Diastole\n1,70\n", "NS523 `Systole` is neither a field"),
        ("Patient,Systole\n1,70\n", "NS523 train.csv:1: the first column is `Patient`"),
        ("Id,Systole\n1,7O\n", "NS523 train.csv:2: `7O` under `Systole` is no number"),
        ("Id,Systole\n1,nan\n", "NS523 train.csv:2: `nan` under `Systole` is not finite"),
        ("Id,Systole\n1\n", "NS523 train.csv:2: 1 cells under 2 columns"),
        ("Id,Systole\n1,5\n1,6\n", "NS523 train.csv:3: the patient `1` stands here"),
        ("Id,Systole,Systole\n1,5,6\n", "NS523 train.csv:1: two columns are called"),
        ('Id,Systole\n"1,5\n', "NS523 train.csv:"),
        ("Id,Systole\n99,5\n", "NS525 no patient of `hearts` has a line in `train.csv`"),
    ],
)
def test_a_wrong_table_of_labels_is_told_with_its_line(
    tmp_path: Path, table: str | None, message: str
) -> None:
    root = write_collection(tmp_path / "hearts", patients=1)
    (root / "train.csv").unlink()
    if table is not None:
        (root / "train.csv").write_text(table)
    assert refused(tmp_path).startswith(message)


def test_a_table_that_is_no_text_is_refused(tmp_path: Path) -> None:
    root = write_collection(tmp_path / "hearts", patients=1)
    (root / "train.csv").write_bytes(b"Id,Systole\n\xff\xfe\n")
    assert refused(tmp_path).startswith("NS522 the table of labels `train.csv` cannot be read as UTF-8")


def test_missing_folders_name_the_command_that_makes_them(tmp_path: Path) -> None:
    with pytest.raises(SpecError) as caught:
        opened(tmp_path)
    (one,) = caught.value.diagnostics
    assert one.code == "NS520"
    assert "netspec phantom hearts --size small" in one.help
    (tmp_path / "hearts").mkdir()
    (tmp_path / "hearts" / "train.csv").write_text("Id,Systole\n1,5\n")
    assert refused(tmp_path).startswith("NS521 `hearts` holds no files of the view `sax`")
    assert refused(tmp_path, recipe(folder="test")).startswith("NS520 there is no folder `test`")


def test_another_view_is_named(tmp_path: Path) -> None:
    write_collection(tmp_path / "hearts", patients=1)
    assert refused(tmp_path, recipe(view="2ch")).endswith("there are folders of `sax`")


@pytest.mark.parametrize("written", ["../elsewhere", "/etc", "hearts/../../elsewhere", "link"])
def test_data_stays_inside_the_project(tmp_path: Path, written: str) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "link").symlink_to(tmp_path / "elsewhere")
    assert refused(tmp_path / "project", recipe(root=written)).startswith("NS527")


def test_slices_of_unequal_size_need_a_transform(tmp_path: Path) -> None:
    root = write_collection(tmp_path / "hearts", patients=1)
    write_slice(root / "train" / "1" / "study" / "sax_9", z=40.0, rows=10, columns=10)
    declared = {"cine": tensor(batch="N", time=4, height="H", width="W"), "volume": VOLUME}
    what = DataRecipe(recipe().source, recipe().fields, Split(train=1), (Frames(count=4),))
    with pytest.raises(SpecError, match=r"NS535.*\[4, 8, 6\] in one sample and \[4, 10, 10\] in another"):
        opened(tmp_path, what, declared)


def test_counts_that_the_data_cannot_serve_are_refused(tmp_path: Path) -> None:
    write_collection(tmp_path / "hearts", patients=3)
    what = DataRecipe(recipe().source, recipe().fields, Split(train=500, validation=200), CHAIN)
    assert (
        refused(tmp_path, what)
        == "NS511 the split asks for 500 train + 200 validation, and there are 3 patients"
    )


def test_the_index_spares_reading_a_header_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = write_collection(tmp_path / "hearts", patients=2)
    first = opened(tmp_path)
    read: list[Path] = []

    def watched(path: Path) -> tuple[object, ...]:
        read.append(path)
        return read_header(path)

    from netspec.data.dicom import source
    from netspec.data.dicom.headers import read_header

    monkeypatch.setattr(source, "read_header", watched)
    other = DataRecipe(recipe().source, recipe().fields, Split(train=1), CHAIN[1:])
    opened(tmp_path, other, {"cine": CINE.with_facts(Facts()), "volume": VOLUME})
    assert not read
    changed = root / "train" / "1" / "study" / "sax_4" / "IM-0042-0001.dcm"
    changed.write_bytes(changed.read_bytes() + b"\0")
    again = opened(tmp_path)
    assert read == [changed]
    assert again.fingerprint == first.fingerprint  # padding behind the pixels changes no number


def test_a_record_survives_the_cache(tmp_path: Path) -> None:
    root = write_collection(tmp_path / "hearts", patients=3)
    write_slice(root / "train" / "1" / "study" / "sax_9", z=50.0, values=[0] * 4)
    first, second = opened(tmp_path), opened(tmp_path)
    assert first.quality.as_json("s") == second.quality.as_json("s")
    assert isinstance(second.quality, QualityRecord)
    assert isinstance(second.fields["cine"], np.memmap)
    assert not second.fields["cine"].flags.writeable
    assert all((first.fields[name] == second.fields[name]).all() for name in first.fields)
    assert first.splits["train"].tolist() == second.splits["train"].tolist()


def test_without_a_cache_nothing_is_written(tmp_path: Path) -> None:
    write_collection(tmp_path / "hearts", patients=2)
    what = DataRecipe(recipe().source, recipe().fields, recipe().split, CHAIN, cache="none")
    samples = opened(tmp_path, what)
    assert not (tmp_path / ".netspec").exists()
    assert samples.fields["cine"].shape == (6, 4, 8, 8)


@pytest.mark.parametrize("workers", [0, 1, 4])
def test_any_number_of_readers_gives_the_same_samples(tmp_path: Path, workers: int) -> None:
    root = write_collection(tmp_path / "hearts", patients=6)
    write_slice(root / "train" / "5" / "study" / "sax_9", z=50.0, values=[0] * 4)
    one = open_samples(replace(recipe(), cache="none"), tmp_path, declared={"cine": CINE, "volume": VOLUME})
    many = replace(recipe(), cache="none", workers=workers)
    other = open_samples(many, tmp_path, declared={"cine": CINE, "volume": VOLUME})
    assert all((one.fields[name] == other.fields[name]).all() for name in one.fields)
    assert one.quality == other.quality
    assert one.groups.tolist() == other.groups.tolist()


def test_a_failure_while_reading_ahead_is_not_swallowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_collection(tmp_path / "hearts", patients=4)
    monkeypatch.setattr("netspec.data.dicom.source.stack", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        opened(tmp_path)
    assert not [place for place in (tmp_path / ".netspec" / "samples").glob("*") if place.is_dir()]


def test_the_fingerprint_stands_for_the_numbers_and_not_for_where_they_lie(tmp_path: Path) -> None:
    one = opened(write_collection(tmp_path / "a" / "hearts", patients=3).parent)
    other = opened(write_collection(tmp_path / "b" / "hearts", patients=3).parent)
    assert one.fingerprint == other.fingerprint == opened(tmp_path / "a").fingerprint
    (tmp_path / "b" / "hearts" / "train.csv").write_text("Id,Systole\n1,51\n2,52\n3,53.5\n")
    assert opened(tmp_path / "b").fingerprint != one.fingerprint
