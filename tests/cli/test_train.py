from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner, Result

import netspec
from netspec import backend
from netspec.cli.evaluate import evaluate
from netspec.cli.train import train
from netspec.data.phantom import generate
from netspec.front import load
from netspec.text import SpecError
from netspec_torch import backend as torch_backend
from netspec_torch.module import assemble

ROOT = Path(__file__).parents[2]
HEART = (ROOT / "specs" / "heart-volume.yaml").read_text(encoding="utf-8")
DIGITS = (ROOT / "specs" / "digits.yaml").read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The backend as an installed netspec finds it."""
    monkeypatch.setattr(backend, "find", lambda name: torch_backend)


def shortened(text: str, *changes: tuple[str, str]) -> str:
    """A spec with pieces of it replaced; each piece must be there."""
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return text


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the heart spec, made short, and two phantoms of different patients."""
    folder = tmp_path_factory.mktemp("project")
    text = shortened(HEART, ("epochs: 20", "epochs: 2"), ("width: 32", "width: 4"), ("lr: 0.3", "lr: 0.1"))
    (folder / "heart.yaml").write_text(text, encoding="utf-8")
    generate(folder / "data" / "heart", "tiny", 1, 8, (), "train")
    generate(folder / "data" / "other", "tiny", 2, 4, (), "train")
    return folder


@pytest.fixture(scope="module")
def trained(project: Path) -> tuple[Result, Path]:
    """What `netspec train` says of the heart spec, and the run's folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backend, "find", lambda name: torch_backend)
        done = CliRunner().invoke(train, [str(project / "heart.yaml"), "--runs", str(project / "runs")])
    assert done.exit_code == 0, (done.output, done.exception)
    (folder,) = (project / "runs").iterdir()
    return done, folder


def measured(*arguments: str) -> Any:
    """What `netspec evaluate` says in JSON."""
    done = CliRunner().invoke(evaluate, [*arguments, "--format", "json"])
    assert done.exit_code == 0, (done.output, done.exception)
    return json.loads(done.stdout)


def test_training_ends_with_crps_its_skill_and_the_folder_of_the_run(trained: tuple[Result, Path]) -> None:
    done, folder = trained
    lines = done.stdout.splitlines()
    assert any(line.startswith("CRPS against the empirical CDF of the training patients") for line in lines)
    assert [
        line.split()[0] for line in lines if line.startswith(("  systole ", "  diastole ", "  mean "))
    ] == [
        "systole",
        "diastole",
        "mean",
    ]
    assert f"run: {folder}" in done.stdout
    assert done.stderr.count("epoch ") == 2


def test_nothing_that_a_run_keeps_says_who_a_patient_is(project: Path) -> None:
    text = shortened(HEART, ("epochs: 20", "epochs: 1"), ("width: 32", "width: 2"))
    # Names that cannot stand anywhere by chance, in place of the phantom's numbers.
    named = project.parent / "named"
    generate(named / "data" / "heart", "tiny", 1, 5, (), "train")
    base = named / "data" / "heart"
    table = (base / "train.csv").read_text(encoding="utf-8").splitlines()
    for i, row in enumerate(table[1:], 1):
        number, rest = row.split(",", 1)
        (base / "train" / number).rename(base / "train" / f"Quux{number}Zebra")
        table[i] = f"Quux{number}Zebra,{rest}"
    (base / "train.csv").write_text("\n".join(table) + "\n", encoding="utf-8")
    (named / "heart.yaml").write_text(text, encoding="utf-8")
    done = CliRunner().invoke(train, [str(named / "heart.yaml"), "--runs", str(named / "runs")])
    assert done.exit_code == 0, (done.output, done.exception)
    kept = [path for path in (named / "runs").rglob("*") if path.is_file()]
    assert len(kept) == 10
    for path in kept:
        assert b"Zebra" not in path.read_bytes()
        assert str(named).encode() not in path.read_bytes()
    assert b"Zebra" not in done.stdout_bytes + done.stderr_bytes


def test_evaluating_a_run_tells_what_training_told(trained: tuple[Result, Path]) -> None:
    _, folder = trained
    told = measured(str(folder))
    result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    assert told["metrics"] == result["metrics"]
    assert told["distributions"] == result["distributions"]


def test_the_crps_of_the_metric_and_that_of_the_score_are_one(trained: tuple[Result, Path]) -> None:
    told = measured(str(trained[1]))
    assert told["distributions"]["mean"]["crps"] == pytest.approx(told["metrics"]["crps"], rel=1e-5)


def test_other_patients_are_measured_against_those_of_the_training(
    trained: tuple[Result, Path], project: Path
) -> None:
    told = measured(str(trained[1]), "--set", "root=data/other", "--split", "all", "--baselines")
    assert told["groups"] == told["distributions"]["count"] == 4
    own = measured(str(trained[1]), "--split", "all", "--baselines")
    assert own["groups"] == 8
    for pair in told["distributions"]["pairs"]:
        assert pair["empirical"]["skill"] == pytest.approx(1 - pair["crps"] / pair["empirical"]["crps"])
        assert pair["age_and_sex"]["crps"] > 0
        assert sum(pair["calibration"]["histogram"]) == 4
    done = CliRunner().invoke(
        evaluate, [str(trained[1]), "--set", "root=data/other", "--split", "all", "--baselines"]
    )
    assert "median and calibration" in done.stdout
    assert "CRPS against age and sex of the training patients (4 patients scored)" in done.stdout


@pytest.mark.parametrize(
    "arguments, code",
    [
        (["--split", "test"], "NS651"),
        (["--set", "width=5"], "NS652"),
        (["--set", "widht=5"], ""),
        (["--set", "root=data/nowhere"], "NS52"),
    ],
)
def test_what_cannot_be_measured_is_refused(
    arguments: list[str], code: str, trained: tuple[Result, Path]
) -> None:
    done = CliRunner().invoke(evaluate, [str(trained[1]), *arguments])
    assert isinstance(done.exception, SpecError), (done.output, done.exception)
    assert code in str(done.exception)


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    done = CliRunner().invoke(evaluate, [str(tmp_path)])
    assert isinstance(done.exception, SpecError)
    assert "NS644" in str(done.exception)


def test_a_label_outside_the_bins_is_refused_before_training(project: Path) -> None:
    folder = project.parent / "outside"
    generate(folder / "data" / "heart", "tiny", 1, 4, (), "train")
    table = folder / "data" / "heart" / "train.csv"
    rows = table.read_text(encoding="utf-8").splitlines()
    rows[1] = ",".join([*rows[1].split(",")[:2], "612.5"])
    table.write_text("\n".join(rows) + "\n", encoding="utf-8")
    (folder / "heart.yaml").write_text(HEART, encoding="utf-8")
    done = CliRunner().invoke(train, [str(folder / "heart.yaml"), "--runs", str(folder / "runs")])
    assert isinstance(done.exception, SpecError)
    assert "612.5" in str(done.exception)
    assert not (folder / "runs").exists()


def test_the_digits_are_told_apart_better_than_nine_times_in_ten(tmp_path: Path) -> None:
    text = shortened(DIGITS, ("epochs: 10", "epochs: 2"))
    (tmp_path / "digits.yaml").write_text(text, encoding="utf-8")
    done = CliRunner().invoke(train, [str(tmp_path / "digits.yaml"), "--runs", str(tmp_path / "runs")])
    assert done.exit_code == 0, (done.output, done.exception)
    (folder,) = (tmp_path / "runs").iterdir()
    result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    assert result["metrics"]["accuracy"] > 0.9
    weights = torch.load(folder / "weights.pt", weights_only=True)
    assemble(load(folder / "spec.yaml").graph).model.load_state_dict(weights)


def test_a_setting_of_the_command_line_is_kept_with_the_run(tmp_path: Path) -> None:
    text = shortened(
        DIGITS, ("name: digits\n", "name: digits\ndefine: {count: 1}\n"), ("epochs: 10", "steps: $count")
    )
    (tmp_path / "digits.yaml").write_text(text, encoding="utf-8")
    runs = tmp_path / "runs"
    done = CliRunner().invoke(train, [str(tmp_path / "digits.yaml"), "--runs", str(runs), "--set", "count=2"])
    assert done.exit_code == 0, (done.output, done.exception)
    (folder,) = runs.iterdir()
    assert json.loads((folder / "run.json").read_text(encoding="utf-8"))["define"] == {"count": 2}
    assert measured(str(folder), "--checkpoint", "last")["parts_taken"] == 2
    again = CliRunner().invoke(train, ["--resume", str(folder)])
    assert again.exit_code == 0, (again.output, again.exception)
    assert f"run: {folder}" in again.stdout


def test_python_trains_as_the_command_does(tmp_path: Path) -> None:
    text = shortened(DIGITS, ("epochs: 10", "steps: 1"))
    (tmp_path / "digits.yaml").write_text(text, encoding="utf-8")
    result = netspec.train(tmp_path / "digits.yaml", runs=tmp_path / "runs", device="cpu")
    assert result.folder.parent == tmp_path / "runs"
    assert result.report == json.loads((result.folder / "result.json").read_text(encoding="utf-8"))


def test_without_a_spec_or_a_run_the_command_line_is_wrong() -> None:
    assert CliRunner().invoke(train, []).exit_code == 2


def test_a_missing_engine_is_named_with_the_line_that_installs_it(tmp_path: Path) -> None:
    code = """
import sys
sys.modules["torch"] = None
from netspec import backend
from netspec_torch import backend as torch_backend
backend.find = lambda name: torch_backend
from netspec.cli.main import main
main(["train", sys.argv[1]])
"""
    (tmp_path / "digits.yaml").write_text(DIGITS, encoding="utf-8")
    done = process(code, str(tmp_path / "digits.yaml"))
    assert done.returncode == 1
    assert b"NS702" in done.stderr
    assert b"pip install 'netspec-compiler[train]'" in done.stderr


def test_help_needs_neither_torch_nor_numpy() -> None:
    code = """
import sys
from click.testing import CliRunner
from netspec.cli.main import netspec
for command in ("train", "evaluate"):
    assert CliRunner().invoke(netspec, [command, "--help"]).exit_code == 0
print(sorted({"torch", "numpy", "pytorch_lightning", "rich"} & set(sys.modules)))
"""
    done = process(code)
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.decode().strip() == "[]"


def process(code: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """A new interpreter that runs `code`."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "backends")])}
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, env=environment, capture_output=True, check=False)


def test_a_run_keeps_the_files_that_its_spec_extends_and_includes(tmp_path: Path) -> None:
    base = tmp_path / "base.yaml"
    base.write_text(shortened(DIGITS, ("epochs: 10", "epochs: 1")), encoding="utf-8")
    spec = tmp_path / "digits.yaml"
    spec.write_text("netspec: 1\nextends: base.yaml\nname: mine\n", encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text("", encoding="utf-8")
    done = CliRunner().invoke(train, [str(spec), "--runs", str(tmp_path / "runs")])
    assert done.exit_code == 0, (done.output, done.exception)
    base.unlink()
    (folder,) = (tmp_path / "runs").iterdir()
    assert measured(str(folder))


def test_a_network_of_whole_stacks_trains_and_is_scored_by_patient(tmp_path: Path) -> None:
    text = (ROOT / "specs" / "zoo" / "heart_patient.yaml").read_text(encoding="utf-8")
    text = shortened(
        text, ("epochs: 20", "epochs: 1"), ("width: 32", "width: 2"), ("batch_size: 8", "batch_size: 3")
    )
    (tmp_path / "heart.yaml").write_text(text, encoding="utf-8")
    generate(tmp_path / "data" / "heart", "tiny", 1, 8, (), "train")
    # one patient loses the upper half of the stack
    study = tmp_path / "data" / "heart" / "train" / "1" / "study"
    for folder in sorted(study.glob("sax_*"))[:3]:
        for file in folder.iterdir():
            file.unlink()
    done = CliRunner().invoke(train, [str(tmp_path / "heart.yaml"), "--runs", str(tmp_path / "runs")])
    assert done.exit_code == 0, (done.output, done.exception)
    assert "2 patients scored" in done.stdout
    (run,) = (tmp_path / "runs").iterdir()
    told = measured(str(run))
    assert told["distributions"]["unit"] == "patient"
    everybody = measured(str(run), "--split", "all")
    assert (everybody["samples"], everybody["distributions"]["count"]) == (8, 8)
