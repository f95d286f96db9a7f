from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from netspec.cli.validate import validate

ROOT = Path(__file__).parents[2]
GOOD = "netspec: 1\ndefine: {width: 4}\ninputs: {x: [3]}\nlayers: [relu, linear: $width]\n"
BAD = "netspec: 1\ninputs: {x: [3]}\nlayers: [rely, linear: 2]\n"
HEAVY = ("torch", "numpy", "pydicom", "rich", "sklearn", "pytorch_lightning", "hypothesis")


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(validate, [str(one) for one in arguments], standalone_mode=False)


def netspec(
    *arguments: str, cwd: Path = ROOT, code: str = "", **environment: str
) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own; `code` runs after it."""
    program = (
        f"import sys\nfrom netspec.cli.main import main\ntry:\n    main()\nfinally:\n    {code or 'pass'}"
    )
    path = os.pathsep.join([str(ROOT), str(ROOT / "backends")])
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": path, **environment},
    )


@pytest.fixture
def specs(tmp_path: Path) -> Path:
    (tmp_path / "inner").mkdir()
    (tmp_path / "good.yaml").write_text(GOOD)
    (tmp_path / "inner" / "bad.yml").write_text(BAD)
    (tmp_path / "inner" / "notes.txt").write_text("no spec")
    return tmp_path


def test_a_good_spec_gives_status_0_and_says_how_many_were_checked(specs: Path) -> None:
    made = run(specs / "good.yaml")
    assert (made.return_value, made.stdout) == (0, "1 spec checked: no errors\n")


def test_a_bad_spec_gives_status_1_and_the_line(specs: Path) -> None:
    made = run(specs / "inner" / "bad.yml")
    assert made.return_value == 1
    assert "error[NS101]: there is no op `rely`" in made.stdout
    assert "bad.yml:3:10" in made.stdout
    assert "no errors" not in made.stdout


def test_files_and_folders_are_checked_together(specs: Path) -> None:
    made = run(specs / "good.yaml", specs, "--format", "json")
    assert made.return_value == 1
    (found,) = json.loads(made.stdout)
    assert found["file"] == str(specs / "inner" / "bad.yml")


def test_the_specs_of_the_project_are_good() -> None:
    made = run(ROOT / "specs", "--format", "json")
    assert (made.return_value, json.loads(made.stdout)) == (0, [])


def test_what_is_said_of_a_file_that_several_specs_extend_is_said_once(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(GOOD.replace("width: 4", "width: 4, depth: 2"))
    for name in "ab":
        (tmp_path / f"{name}.yaml").write_text(f"netspec: 1\nextends: base.yaml\nname: {name}\n")
    (found,) = json.loads(run(tmp_path, "--format", "json").stdout)
    assert (found["code"], found["file"]) == ("NS406", str(tmp_path / "base.yaml"))
    two = GOOD.replace("linear: $width]", "linear: $width, {max_pool: 2, from: x, name: wrong}]")
    (tmp_path / "base.yaml").write_text(two)
    errors = json.loads(run(tmp_path, "--format", "json").stdout)
    assert len(errors) == 1


def test_json_is_a_list_of_diagnostics_with_their_places(specs: Path) -> None:
    (found,) = json.loads(run(specs, "--format", "json").stdout)
    wanted: dict[str, Any] = {
        "code": "NS101",
        "severity": "error",
        "message": "there is no op `rely`",
        "file": str(specs / "inner" / "bad.yml"),
        "line": 3,
        "column": 10,
        "end_line": 3,
        "end_column": 14,
        "help": "did you mean `relu`?",
    }
    assert {key: found[key] for key in wanted} == wanted
    assert found["edit"]["text"] == "relu"


def test_github_gets_a_command_that_shows_at_the_line(specs: Path) -> None:
    made = run(specs / "inner", "--format", "github")
    assert made.stdout.startswith("::error file=")
    assert "line=3,col=10,endLine=3,endColumn=14,title=NS101::" in made.stdout
    assert run(specs / "good.yaml", "--format", "github").stdout == ""


def test_a_warning_is_told_and_is_no_failure(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(GOOD + "lint: {ignore: {NS320: for a reason}}\n")
    made = run(path)
    assert made.return_value == 0
    assert "warning[NS402]" in made.stdout
    assert "1 spec checked: no errors" in made.stdout


@pytest.mark.parametrize(
    "setting, status, said",
    [
        ("width=8", 0, "no errors"),
        ("width=8.5", 1, "is a whole number, and cannot be set to a number"),
        ("widht=8", 1, "did you mean `width`?"),
        ("width=true", 1, "cannot be set to true or false"),
    ],
)
def test_a_setting_reaches_the_constants(specs: Path, setting: str, status: int, said: str) -> None:
    made = run(specs / "good.yaml", "--set", setting)
    assert made.return_value == status
    assert said in made.stdout


def test_a_missing_file_is_named_with_its_neighbour(specs: Path) -> None:
    made = run(specs / "god.yaml")
    assert made.return_value == 1
    assert "NS001" in made.stdout
    assert "good.yaml" in made.stdout


def test_a_misspelt_folder_is_told_with_the_file_that_is_meant(specs: Path) -> None:
    made = run(specs / "iner" / "bad.yml")
    assert f"did you mean `{specs / 'inner' / 'bad.yml'}`?" in made.stdout
    assert f"did you mean the folder `{specs / 'inner'}`?" in run(specs / "iner" / "nothing.yml").stdout


def test_a_missing_file_has_its_name_and_no_place_in_json(specs: Path) -> None:
    (found,) = json.loads(run(specs / "god.yaml", "--format", "json").stdout)
    assert (found["code"], found["file"], found["line"]) == ("NS001", str(specs / "god.yaml"), None)


def test_a_folder_without_specs_is_an_error(tmp_path: Path) -> None:
    made = netspec("validate", str(tmp_path))
    assert made.returncode == 1
    assert "there is no `.yaml` file" in made.stderr


def test_a_file_that_may_not_be_read_is_named(specs: Path) -> None:
    path = specs / "good.yaml"
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read every file")
    made = run(path)
    assert made.return_value == 1
    assert "permission denied" in made.stdout


@pytest.mark.parametrize("content", [b"\xff\xfen\x00", b"netspec: \xff", b"", b"\x00"])
def test_a_file_that_is_no_text_is_told_without_a_traceback(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(content)
    made = run(path)
    assert made.exception is None
    assert made.return_value == 1
    assert "error[NS0" in made.stdout


def test_validate_loads_nothing_heavier_than_pydantic() -> None:
    watch = "print(sorted({name.split('.')[0] for name in sys.modules}), file=sys.stderr)"
    made = netspec("validate", "specs/heart-volume.yaml", code=watch)
    assert made.returncode == 0, made.stderr
    loaded = set(eval(made.stderr))
    assert "pydantic" in loaded
    assert loaded & set(HEAVY) == set()


def test_the_watch_on_heavy_imports_can_fail() -> None:
    watch = "import numpy; print(sorted({name.split('.')[0] for name in sys.modules}), file=sys.stderr)"
    made = netspec("validate", "specs/heart-volume.yaml", code=watch)
    assert set(eval(made.stderr)) & set(HEAVY) == {"numpy"}


FREE = (
    "netspec: 1\ninputs: {x: {shape: [2, H, W]}}\nlayers:\n  - {max_pool: 2, name: a}\n"
    "  - {conv: {out_channels: 2, kernel_size: 3, stride: 2, padding: 1}, from: x, name: b}\n"
    "  - {add, from: [a, b]}\n"
)


@pytest.fixture
def free(tmp_path: Path) -> Path:
    path = tmp_path / "free.yaml"
    path.write_text(FREE)
    return path


def test_sizes_that_every_layer_takes_are_fine(free: Path) -> None:
    made = run(free, "--sizes", "H=64,W=8", "--sizes", "N=1")
    assert (made.return_value, made.stdout) == (0, "1 spec checked at H=64, W=8, N=1: no errors\n")


def test_sizes_that_a_layer_refuses_are_an_error_there(free: Path) -> None:
    made = run(free, "--sizes", "H=65, W=64")
    assert made.return_value == 1
    assert "error[NS280]: `H = 65` is not legal: at `add1` 32 is not 33" in made.stdout
    assert "free.yaml:6:6" in made.stdout
    assert "nearest legal: `H = 64` and `H = 66` (H = 2k, k >= 1)" in made.stdout
    (found,) = json.loads(run(free, "--sizes", "H=65", "--format", "json").stdout)
    assert (found["code"], found["line"]) == ("NS280", 6)


def test_a_size_too_small_to_train_with_is_a_warning(free: Path) -> None:
    free.write_text(FREE + "  - global_avg_pool\n  - batch_norm\n")
    made = run(free, "--sizes", "N=1")
    assert made.return_value == 0
    assert "warning[NS282]: `N = 1` cannot be trained with" in made.stdout


def test_a_letter_that_is_not_there_is_told_with_those_that_are(free: Path) -> None:
    made = run(free, "--sizes", "H2=3")
    assert made.return_value == 1
    assert "error[NS281]" in made.stdout
    assert "did you mean `H`? its free sizes are `H`, `W`, `N`" in made.stdout


def test_a_letter_without_any_legal_size_is_an_error_without_being_asked(free: Path) -> None:
    free.write_text(
        "netspec: 1\ninputs: {x: {shape: [2, H, 8]}}\nlayers:\n"
        "  - {narrow: {axis: height, stop: 9}, name: a}\n"
        "  - {narrow: {axis: height, start: 2}, from: x, name: b}\n"
        "  - {narrow: {axis: height, start: 3}, from: x, name: c}\n"
        "  - {add, from: [a, b]}\n  - {add, from: [a, c]}\n"
    )
    made = run(free)
    assert made.return_value == 1
    assert "error[NS283]: no size of `H` is legal" in made.stdout


@pytest.mark.parametrize(
    "text, said",
    [
        ("H", "`H` is not LETTER=NUMBER, such as `H=64`"),
        ("H=64,", "`` is not LETTER=NUMBER"),
        ("=3", "is not LETTER=NUMBER"),
        ("H=0", "`H` is a size: a whole number from 1 to 999,999,999"),
        ("H=-4", "a whole number from 1"),
        ("H=6.5", "a whole number from 1"),
        ("H=\N{ARABIC-INDIC DIGIT THREE}", "a whole number from 1"),
        ("H=" + "9" * 5000, "a whole number from 1"),
        ("H=3,H=4", "`H` is given twice"),
    ],
)
def test_what_is_no_size_is_a_mistake_on_the_command_line(free: Path, text: str, said: str) -> None:
    made = run(free, "--sizes", text)
    assert isinstance(made.exception, click.BadParameter)
    assert said in made.exception.message
