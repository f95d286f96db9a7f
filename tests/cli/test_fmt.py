from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from netspec.cli.fmt import fmt

GOOD = "netspec: 1\nlayers:\n  - relu\n"
LOOSE = "netspec:   1\nlayers:\n    - relu   # c\n"
TIDY = "netspec: 1\nlayers:\n  - relu     # c\n"
WRONG = "netspec: 1\nlayers: [relu\n"


def run(*arguments: str | Path, text: str | bytes | None = None) -> Result:
    words = [str(one) for one in arguments]
    return CliRunner().invoke(fmt, words, input=text, standalone_mode=False)


@pytest.fixture
def specs(tmp_path: Path) -> Path:
    (tmp_path / "inner").mkdir()
    (tmp_path / "good.yaml").write_text(GOOD)
    (tmp_path / "inner" / "loose.yml").write_text(LOOSE)
    return tmp_path


def test_files_and_folders_are_put_in_order_and_those_that_changed_are_named(specs: Path) -> None:
    made = run(specs)
    assert (made.return_value, made.stdout) == (0, "")
    assert made.stderr == f"changed {specs / 'inner' / 'loose.yml'}\n"
    assert (specs / "inner" / "loose.yml").read_text() == TIDY
    assert run(specs).stderr == "2 specs in order\n"


def test_check_names_what_would_change_fails_and_writes_nothing(specs: Path) -> None:
    made = run(specs, "--check")
    assert made.return_value == 1
    assert made.stderr == f"would change {specs / 'inner' / 'loose.yml'}\n"
    assert (specs / "inner" / "loose.yml").read_text() == LOOSE
    assert run(specs / "good.yaml", "--check").return_value == 0


def test_diff_is_a_patch_of_what_would_change_and_writes_nothing(
    specs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(specs)
    Path("good.yaml").write_text(GOOD.rstrip("\n"))
    made = run(".", "--diff")
    assert made.return_value == 0
    assert made.stdout.startswith("--- a/good.yaml\n+++ b/good.yaml\n@@ -1,3 +1,3 @@\n")
    assert "\\ No newline at end of file\n" in made.stdout
    assert Path("inner/loose.yml").read_text() == LOOSE
    subprocess.run(["git", "apply"], input=made.stdout, text=True, check=True)
    assert Path("good.yaml").read_text() == GOOD
    assert Path("inner/loose.yml").read_text() == TIDY
    assert run(".", "--diff", "--check").return_value == 0


def test_a_file_that_is_no_yaml_is_left_alone_and_told_and_the_others_are_put_in_order(specs: Path) -> None:
    (specs / "wrong.yaml").write_text(WRONG)
    made = run(specs)
    assert made.return_value == 1
    assert "error[NS019]" in made.stderr
    assert "wrong.yaml:2:9" in made.stderr
    assert (specs / "wrong.yaml").read_text() == WRONG
    assert (specs / "inner" / "loose.yml").read_text() == TIDY


def test_a_missing_file_and_one_that_is_no_text_are_told(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"netspec: \xff")
    made = run(tmp_path / "a.yaml", tmp_path / "b.yaml")
    assert made.return_value == 1
    assert "error[NS002]" in made.stderr
    assert "error[NS001]" in made.stderr


def test_line_ends_stay_and_a_byte_order_mark_goes(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + LOOSE.replace("\n", "\r\n").encode())
    assert run(path).return_value == 0
    assert path.read_bytes() == TIDY.replace("\n", "\r\n").encode()
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.encode())
    assert run(path, "--check").return_value == 1
    run(path)
    assert path.read_bytes() == GOOD.encode()


def test_the_mode_of_a_file_stays_and_a_link_stays_a_link(specs: Path) -> None:
    path, link = specs / "inner" / "loose.yml", specs / "link.yaml"
    path.chmod(0o640)
    link.symlink_to(path)
    assert run(link).return_value == 0
    assert link.is_symlink()
    assert path.read_text() == TIDY
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert sorted(one.name for one in path.parent.iterdir()) == ["loose.yml"]


def test_a_file_that_cannot_be_replaced_is_told_and_is_whole(
    specs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    made = run(specs)
    assert made.return_value == 1
    assert "error[NS746]" in made.stderr
    assert "no space left on device" in made.stderr
    assert (specs / "inner" / "loose.yml").read_text() == LOOSE
    assert len(list((specs / "inner").iterdir())) == 1


def test_yaml_that_is_no_spec_is_passed_over_when_asked(tmp_path: Path) -> None:
    (tmp_path / "ci.yaml").write_text("on:   push\n")
    (tmp_path / "spec.yaml").write_text(LOOSE)
    (tmp_path / "json.yaml").write_text('{"netspec": 1}\n')
    assert run(tmp_path, "--skip-others").return_value == 0
    assert (tmp_path / "ci.yaml").read_text() == "on:   push\n"
    assert (tmp_path / "spec.yaml").read_text() == TIDY
    assert (tmp_path / "json.yaml").read_text() == "netspec: 1\n"


def test_standard_input_is_printed_in_order() -> None:
    made = run("-", text=LOOSE)
    assert (made.return_value, made.stdout) == (0, TIDY)


def test_wrong_standard_input_is_told_and_nothing_is_printed() -> None:
    made = run("-", text=WRONG)
    assert made.stdout == ""
    assert "NS019" in str(made.exception)
    assert "NS003" in str(run("-", text=b"#" * ((1 << 20) + 1)).exception)


def test_standard_input_stands_alone(specs: Path) -> None:
    assert "`-` stands alone" in str(run("-", specs).exception)
