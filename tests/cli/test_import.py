from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from safetensors.numpy import load_file

import netspec
from netspec.cli import main as entry
from netspec.cli.import_ import import_
from netspec.text import SpecError
from tests.backends.onnx.made import model, node, noise, put

WEIGHT, BIAS = noise(6, 4, 3, 3), noise(6)


@pytest.fixture
def net(tmp_path: Path) -> str:
    nodes = (
        node("Conv", ["x", "w", "b"], ["c"], pads=[1, 1, 1, 1]),
        node("Relu", ["c"], ["r"]),
        node("GlobalAveragePool", ["r"], ["p"]),
        node("Flatten", ["p"], ["scores"]),
    )
    return put(tmp_path, model(*nodes, tensors={"w": WEIGHT, "b": BIAS}, outputs=("scores",)))


def run(*arguments: str) -> Result:
    return CliRunner().invoke(import_, arguments, catch_exceptions=False)


def test_it_writes_a_spec_and_its_weights_beside_it(net: str, tmp_path: Path) -> None:
    done = run(net, "-o", str(tmp_path / "mine.yaml"), "--name", "Small Net")
    assert done.exit_code == 0, done.output
    text = (tmp_path / "mine.yaml").read_text(encoding="utf-8")
    assert text == (
        "netspec: 1\n"
        "name: small_net\n"
        "doc: Imported from net.onnx, ONNX opset 20.\n"
        "inputs:\n"
        "  x: [4, 8, 8]\n"
        "layers:\n"
        "  - conv: {out_channels: 6, kernel_size: 3, padding: 1}\n"
        "  - relu\n"
        "  - {global_avg_pool, name: scores}\n"
    )
    assert "222 parameters in 3 layers" in done.output
    assert "held to its source on batches of 1 and 2" in done.output
    numbers = load_file(tmp_path / "mine.safetensors")
    assert numbers.keys() == netspec.compile(tmp_path / "mine.yaml").state_dict().keys()
    assert np.array_equal(numbers["conv1.weight"], WEIGHT)


def test_the_weights_make_the_compiled_module_what_the_source_was(net: str, tmp_path: Path) -> None:
    import torch

    from netspec_onnx.recover import read

    run(net, "-o", str(tmp_path / "mine.yaml"))
    module = netspec.compile(tmp_path / "mine.yaml").eval()
    module.load_state_dict(
        {k: torch.from_numpy(v) for k, v in load_file(tmp_path / "mine.safetensors").items()}
    )
    x = noise(5, 4, 8, 8)
    with torch.no_grad():
        ours = module(torch.from_numpy(x)).numpy()
    theirs = read(net).source.run({"x": x})["scores"]
    assert np.allclose(ours, theirs, atol=1e-6)
    with torch.no_grad():
        again = netspec.from_pretrained(tmp_path / "mine.safetensors")(torch.from_numpy(x)).numpy()
    assert np.array_equal(ours, again)


def test_check_writes_nothing(net: str, tmp_path: Path) -> None:
    done = run(net, "--check", "--format", "json")
    told = json.loads(done.output)
    assert (told["parameters"], told["layers"], told["spec"], told["weights"]) == (222, 3, None, None)
    assert told["batches"] == [1, 2]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["net.onnx"]


def test_json_tells_what_was_written(net: str, tmp_path: Path) -> None:
    told = json.loads(run(net, "-o", str(tmp_path / "a.yaml"), "--format", "json").output)
    assert told["weights"] == str(tmp_path / "a.safetensors")
    assert 0 <= told["used"] < 1


@pytest.mark.parametrize("there", ["mine.yaml", "mine.safetensors"])
def test_nothing_that_is_there_is_written_over(there: str, net: str, tmp_path: Path) -> None:
    (tmp_path / there).write_text("my own", encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        run(net, "-o", str(tmp_path / "mine.yaml"))
    assert caught.value.diagnostics[0].code == "NS747"
    assert (tmp_path / there).read_text(encoding="utf-8") == "my own"
    assert len(list(tmp_path.iterdir())) == 2


def test_a_refusal_leaves_no_file(tmp_path: Path) -> None:
    path = put(tmp_path, model(node("Det", ["x"])))
    with pytest.raises(SpecError) as caught:
        run(path, "-o", str(tmp_path / "mine.yaml"))
    assert caught.value.diagnostics[0].code == "NS773"
    assert [one.name for one in tmp_path.iterdir()] == ["net.onnx"]


def test_a_folder_that_is_not_there_leaves_no_half(net: str, tmp_path: Path) -> None:
    with pytest.raises(SpecError) as caught:
        run(net, "-o", str(tmp_path / "none" / "mine.yaml"))
    assert caught.value.diagnostics[0].code == "NS746"


@pytest.mark.parametrize(
    "arguments, words",
    [
        ([], "Say where the spec goes"),
        (["-o", "net.txt"], "ends neither with .yaml"),
        (["--check", "--shape", "3,x"], "is no shape"),
        (["--check", "--shape", "N,3"], "is no shape"),
        (["--check", "--shape", "0,3"], "is no shape"),
    ],
)
def test_a_wrong_command_line_is_told(arguments: list[str], words: str, net: str) -> None:
    done = run(net, *arguments)
    assert done.exit_code == 2
    assert words in done.output


def test_the_command_is_found_though_python_keeps_its_name(
    net: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        entry.main(["import", net, "--check"])
    assert left.value.code == 0
    assert "222 parameters" in capsys.readouterr().out


def test_what_cannot_be_imported_is_told_without_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        entry.main(["import", "net.h5", "--check"])
    assert left.value.code == 1
    assert "nothing here reads `net.h5`" in capsys.readouterr().err


def test_onnx_that_is_missing_is_named_with_its_extra(net: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(SpecError) as caught:
        run(net, "--check")
    assert caught.value.diagnostics[0].code == "NS702"
    assert "netspec-compiler[onnx]" in caught.value.diagnostics[0].help


NETS = """
from torch import nn


class Net(nn.Module):
    def __init__(self, width=4, norm=True):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3, padding=1)
        self.norm = nn.BatchNorm2d(width) if norm else nn.Identity()
        self.head = nn.Linear(width, 2)

    def forward(self, image):
        return self.head(self.norm(self.conv(image)).relu().mean((2, 3)))
"""


@pytest.fixture
def nets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "some_nets.py").write_text(NETS, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "some_nets", raising=False)
    return tmp_path


def test_a_module_of_this_folder_becomes_a_spec(nets: Path) -> None:
    done = run("some_nets:Net", "--shape", "3,H,W", "-o", "net.yaml")
    assert done.exit_code == 0, done.output
    assert (nets / "net.yaml").read_text(encoding="utf-8") == (
        "netspec: 1\n"
        "name: net\n"
        'doc: "Imported from some_nets:Net."\n'
        "inputs:\n"
        "  image: [3, H, W]\n"
        "layers:\n"
        "  - conv: {out_channels: 4, kernel_size: 3, padding: 1}\n"
        "  - batch_norm\n"
        "  - relu\n"
        "  - global_avg_pool\n"
        "  - {linear: 2, name: head}\n"
    )
    assert str(nets) not in sys.path


def test_a_class_is_made_with_the_arguments_that_are_given(nets: Path) -> None:
    done = run(
        "some_nets:Net", "--shape", "3,8,8", "--with", "width=7", "--with", "norm=false", "-o", "net.yaml"
    )
    assert done.exit_code == 0, done.output
    text = (nets / "net.yaml").read_text(encoding="utf-8")
    assert "out_channels: 7" in text
    assert "batch_norm" not in text


def test_arguments_are_for_modules_alone(net: str) -> None:
    done = run(net, "--with", "width=7", "--check")
    assert done.exit_code == 2
    assert "`--with`" in done.output


def test_what_fails_in_a_module_is_told_without_a_traceback(nets: Path) -> None:
    with pytest.raises(SpecError) as raised:
        run("some_nets:Net", "--shape", "3,8,8", "--with", "depth=2", "--check")
    assert raised.value.diagnostics[0].code == "NS781"
    assert "depth" in str(raised.value)
    assert "`--with NAME=VALUE`" in str(raised.value)


def test_a_pickled_program_is_refused_with_the_reason() -> None:
    with pytest.raises(SpecError, match="NS785"):
        run("resnet50.pt2", "--check")


def test_a_module_in_hand_becomes_a_spec_and_keeps_its_weights(nets: Path) -> None:
    import torch

    conv = torch.nn.Conv2d(1, 2, 3)
    module = torch.nn.Sequential(conv, torch.nn.ReLU(), torch.nn.Flatten())
    result = netspec.from_module(module, [(1, 5, 5)], name="tiny")
    assert "  - conv: {out_channels: 2, kernel_size: 3}\n  - relu\n  - flatten\n" in result.text
    numbers = load_file(result.save("tiny.yaml"))
    assert np.array_equal(numbers["conv1.weight"], conv.weight.detach().numpy())
    assert (nets / "tiny.yaml").read_text(encoding="utf-8") == result.text
