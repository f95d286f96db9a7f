"""`netspec export`: what it writes, says and refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result

import netspec
from netspec.cli.main import netspec as command
from netspec.text import SpecError

SPEC = """netspec: 1
name: small
define: {width: 3}
inputs: {image: [2, H, 8]}
layers:
  - {conv: {out_channels: $width, kernel_size: 3, padding: 1}}
  - batch_norm
"""


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = Path("small.yaml")
    path.write_text(SPEC, encoding="utf-8")
    return path


@pytest.fixture
def run(spec: Path) -> Path:
    """The folder of a run of the spec with `width` 5, its best weights and its last ones."""
    folder = Path("runs", "small-1")
    (folder / "checkpoints").mkdir(parents=True)
    checked = netspec.load(spec, {"width": 5})
    (folder / "spec.yaml").write_text(SPEC, encoding="utf-8")
    (folder / "run.json").write_text(
        json.dumps({"digest": checked.digest, "define": dict(checked.define), "files": {}})
    )
    torch.save(netspec.compile(checked, seed=8).state_dict(), folder / "weights.pt")
    torch.save(netspec.compile(checked, seed=9).state_dict(), folder / "checkpoints" / "last.ckpt")
    return folder


def call(*words: str | Path) -> Result:
    return CliRunner().invoke(command, ["export", *map(str, words)])


def weight(file: str, key: str = "conv1.weight") -> torch.Tensor:
    found: torch.Tensor = netspec.from_pretrained(file).state_dict()[key]
    return found


def test_first_values_are_told_to_be_first_values(spec: Path) -> None:
    result = call(spec, "-o", "small.safetensors", "--seed", "4", "--set", "width=7")
    assert result.exit_code == 0, result.output
    assert "wrote small.safetensors: " in result.output
    assert "tensors read back, bit by bit" in result.output
    assert "untrained: it has first values" in result.output
    wanted = netspec.compile(spec, define={"width": 7}, seed=4).state_dict()["conv1.weight"]
    assert torch.equal(weight("small.safetensors"), wanted)


@pytest.mark.parametrize("checkpoint,seed", [("best", 8), ("last", 9)])
def test_a_run_goes_out_with_its_own_spec_and_weights(run: Path, checkpoint: str, seed: int) -> None:
    result = call(run, "-o", "run.safetensors", "--checkpoint", checkpoint)
    assert result.exit_code == 0, result.output
    assert "untrained" not in result.output
    wanted = netspec.compile(Path("small.yaml"), define={"width": 5}, seed=seed).state_dict()["conv1.weight"]
    assert torch.equal(weight("run.safetensors"), wanted)


def test_a_file_with_its_spec_goes_out_again_in_another_form(run: Path) -> None:
    assert call(run, "-o", "run.safetensors").exit_code == 0
    result = call("run.safetensors", "-o", "run.pt2", "--fold", "--sizes", "H=6")
    assert result.exit_code == 0, result.output
    assert "the same bits" in result.output
    assert "untrained" not in result.output
    x = torch.rand(4, 2, 6, 8)
    with torch.no_grad():
        wanted = netspec.from_pretrained("run.safetensors")(x)
        found = torch.export.load("run.pt2").module()(x)
    assert not torch.equal(wanted, torch.zeros_like(wanted))
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-6)


def test_a_folder_that_is_not_there_is_what_the_cure_names(spec: Path, tmp_path: Path) -> None:
    trained = tmp_path / "none" / "net.safetensors"
    told = str(call(spec, "-o", trained).exception)
    assert f"make the folder `{trained.parent}` first" in told
    with pytest.raises(TypeError, match="wants `weights` as a file or the folder of a run"):
        netspec.export(spec, tmp_path / "a.onnx", weights=netspec.compile(spec))  # type: ignore[arg-type]


def test_a_folder_that_is_no_run_is_told_with_both_cures(spec: Path, tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    told = str(call("runs", "-o", "a.onnx").exception)
    assert "NS001" in told
    assert "`runs` is a folder, and not that of a run" in told
    assert "`netspec train` made" in told


def test_mistakes_are_told_and_nothing_is_written(spec: Path, run: Path) -> None:
    assert "A run has weights of its own" in call(run, "-o", "a.pt2", "--weights", "w.pt").output
    before = sorted(Path().iterdir())
    for words, code in (
        ((spec, "-o", "a.pth"), "NS756"),
        ((spec, "-o", "a.safetensors", "--sizes", "H=8"), "NS756"),
        ((spec, "-o", "a.safetensors", "--fold"), "NS756"),
        ((spec, "-o", "a.pt2", "--sizes", "K=8"), "NS281"),
        ((spec, "-o", "a.safetensors", "--weights", "nothing.pt"), "NS760"),
        ((spec, "-o", "a.safetensors", "--weights", run / "weights.pt"), "NS754"),
        ((spec, "-o", "none/a.safetensors"), "NS746"),
    ):
        result = call(*words)
        assert isinstance(result.exception, SpecError), result.output
        assert code in str(result.exception)
    assert sorted(Path().iterdir()) == before
