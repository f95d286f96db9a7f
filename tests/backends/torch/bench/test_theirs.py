"""What a person wrote: what can be had from their file, what is said where it cannot, and how weights are paired."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from netspec.backend import Against
from netspec.front import check_source
from netspec.recipe.spec import Spec
from netspec.text import Source, SpecError
from netspec_torch.bench.matched import keys
from netspec_torch.bench.network import by_name, own, written
from netspec_torch.bench.same import check
from netspec_torch.bench.theirs import made

SPEC = """netspec: 1
name: pictures
inputs: {image: {shape: [1, 8, 8], range: [0, 1]}}
targets: {label: {kind: class_index, classes: 3}}
layers:
  - conv: {out_channels: 4, kernel_size: 3, bias: false}
  - batch_norm
  - relu
  - flatten
  - {linear: 3, name: logits}
loss: cross_entropy(logits, label)
"""

NET = """
import torch
from torch import nn
from torch.nn import functional as F

class Net(nn.Module):
    def __init__(self, eps=1e-5):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3, bias=False)
        self.norm = nn.BatchNorm2d(4, eps=eps)
        self.head = nn.Linear(144, 3)

    def forward(self, x):
        return self.head(F.relu(self.norm(self.conv(x))).flatten(1))

def loss(logits, label):
    return F.cross_entropy(logits, label)

def soft(logits, label):
    return F.cross_entropy(logits, label, label_smoothing=0.1)

class Other(Net):
    def __init__(self):
        super().__init__(eps=1e-3)

class Frozen(Net):
    def __init__(self):
        super().__init__()
        self.conv.weight.requires_grad = False

class Wide(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 5, 3, bias=False)

class Needy(nn.Module):
    def __init__(self, width):
        super().__init__()

def function():
    return Net()

def number():
    return 3

def broken():
    raise ValueError("no\\x1b[31m luck")
"""


def pictures() -> Spec:
    spec, _ = check_source(Source("pictures.yaml", SPEC), Path())
    assert spec is not None
    return spec


@pytest.fixture
def net(tmp_path: Path) -> Path:
    file = tmp_path / "net.py"
    file.write_text(NET, encoding="utf-8")
    return file


def batch(count: int = 4) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(2)
    return {
        "image": torch.rand(count, 1, 8, 8, generator=generator),
        "label": torch.arange(count) % 3,
    }


def refused(code: str, file: Path, network: str, loss: str = "") -> str:
    with pytest.raises(SpecError) as trouble:
        written(pictures(), Against(file, network, loss))
    (said,) = trouble.value.diagnostics
    assert said.code == code
    assert said.help
    assert "\x1b" not in said.message
    return f"{said.message} | {said.help}"


@pytest.mark.parametrize("network", ["Net", "function"])
@pytest.mark.parametrize("loss", ["", "loss"])
def test_a_network_of_theirs_gets_the_weights_of_the_spec_and_is_the_same(
    net: Path, network: str, loss: str
) -> None:
    spec = pictures()
    theirs = written(spec, Against(net, network, loss))
    check(own(spec), theirs, batch(), random=False)
    assert set(theirs.gradients()) == {
        "conv1.weight",
        "batch_norm1.weight",
        "batch_norm1.bias",
        "logits.weight",
        "logits.bias",
    }
    assert torch.equal(
        theirs.module.get_parameter("conv.weight"), own(spec).module.get_parameter("conv1.weight")
    )


@pytest.mark.parametrize(
    "network, loss, said",
    [
        ("Other", "", "in evaluation"),
        ("Net", "soft", "differs by"),
        ("Frozen", "", "the spec alone has the gradient of `conv1.weight`"),
    ],
)
def test_a_network_that_computes_something_else_is_refused_before_a_clock_runs(
    net: Path, network: str, loss: str, said: str
) -> None:
    theirs = written(pictures(), Against(net, network, loss))
    with pytest.raises(SpecError, match="NS672") as trouble:
        check(own(pictures()), theirs, batch(), random=False)
    assert said in trouble.value.diagnostics[0].message


def test_statistics_that_are_kept_otherwise_are_found_in_training(net: Path) -> None:
    theirs = written(pictures(), Against(net, "Net"))
    next(one for one in theirs.module.modules() if isinstance(one, nn.BatchNorm2d)).momentum = 0.2
    with pytest.raises(SpecError, match=r"in training, .*the state `batch_norm1.running_"):
        check(own(pictures()), theirs, batch(), random=False)


def test_a_number_that_is_none_is_a_difference(net: Path) -> None:
    theirs = written(pictures(), Against(net, "Net"))
    theirs.module.register_forward_hook(lambda *_: _[2] * float("nan"))
    with pytest.raises(SpecError, match="NS672"):
        check(own(pictures()), theirs, batch(), random=True)


def test_weights_are_what_they_were_after_a_check(net: Path) -> None:
    ours, theirs = own(pictures()), written(pictures(), Against(net, "Net"))
    before = {key: value.clone() for key, value in ours.module.state_dict().items()}
    check(ours, theirs, batch(), random=False)
    assert all(torch.equal(value, before[key]) for key, value in ours.module.state_dict().items())
    for name, key in theirs.keys.items():
        assert torch.equal(theirs.module.state_dict()[name], before[key])


@pytest.mark.parametrize(
    "network, said",
    [
        ("Nett", "did you mean `Net`?"),
        ("zzz", "it has `Net`"),
        ("Needy", "making `Needy` failed: TypeError"),
        ("number", "gives a int, and no `torch.nn.Module`"),
        ("broken", "net.py:47`: making `broken` failed: ValueError: no\\u{1b}[31m luck"),
    ],
)
def test_what_cannot_be_had_from_a_file_is_told(net: Path, network: str, said: str) -> None:
    assert said in refused("NS670", net, network)


@pytest.mark.parametrize(
    "text, said",
    [
        ("def f(:\n", "importing it failed: SyntaxError"),
        ("import no_such_package_anywhere\n", "net.py:1`: importing it failed: ModuleNotFoundError"),
        ("raise SystemExit(3)\n", "importing it failed: SystemExit: 3"),
    ],
)
def test_a_file_that_cannot_be_imported_is_told_with_its_line(net: Path, text: str, said: str) -> None:
    net.write_text(text, encoding="utf-8")
    assert said in refused("NS670", net, "Net")


def test_a_file_that_is_not_there_or_no_python_is_told(tmp_path: Path) -> None:
    assert "there is no file" in refused("NS670", tmp_path / "none.py", "Net")
    (tmp_path / "net.txt").write_text(NET, encoding="utf-8")
    assert "is no Python file" in refused("NS670", tmp_path / "net.txt", "Net")


def test_what_is_beside_a_file_can_be_imported_by_it(net: Path) -> None:
    (net.parent / "parts_of_mine.py").write_text("EPS = 1e-5\n", encoding="utf-8")
    net.write_text(NET + "\nfrom parts_of_mine import EPS\n", encoding="utf-8")
    network, loss = made(Against(net, "Net", "loss"))
    assert isinstance(network, nn.Module)
    assert callable(loss)


def test_weights_of_other_shapes_are_told_with_both_names(net: Path) -> None:
    said = refused("NS671", net, "Wide")
    assert "`conv.weight` of `Wide` stands where the spec has `conv1.weight`" in said
    assert "[5, 1, 3, 3] where that is [4, 1, 3, 3]" in said


def test_weights_pair_by_name_whatever_their_order_and_else_in_order() -> None:
    ours = nn.ModuleDict({"a": nn.Linear(2, 2, bias=False), "b": nn.Linear(2, 2, bias=False)})
    turned = nn.ModuleDict({"b": nn.Linear(2, 2, bias=False), "a": nn.Linear(2, 2, bias=False)})
    assert keys(turned, ours, called="x") == {"b.weight": "b.weight", "a.weight": "a.weight"}
    named = nn.ModuleDict({"c": nn.Linear(2, 2, bias=False), "d": nn.Linear(2, 2, bias=False)})
    assert keys(named, ours, called="x") == {"c.weight": "a.weight", "d.weight": "b.weight"}
    for wrong, said in (
        (nn.ModuleDict({"c": nn.Linear(2, 2, bias=False)}), "it lacks `b.weight`"),
        (nn.ModuleDict({**named, "e": nn.Linear(2, 2, bias=False)}), "`e.weight` is one too many"),
        (nn.ModuleDict({**ours, "n": nn.BatchNorm1d(2, affine=False)}), "buffers"),
    ):
        with pytest.raises(SpecError, match="NS671") as trouble:
            keys(wrong, ours, called="x")
        assert said in trouble.value.diagnostics[0].message


def test_outputs_are_named_as_the_spec_names_them_or_refused() -> None:
    graph = pictures().graph
    one = torch.zeros(2)
    assert by_name(one, graph, "Net") == {"logits": one}
    assert by_name((one,), graph, "Net") == {"logits": one}
    assert by_name({"logits": one}, graph, "Net") == {"logits": one}
    for wrong in ({"out": one}, 3, (one, one)):
        with pytest.raises(SpecError, match="NS672"):
            by_name(wrong, graph, "Net")


def test_a_file_without_classes_is_no_riddle(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text("x = 1\n", encoding="utf-8")
    assert "write it there, or name another file" in refused("NS670", tmp_path / "net.py", "Net")
