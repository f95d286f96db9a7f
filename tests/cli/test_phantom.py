from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from netspec.cli.phantom import DEFECTS, SIZES, phantom
from netspec.data import phantom as data
from netspec.text import SpecError


def test_the_command_writes_a_phantom_and_says_what_comes_next(tmp_path: Path) -> None:
    done = CliRunner().invoke(phantom, [str(tmp_path / "heart"), "--size", "tiny", "--patients", "1"])
    assert done.exit_code == 0, done.output
    first, second = done.stdout.splitlines()
    assert first.endswith("heart now holds 1 patient in 48 files, 0.3 MB")
    assert second.startswith("next: netspec train")
    assert len(data.Truth.load(tmp_path / "heart").patients) == 1


def test_the_command_run_twice_leaves_the_phantom_as_it_is(tmp_path: Path) -> None:
    line = [str(tmp_path), "--size", "tiny", "--patients", "2", "--defect", "foreign_file"]
    assert CliRunner().invoke(phantom, line).exit_code == 0
    again = CliRunner().invoke(phantom, line)
    assert again.exit_code == 0
    assert "already holds 2 patients in 97 files" in again.stdout


def test_another_phantom_in_the_way_is_the_located_kind_of_error(tmp_path: Path) -> None:
    CliRunner().invoke(phantom, [str(tmp_path), "--size", "tiny", "--patients", "1"])
    refused = CliRunner().invoke(phantom, [str(tmp_path), "--size", "tiny", "--patients", "2"])
    assert isinstance(refused.exception, SpecError)
    assert refused.exception.diagnostics[0].code == "NS561"


@pytest.mark.parametrize(
    "wrong", [["--size", "huge"], ["--defect", "rust"], ["--seed", "-1"], ["--patients", "0"]]
)
def test_a_wrong_option_is_a_wrong_command_line(tmp_path: Path, wrong: list[str]) -> None:
    refused = CliRunner().invoke(phantom, [str(tmp_path / "heart"), *wrong])
    assert refused.exit_code == 2
    assert not (tmp_path / "heart").exists()


def test_the_options_name_what_the_phantom_knows() -> None:
    assert set(SIZES) == set(data.SIZES)
    assert set(DEFECTS) == set(data.DEFECTS)
