from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from netspec.front import load
from netspec.text import SpecError
from netspec_torch.train import checkpoint
from netspec_torch.train.learner import Learner
from tests.backends.torch.train import small

STEPS = 10  # two epochs of five


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run without a break."""
    checked = small.spec(tmp_path_factory.mktemp("straight"))
    return small.run(checked).folder


def assert_same_run(one: Path, other: Path) -> None:
    """Same weights, same memory of the optimizer, same log, same best."""
    assert small.same(small.last(one), small.last(other))
    assert (one / "metrics.csv").read_bytes() == (other / "metrics.csv").read_bytes()
    best = [checkpoint.load(folder / "checkpoints" / "best.ckpt") for folder in (one, other)]
    assert small.same(*best)


@pytest.mark.parametrize("cut", [1, 4, 5, 7])
def test_a_run_that_crashes_right_after_a_step_goes_on_to_the_same_bits(
    cut: int, straight: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Learner, "SAVE_EVERY", 0.0)
    checked = small.spec(tmp_path)
    with pytest.raises(small.Crash):
        small.run(checked, watcher=small.Then(cut, small.crash))
    folder = small.only_run(checked)
    assert small.last(folder)["progress"]["taken"] == cut - 1
    resumed = small.run(checked, resume=folder)
    assert resumed.folder == folder
    assert_same_run(folder, straight)


def test_without_time_for_checkpoints_a_run_goes_on_from_the_last_epoch(
    straight: Path, tmp_path: Path
) -> None:
    checked = small.spec(tmp_path)
    with pytest.raises(small.Crash):
        small.run(checked, watcher=small.Then(8, small.crash))
    folder = small.only_run(checked)
    assert small.last(folder)["progress"]["taken"] == 5
    again = small.Then()
    small.run(checked, resume=folder, watcher=again)
    assert len(again.losses) == 5
    assert_same_run(folder, straight)


def test_a_run_killed_before_its_first_checkpoint_on_time_begins_again(
    straight: Path, tmp_path: Path
) -> None:
    checked = small.spec(tmp_path)
    with pytest.raises(small.Crash):
        small.run(checked, watcher=small.Then(2, small.crash))
    folder = small.only_run(checked)
    assert small.last(folder)["progress"]["taken"] == 0
    small.run(checked, resume=folder)
    assert_same_run(folder, straight)


def test_a_polite_end_saves_the_step_it_came_in_and_gives_the_signal_back(
    straight: Path, tmp_path: Path
) -> None:
    checked = small.spec(tmp_path)
    handler = signal.getsignal(signal.SIGTERM)
    result = small.run(checked, watcher=small.Then(7, small.terminate))
    assert result.report["stopped"] == "interrupted"
    assert result.report["step"] == 7
    assert small.last(result.folder)["progress"]["taken"] == 7
    assert signal.getsignal(signal.SIGTERM) is handler
    small.run(checked, resume=result.folder)
    assert_same_run(result.folder, straight)


def test_accumulated_steps_go_on_to_the_same_bits(tmp_path: Path) -> None:
    change = ("batch_size: 32", "batch_size: 16\n  accumulate: 3")
    whole = small.spec(_folder(tmp_path, "whole"), change)
    reference = small.run(whole).folder
    cut = small.spec(_folder(tmp_path, "cut"), change)
    result = small.run(cut, watcher=small.Then(4, small.terminate))
    assert small.last(result.folder)["progress"]["taken"] == 12
    small.run(cut, resume=result.folder)
    assert_same_run(result.folder, reference)


def test_a_run_that_ends_between_the_row_of_an_epoch_and_its_checkpoint_logs_the_epoch_once(
    straight: Path, tmp_path: Path
) -> None:
    class AtTheRow(small.Then):
        def epoch(self, row: Mapping[str, float | int]) -> None:
            small.crash()

    checked = small.spec(tmp_path)
    with pytest.raises(small.Crash):
        small.run(checked, watcher=AtTheRow())
    folder = small.only_run(checked)
    assert len((folder / "metrics.csv").read_text(encoding="utf-8").splitlines()) == 2
    small.run(checked, resume=folder)
    assert_same_run(folder, straight)


def test_resuming_a_finished_run_changes_nothing(straight: Path) -> None:
    before = {path: path.read_bytes() for path in straight.rglob("*") if path.is_file()}
    checked = load(straight.parent.parent / "small.yaml")
    watcher = small.Then()
    small.run(checked, resume=straight, watcher=watcher)
    after = {path: path.read_bytes() for path in straight.rglob("*") if path.is_file()}
    assert watcher.losses == []
    assert after == before


KILLED = """
import os, signal, sys
from pathlib import Path
from netspec_torch.train.learner import Learner
from tests.backends.torch.train import small

Learner.SAVE_EVERY = 0.0
checked = small.load(Path(sys.argv[1]))
small.run(checked, watcher=small.Then(int(sys.argv[2]), lambda: os.kill(os.getpid(), signal.SIGKILL)))
"""


@pytest.mark.parametrize(
    "cut", [3, pytest.param(6, marks=pytest.mark.slow), pytest.param(9, marks=pytest.mark.slow)]
)
def test_a_killed_process_leaves_a_run_that_another_one_finishes_to_the_same_bits(
    cut: int, straight: Path, tmp_path: Path
) -> None:
    checked = small.spec(tmp_path)
    root = Path(__file__).parents[4]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), str(root / "backends")])}
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path / "small.yaml"), str(cut)],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    folder = small.only_run(checked)
    small.run(checked, resume=folder)
    assert_same_run(folder, straight)


def test_another_spec_cannot_go_on_with_a_run(straight: Path, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="NS648"):
        small.run(small.spec(tmp_path, ("lr: 0.05", "lr: 0.06")), resume=straight)


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    checked = small.spec(tmp_path)
    with pytest.raises(SpecError, match="NS644"):
        small.run(checked, resume=tmp_path)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 torn", b"\x80\x04\x95cposix\nsystem\n."])
def test_a_damaged_checkpoint_is_refused_and_never_run(
    content: bytes, straight: Path, tmp_path: Path
) -> None:
    file = tmp_path / "last.ckpt"
    file.write_bytes(content)
    with pytest.raises(SpecError, match="NS642"):
        checkpoint.load(file)


@pytest.mark.parametrize("key", ["model", "optimizer", "precision", "progress", "format"])
def test_a_checkpoint_that_lacks_something_is_refused(key: str, straight: Path, tmp_path: Path) -> None:
    state = small.last(straight)
    del state[key]
    checkpoint.save(tmp_path / "last.ckpt", state)
    with pytest.raises(SpecError, match="NS642"):
        checkpoint.load(tmp_path / "last.ckpt")


def test_weights_of_another_network_are_refused(straight: Path, tmp_path: Path) -> None:
    checked = small.spec(tmp_path, ("epochs: 2", "steps: 4"))
    folder = small.run(checked).folder
    state = small.last(folder)
    state["model"].popitem()
    checkpoint.save(folder / "checkpoints" / "last.ckpt", state)
    with pytest.raises(SpecError, match="NS652"):
        small.run(checked, resume=folder)


def test_a_checkpoint_is_never_half_written(
    straight: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "last.ckpt"
    whole = small.last(straight)
    checkpoint.save(file, {**whole, "digest": "one"})

    def full(number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SpecError, match=r"NS641.*No space"):
        checkpoint.save(file, {**whole, "digest": "two"})
    assert checkpoint.load(file)["digest"] == "one"
    assert list(tmp_path.iterdir()) == [file]


def _folder(parent: Path, name: str) -> Path:
    folder = parent / name
    folder.mkdir()
    return folder
