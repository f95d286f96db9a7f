"""From pictures to an ordered stack: time, place, repeats, and an account of every file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import cos, radians, sin
from pathlib import Path

from netspec.data.dicom.account import Account
from netspec.data.dicom.find import collect, frame_name, natural, walk
from netspec.data.dicom.headers import read_header
from netspec.data.dicom.stack import Picture, Slice, stack
from netspec.recipe.source import Order
from tests.data.dicom_files import dataset, picture, write, write_slice

ORDER: tuple[Order, ...] = ("trigger_time", "instance_number", "file_name")


def stacked(folder: Path, order: Sequence[Order] = ORDER) -> tuple[list[Slice], Account, Counter[str]]:
    """The slices below `folder`, the account, and how many files each reason took."""
    files = list(walk(folder))
    account = Account(files)
    pictures = [Picture(file, frame) for file in files for frame in read_header(folder / file.name)]
    slices = stack(pictures, order, account.drop, account.note)
    reasons = account.reasons(one.file for one_slice in slices for one in one_slice.pictures)
    return slices, account, Counter(reason for reason in reasons.values() if reason)


def names(one: Slice) -> list[str]:
    return [picture.file.name.rpartition("/")[2] for picture in one.pictures]


def test_slices_are_ordered_by_position_and_not_by_folder(tmp_path: Path) -> None:
    for folder, z in [("sax_1", 20.0), ("sax_2", 0.0), ("sax_10", 10.0)]:
        write_slice(tmp_path / folder, z=z)
    slices, _, _ = stacked(tmp_path)
    assert [one.coordinate for one in slices] == [0.0, 10.0, 20.0]
    assert [one.position for one in slices] == [0.0, 0.5, 1.0]


def test_the_apex_is_the_end_to_the_left_front_and_feet_whatever_the_normal(tmp_path: Path) -> None:
    for k, z in enumerate([0.0, 10.0]):
        write_slice(
            tmp_path / f"sax_{k}", z=z, row=(0.0, 1.0, 0.0), column=(1.0, 0.0, 0.0)
        )  # the normal points down
    slices, _, _ = stacked(tmp_path)
    assert [one.first.z for one in slices] == [0.0, 10.0]


def test_frames_are_ordered_by_trigger_time_first(tmp_path: Path) -> None:
    write_slice(tmp_path / "sax_1", triggers=[60, 0, 40, 20])
    (one,), account, _ = stacked(tmp_path)
    assert [picture.frame.trigger for picture in one.pictures] == [0, 20, 40, 60]
    assert not account.notes


def test_instance_numbers_order_frames_whose_trigger_time_is_constant(tmp_path: Path) -> None:
    write_slice(tmp_path / "sax_1", triggers=[5, 5, 5, 5], numbers=[4, 3, 2, 1])
    (one,), account, _ = stacked(tmp_path)
    assert [picture.frame.number for picture in one.pictures] == [1, 2, 3, 4]
    assert account.notes == {"slice ordered by instance number": 1}


def test_names_order_frames_that_nothing_else_orders(tmp_path: Path) -> None:
    write_slice(tmp_path / "sax_1", frames=11, triggers=[""] * 11, numbers=[1] * 11)
    (one,), account, _ = stacked(tmp_path)
    assert names(one) == [f"IM-0001-{i + 1:04d}.dcm" for i in range(11)]
    assert account.notes == {"slice ordered by file name": 1}


def test_the_declared_frame_order_is_followed(tmp_path: Path) -> None:
    write_slice(tmp_path / "sax_1", triggers=[60, 40, 20, 0])
    (one,), _, _ = stacked(tmp_path, ["instance_number", "trigger_time"])
    assert [picture.frame.trigger for picture in one.pictures] == [60, 40, 20, 0]


def test_a_place_imaged_twice_keeps_the_last_series(tmp_path: Path) -> None:
    write_slice(tmp_path / "sax_9", z=10.0)
    write_slice(tmp_path / "sax_10", z=10.0001)
    write_slice(tmp_path / "sax_3", z=0.0)
    slices, account, reasons = stacked(tmp_path)
    assert [one.pictures[0].file.folder for one in slices] == ["sax_3", "sax_10"]
    assert reasons == {"imaged again later": 4}
    assert account.notes == {"place imaged twice, the last kept": 1}


def test_a_frame_repeated_by_name_keeps_the_last_repeat(tmp_path: Path) -> None:
    for path in write_slice(tmp_path / "sax_1"):
        for repeat in (1, 2):
            path.with_name(f"{path.stem}-{repeat:04d}.dcm").write_bytes(path.read_bytes())
        path.unlink()
    (one,), _, reasons = stacked(tmp_path)
    assert names(one) == [f"IM-0001-{i + 1:04d}-0002.dcm" for i in range(4)]
    assert reasons == {"repeated later": 4}


def test_a_beat_imaged_twice_in_one_series_keeps_the_last(tmp_path: Path) -> None:
    write_slice(tmp_path / "sax_1", frames=8, triggers=[0, 20, 40, 60] * 2)
    (one,), _, reasons = stacked(tmp_path)
    assert [picture.frame.number for picture in one.pictures] == [5, 6, 7, 8]
    assert reasons == {"repeated later": 4}


def test_one_folder_may_hold_a_whole_stack(tmp_path: Path) -> None:
    number = 0
    for z in (0.0, 8.0, 16.0):
        for i in range(3):
            number += 1
            one = dataset(picture(), position=(0, 0, z), trigger=10.0 * i, number=number)
            write(tmp_path / f"I{number:04d}.dcm", one)
    slices, _, reasons = stacked(tmp_path)
    assert [one.coordinate for one in slices] == [0.0, 8.0, 16.0]
    assert [len(one.pictures) for one in slices] == [3, 3, 3]
    assert not reasons


def test_a_slice_that_is_not_parallel_is_left_out(tmp_path: Path) -> None:
    for k in range(3):
        write_slice(tmp_path / f"sax_{k}", z=10.0 * k)
    tilt = radians(20)
    write_slice(tmp_path / "sax_3", z=30.0, column=(0.0, cos(tilt), sin(tilt)))
    slices, account, reasons = stacked(tmp_path)
    assert len(slices) == 3
    assert reasons == {"not parallel to the stack": 4}
    assert account.notes == {"slice not parallel to the stack": 1}


def test_a_slice_turned_in_its_plane_stays(tmp_path: Path) -> None:
    write_slice(tmp_path / "sax_1", z=0.0)
    write_slice(tmp_path / "sax_2", z=10.0, row=(0.0, 1.0, 0.0), column=(-1.0, 0.0, 0.0), rows=6, columns=8)
    slices, _, _ = stacked(tmp_path)
    assert [one.first.matrix for one in slices] == [(8, 6), (6, 8)]


def test_missing_frames_are_noted_and_too_few_frames_left_out(tmp_path: Path) -> None:
    for k, frames in enumerate([8, 8, 6, 3, 1]):
        write_slice(tmp_path / f"sax_{k}", z=10.0 * k, frames=frames)
    slices, account, reasons = stacked(tmp_path)
    assert [len(one.pictures) for one in slices] == [8, 8, 6]
    assert reasons == {"too few frames for a cine": 4}
    assert account.notes == {"slice with missing frames": 1, "slice with too few frames": 2}


def test_frames_of_another_matrix_are_left_out(tmp_path: Path) -> None:
    write_slice(tmp_path / "sax_1", frames=4)
    write(tmp_path / "sax_1" / "IM-0001-0005.dcm", dataset(picture(10, 10), trigger=80.0, number=5))
    (one,), _, reasons = stacked(tmp_path)
    assert len(one.pictures) == 4
    assert reasons == {"frame of another matrix": 1}


def test_gaps_and_odd_distances_are_noted(tmp_path: Path) -> None:
    for k, z in enumerate([0, 10, 20, 40, 50, 57]):
        write_slice(tmp_path / f"sax_{k}", z=float(z))
    slices, account, _ = stacked(tmp_path)
    assert len(slices) == 6
    assert account.notes == {"gap in the stack": 1, "irregular distance between slices": 1}


def test_file_names_tell_series_frame_and_repeat() -> None:
    assert frame_name("IM-4562-0012-0002.dcm")[::2] == ("IM-4562", 2)
    assert frame_name("IM-4562-0012.dcm").frame == natural("0012")
    assert frame_name("I0007.dcm").prefix == ""
    assert sorted(["sax_10", "sax_9", "b1", "b"], key=natural) == ["b", "b1", "sax_9", "sax_10"]


def test_every_file_of_a_collection_is_counted(tmp_path: Path) -> None:
    write_slice(tmp_path / "7" / "study" / "sax_1")
    write_slice(tmp_path / "7" / "study" / "2ch_3")
    for name in ["7/study/sax_1/.DS_Store", "7/study/sax_1/DICOMDIR", "readme.txt"]:
        (tmp_path / name).write_text("x")
    (tmp_path / "7" / "study" / "sax_1" / "link.dcm").symlink_to(tmp_path / "readme.txt")
    found = collect(tmp_path, "sax")
    assert {patient: len(files) for patient, files in found.patients.items()} == {"7": 4}
    assert found.others == {
        "of another view": 4, "left by a system": 2, "a link": 1, "outside the folder of a view": 1,
    }  # fmt: skip
    assert found.count == 12
    assert found.views == {"sax", "2ch"}


def test_the_fingerprint_of_a_collection_changes_with_a_file(tmp_path: Path) -> None:
    paths = write_slice(tmp_path / "7" / "study" / "sax_1")
    before = collect(tmp_path, "sax").fingerprint
    assert collect(tmp_path, "sax").fingerprint == before
    paths[0].write_bytes(paths[0].read_bytes() + b"\0")
    assert collect(tmp_path, "sax").fingerprint != before
