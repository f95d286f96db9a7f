"""`netspec weights`: what fits is told, written only when asked for, and what does not fit is said in words."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner, Result
from safetensors.torch import load_file, save_file

import netspec
from netspec import backend
from netspec.cli.progress import Lines
from netspec.cli.train import train
from netspec.cli.weights import weights
from netspec.text import SpecError
from netspec_torch import backend as torch_backend

SPEC = """\
netspec: 1
name: small
define: {classes: 10}
inputs:
  image: {shape: [3, 16, 16], kind: image, range: [0, 1]}
layers:
  - conv: {out_channels: 8, kernel_size: 3}
  - batch_norm
  - relu
  - global_avg_pool
  - {linear: $classes, name: logits}
"""


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The backend as an installed netspec finds it."""
    monkeypatch.setattr(backend, "find", lambda name: torch_backend)


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(SPEC, encoding="utf-8")
    return path


def foreign(folder: Path, classes: int = 10) -> Path:
    """The state of another library's module of the same structure."""
    made = torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3), torch.nn.BatchNorm2d(8), torch.nn.ReLU(), torch.nn.Linear(8, classes)
    )
    torch.save(made.state_dict(), folder / "other.pth")
    return folder / "other.pth"


def said(*arguments: Any) -> Result:
    return CliRunner().invoke(weights, [str(one) for one in arguments])


def code(done: Result) -> str:
    assert isinstance(done.exception, SpecError), (done.output, done.exception)
    (one,) = done.exception.diagnostics
    return one.code


def test_the_report_says_what_becomes_of_every_layer_and_nothing_is_written(
    spec: Path, tmp_path: Path
) -> None:
    file = foreign(tmp_path, 7)
    before = sorted(tmp_path.iterdir())
    done = said(spec, file)
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [
        "renamed  conv1           0          the same place among 3 layers of the same kinds",
        "renamed  batch_norm1     1          the same place among 3 layers of the same kinds",
        "new      logits: weight             [7, 8] there, [10, 8] here",
        "new      logits: bias               [7] there, [10] here",
        "unused                   3: weight  [7, 8] there, [10, 8] here",
        "unused                   3: bias    [7] there, [10] here",
        "7 of 9 tensors from the file (7 renamed, 2 new); 2 of the file unused",
    ]
    assert sorted(tmp_path.iterdir()) == before


def test_the_weights_are_written_whole_and_never_over_a_file_in_silence(spec: Path, tmp_path: Path) -> None:
    file, output = foreign(tmp_path, 7), tmp_path / "begun.safetensors"
    assert said(spec, file, "-o", output).exit_code == 0
    first = output.read_bytes()
    model = netspec.compile(spec)
    model.load_state_dict(load_file(output))
    state = torch.load(file, weights_only=True)
    assert torch.equal(model.state_dict()["conv1.weight"], state["0.weight"])
    whole = netspec.from_pretrained(output).state_dict()
    assert all(torch.equal(whole[key], value) for key, value in model.state_dict().items())
    assert code(said(spec, file, "-o", output)) == "NS747"
    assert output.read_bytes() == first
    assert said(spec, file, "-o", output, "--force").exit_code == 0
    assert output.read_bytes() == first, "first values come from the seed"
    assert code(said(spec, file, "-o", tmp_path / "none" / "begun.safetensors")) == "NS746"
    assert not [one for one in tmp_path.iterdir() if one.name.startswith(".")]


def test_with_strict_everything_must_come_from_the_file(spec: Path, tmp_path: Path) -> None:
    assert said(spec, foreign(tmp_path), "--strict").exit_code == 0
    done = said(spec, foreign(tmp_path, 7), "--strict", "-o", tmp_path / "o.safetensors")
    assert code(done) == "NS766"
    assert "7 of 9 tensors" in done.stdout, "the report is printed all the same"
    assert not (tmp_path / "o.safetensors").exists()


def test_a_file_of_which_nothing_fits_is_an_error_after_the_report(spec: Path, tmp_path: Path) -> None:
    torch.save(torch.nn.LSTM(3, 5).state_dict(), tmp_path / "rnn.pt")
    done = said(spec, tmp_path / "rnn.pt")
    assert code(done) == "NS765"
    assert "0 of 9 tensors" in done.stdout
    assert code(said(spec, tmp_path / "none.pt")) == "NS760"


def test_pairs_of_the_users_own_are_taken(spec: Path, tmp_path: Path) -> None:
    file = foreign(tmp_path)
    done = said(spec, file, "--map", "3=logits", "--map", "0.weight = conv1.weight", "--format", "json")
    told = json.loads(done.stdout)
    assert told["counts"]["renamed"] == 9
    rows = {row["name"]: row for row in told["tensors"]}
    assert rows["logits.bias"]["why"] == "as asked"
    assert rows["conv1.weight"]["source"] == "0.weight"
    assert code(said(spec, file, "--map", "4=logits")) == "NS767"
    for wrong in ("logits", "=logits", "3="):
        done = said(spec, file, "--map", wrong)
        assert done.exit_code == 2
        assert "is not OLD=NEW" in done.stderr
    assert said(spec, file, "--map", "3=logits", "--map", "3=conv1").exit_code == 2


def test_a_safetensors_file_is_reported_without_torch(spec: Path, tmp_path: Path) -> None:
    state = netspec.compile(spec).state_dict()
    save_file(state, tmp_path / "w.safetensors")
    program = (
        "import sys; from netspec.cli.main import main\n"
        f"try: main(['weights', {str(spec)!r}, {str(tmp_path / 'w.safetensors')!r}, '--strict'])\n"
        "except SystemExit as left: status = left.code\n"
        "assert status == 0, status\n"
        "assert 'torch' not in sys.modules and 'numpy' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "9 of 9 tensors from the file (9 kept)" in done.stdout


def test_python_has_the_same_report_and_changes_a_module_in_place(spec: Path, tmp_path: Path) -> None:
    file = foreign(tmp_path)
    report = netspec.load_weights(spec, file)
    assert report.whole
    model = netspec.compile(spec)
    assert netspec.load_weights(model, file, strict=True) == report
    assert torch.equal(model.state_dict()["logits.bias"], torch.load(file, weights_only=True)["3.bias"])
    assert netspec.load_weights(str(spec), str(file), map={"3": "logits"}).rows[-1].why == "as asked"
    with pytest.raises(SpecError, match="NS766"):
        netspec.load_weights(model, foreign(tmp_path, 7), strict=True)


def test_an_older_backend_without_weights_is_told(spec: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend, "find", lambda name: object())
    assert code(said(spec, foreign(spec.parent))) == "NS736"
    with pytest.raises(SpecError, match="NS736"):
        netspec.load_weights(spec, "w.pt")


def test_a_run_goes_on_with_its_own_weights_and_takes_no_others(spec: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(
        train, [str(spec), "--resume", str(tmp_path), "--weights", str(tmp_path / "w.pt")]
    )
    assert done.exit_code == 2
    assert "`--resume` or `--weights`, not both" in " ".join(done.stderr.replace("│", " ").split())


def test_the_report_is_printed_before_a_training(capsys: pytest.CaptureFixture[str]) -> None:
    Lines().started(["kept  conv1", "1 of 1 tensors from the file (1 kept)"])
    assert capsys.readouterr().err == "kept  conv1\n1 of 1 tensors from the file (1 kept)\n"


def test_weights_go_into_no_file_of_another_kind(tmp_path: Path) -> None:
    spec = tmp_path / "small.yaml"
    spec.write_text(SPEC, encoding="utf-8")
    output = tmp_path / "begun.pth"
    made = CliRunner().invoke(weights, [str(spec), str(tmp_path / "any.pth"), "-o", str(output)])
    assert made.exit_code == 2
    assert "does not end with .safetensors" in made.output
    assert not output.exists()


def test_the_folder_one_is_in_has_a_name_in_messages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = tmp_path / "small.yaml"
    spec.write_text(SPEC, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SpecError, match=r"the folder `\.` is no run"):
        netspec.load_weights(spec, ".")
    with pytest.raises(SpecError, match=r"`\.` is not named as a weights file is"):
        netspec.from_pretrained(".")
