from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from netspec.data.phantom import Truth, collection, generate
from netspec.text import SpecError


def _code(error: pytest.ExceptionInfo[SpecError]) -> str:
    (only,) = error.value.diagnostics
    assert only.help
    return only.code


def test_a_phantom_that_is_there_is_recognised_and_left_as_it_is(tmp_path: Path) -> None:
    first = generate(tmp_path, "tiny", patients=1)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    again = generate(tmp_path, "tiny", patients=1)
    assert again == first
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


@pytest.mark.parametrize(
    "other", [{"seed": 2}, {"patients": 2}, {"size": "small"}, {"defects": ["foreign_file"]}]
)
def test_a_phantom_of_other_settings_is_refused_and_left_as_it_is(
    tmp_path: Path, other: dict[str, Any]
) -> None:
    generate(tmp_path, "tiny", patients=1)
    before = sorted(tmp_path.rglob("*"))
    settings: dict[str, Any] = {"size": "tiny", "patients": 1} | other
    with pytest.raises(SpecError, match=f"another phantom: {next(iter(other))}") as error:
        generate(tmp_path, **settings)
    assert _code(error) == "NS561"
    assert sorted(tmp_path.rglob("*")) == before


def test_two_splits_lie_side_by_side_beside_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("kept")
    train = generate(tmp_path, "tiny", patients=1)
    test = generate(tmp_path, "tiny", patients=1, split="test")
    assert Truth.load(tmp_path) == train
    assert Truth.load(tmp_path, "test") == test
    assert test.patients[0].id != train.patients[0].id
    assert (tmp_path / "mine.txt").read_text() == "kept"


@pytest.mark.parametrize("name", ["train", "train.csv"])
def test_what_is_no_phantom_is_never_written_over(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(SpecError, match="which is no phantom's") as error:
        generate(tmp_path, "tiny", patients=1)
    assert _code(error) == "NS561"
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "mine"


def test_a_phantom_that_lost_a_file_is_not_taken_for_whole(tmp_path: Path) -> None:
    generate(tmp_path, "tiny", patients=1)
    next((tmp_path / "train").rglob("*.dcm")).unlink()
    with pytest.raises(SpecError, match="47 of the 48 files") as error:
        generate(tmp_path, "tiny", patients=1)
    assert _code(error) == "NS563"


def test_an_interrupted_run_leaves_nothing_behind(tmp_path: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        assert (done, total) == (1, 2)
        raise KeyboardInterrupt

    root = tmp_path / "heart"
    with pytest.raises(KeyboardInterrupt):
        generate(root, "tiny", patients=2, progress=interrupt)
    assert not root.exists()
    assert len(generate(root, "tiny", patients=2).patients) == 2


def test_progress_counts_studies(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    generate(tmp_path, "tiny", patients=3, progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize(
    "wrong",
    [
        {"size": "tinny"},
        {"seed": -1},
        {"patients": 0},
        {"patients": 10**9},
        {"first": 0},
        {"split": "../train"},
        {"split": ""},
        {"defects": ["missing_slise"]},
    ],
    ids=str,
)
def test_arguments_that_cannot_be_are_refused_before_anything_is_written(
    tmp_path: Path, wrong: dict[str, Any]
) -> None:
    settings: dict[str, Any] = {"size": "tiny"} | wrong
    with pytest.raises(SpecError) as error:
        generate(tmp_path / "heart", **settings)
    assert _code(error) == "NS560"
    assert list(tmp_path.iterdir()) == []


def test_a_misspelt_defect_is_met_with_the_right_name(tmp_path: Path) -> None:
    with pytest.raises(SpecError) as error:
        generate(tmp_path, "tiny", defects=["missing_slise"])
    assert error.value.diagnostics[0].help == "did you mean `missing_slice`?"


@pytest.mark.parametrize("text", ["", "{}", "[", '{"settings": 1}', "\0"])
def test_a_truth_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "truth.json").write_text(text)
    with pytest.raises(SpecError, match="is not the truth of a phantom") as error:
        generate(tmp_path, "tiny", patients=1)
    assert _code(error) == "NS562"


def test_a_folder_without_a_truth_is_told_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"can't read `truth\.json`") as error:
        Truth.load(tmp_path)
    assert _code(error) == "NS562"


def test_a_file_in_place_of_the_folder_is_an_error_and_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "heart").write_text("mine")
    with pytest.raises(SpecError, match="can't write the phantom") as error:
        generate(tmp_path / "heart", "tiny", patients=1)
    assert _code(error) == "NS564"


def test_a_full_disk_is_seen_before_the_first_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1))
    with pytest.raises(SpecError, match="the disk has 0 MB") as error:
        generate(tmp_path / "heart", "tiny", patients=1)
    assert _code(error) == "NS564"
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fills_up_on_the_way_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(collection, "write_study", full)
    with pytest.raises(SpecError, match="No space left on device") as error:
        generate(tmp_path / "heart", "tiny", patients=1)
    assert _code(error) == "NS564"
    assert list(tmp_path.iterdir()) == []


def test_workers_that_die_are_an_error_with_a_cure(tmp_path: Path) -> None:
    """A script without a guard: spawned workers run it again and can't start."""
    script = tmp_path / "script.py"
    script.write_text(
        "from netspec.data.phantom import generate\n"
        "from netspec.text import SpecError\n"
        "from pathlib import Path\n"
        "try:\n"
        "    generate(Path('heart'), 'tiny', patients=2, workers=2)\n"
        "except SpecError as error:\n"
        "    print(error.diagnostics[0].code, error.diagnostics[0].help)\n"
    )
    paths = os.pathsep.join(path for path in sys.path if path)
    done = subprocess.run(
        [sys.executable, str(script)],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("NS564 use one worker")
    assert not (tmp_path / "heart").exists()
