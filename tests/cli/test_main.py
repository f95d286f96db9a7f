from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from netspec.cli.main import COMMANDS, main

ROOT = Path(__file__).parents[2]


def status(*arguments: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(list(arguments))
    return int(left.value.code or 0)


@pytest.mark.parametrize(
    "arguments",
    [
        ["validate"],
        ["validate", "a.yaml", "--format", "xml"],
        ["validate", "a.yaml", "--set", "width"],
        ["validate", "a.yaml", "--set", "=3"],
        ["validate", "a.yaml", "--set", "a=1", "--set", "a=2"],
        ["validate", "a.yaml", "--nothing"],
        ["show"],
        ["show", "a.yaml", "b.yaml"],
        ["nothing"],
    ],
)
def test_a_wrong_command_line_gives_status_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert status(*arguments) == 2
    assert "Usage" in capsys.readouterr().err


def test_a_misspelt_command_is_told_what_was_meant(capsys: pytest.CaptureFixture[str]) -> None:
    assert status("validat") == 2
    assert "Did you mean `validate`?" in capsys.readouterr().err


def test_help_lists_every_command_and_leaves_with_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert status("--help") == 0
    said = capsys.readouterr().out
    assert [name for name in COMMANDS if name not in said] == []


def test_the_version_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert status("--version") == 0
    assert capsys.readouterr().out.startswith("netspec, version ")


def test_a_wrong_spec_gives_status_1_and_words_on_the_standard_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("netspec: 1\n")
    assert status("show", str(path)) == 1
    found = capsys.readouterr()
    assert found.out == ""
    assert "error[NS122]" in found.err
    assert "Traceback" not in found.err


def test_a_reader_that_has_gone_is_no_failure() -> None:
    """As in `netspec show spec.yaml | head -0`."""
    command = [sys.executable, "-c", "from netspec.cli.main import main; main()"]
    with subprocess.Popen(
        [*command, "show", "specs/heart-volume.yaml", "--format", "json"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "backends")])},
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()
        assert (process.wait(), said) == (0, b"")


def test_colour_is_for_terminals_that_want_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("netspec: 1\n")
    monkeypatch.setattr("netspec.cli.main.sys.stderr.isatty", lambda: True)
    monkeypatch.delenv("NO_COLOR", raising=False)
    status("show", str(path))
    coloured = capsys.readouterr().err
    monkeypatch.setenv("NO_COLOR", "1")
    status("show", str(path))
    assert "\x1b" not in capsys.readouterr().err
    assert coloured


def test_a_fault_of_netspec_itself_is_told_without_a_traceback_and_asks_to_be_reported(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("the user's own words")

    monkeypatch.delenv("NETSPEC_TRACEBACK", raising=False)
    monkeypatch.setattr("netspec.cli.validate.check", broken)
    spec = str(ROOT / "specs" / "digits.yaml")
    assert status("validate", spec) == 70
    told = capsys.readouterr().err
    assert "RuntimeError at test_main.py:" in told
    assert "Traceback" not in told
    assert "own words" not in told
    monkeypatch.setenv("NETSPEC_TRACEBACK", "1")
    with pytest.raises(RuntimeError, match="own words"):
        main(["validate", spec])


def test_a_full_disk_or_memory_is_told_in_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "somewhere")

    monkeypatch.setattr("netspec.cli.validate.check", full)
    assert status("validate", str(ROOT / "specs" / "digits.yaml")) == 1
    assert capsys.readouterr().err == "error: no space left on device\n"
