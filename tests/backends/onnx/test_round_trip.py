"""Our own specs exported to ONNX and imported again: the same outputs, the same number of parameters, and readable."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from torch.onnx import OnnxExporterError
from torch.onnx import errors as old

import netspec
from netspec.front import load
from netspec.ir.graph import Node
from netspec.recover.imported import Imported, recovered
from tests.backends.onnx.made import exported
from tests.specs.whole import FOLDER, WHOLE

QUICK = ("digits.yaml", "lenet.yaml", "zoo/resnet18.yaml", "zoo/unet3d.yaml", "zoo/squeezenet1_1.yaml")

ALL = tuple(str(path.relative_to(FOLDER)) for path in WHOLE)

UNWRITTEN: dict[bool, dict[str, str]] = {
    False: {
        "heart-tutorial-2015": "aten::diff", "heart-volume": "aten::erfc", "labs/*": "aten::diff",
        "zoo/heart_cyclic": "aten::erfc", "zoo/heart_mixture": "aten::erfc", "zoo/heart_patient": "a map",
        "zoo/heart_segmentation": "a map", "zoo/googlenet": "targets", "zoo/inception_v3": "targets",
        "zoo/shufflenet_v2_x1_0": "aten::channel_shuffle",
    },
    True: {"zoo/heart_patient": "a map", "zoo/heart_segmentation": "a map"},
}  # fmt: skip
"""What torch's exporters themselves do not write, by whether it is the one of today."""


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    logging.getLogger("onnxscript").setLevel(logging.ERROR)


def unwritten(spec: str, *, dynamo: bool) -> bool:
    """Whether an exporter does not write a spec."""
    return any(Path(spec).with_suffix("").match(pattern) for pattern in UNWRITTEN[dynamo])


def back(spec: str, folder: Path, *, dynamo: bool, folded: bool = False) -> tuple[Imported, int]:
    """The spec as it comes back, which was held to the file, and how many numbers it should have."""
    path = folder / "net.onnx"
    count = exported(FOLDER / spec, path, dynamo=dynamo, folded=folded)
    return recovered(str(path)), count


@pytest.mark.parametrize("spec", QUICK)
def test_a_spec_comes_back_with_the_same_outputs_and_parameters(spec: str, tmp_path: Path) -> None:
    result, count = back(spec, tmp_path, dynamo=False)
    assert result.parameters == count


def test_the_exporter_of_today_is_read_as_well(tmp_path: Path) -> None:
    result, count = back("lenet.yaml", tmp_path, dynamo=True)
    assert result.parameters == count


def test_distributions_at_bins_come_back_as_what_they_were(tmp_path: Path) -> None:
    result, count = back("heart-volume.yaml", tmp_path, dynamo=True)
    assert result.parameters == count
    assert result.spec.text.count("normal_cdf: 600") == 2
    assert "unbind: channel" in result.spec.text
    assert "* 40 + 70" in result.spec.text


def test_an_imported_resnet50_reads_nearly_as_ours(tmp_path: Path) -> None:
    result, count = back("zoo/resnet50.yaml", tmp_path, dynamo=False)
    text = result.spec.text
    assert result.parameters == count == 25_557_032
    assert len(text.splitlines()) < 80
    assert "bottleneck: $channels" in text
    assert "repeat: $depth" in text
    assert "layer3" in text
    assert text.count("residual:") == 2


def test_norms_that_the_exporter_folded_stay_convolutions_with_a_bias(tmp_path: Path) -> None:
    result, count = back("zoo/resnet18.yaml", tmp_path, dynamo=False, folded=True)
    channels = [
        one.types[0].sizes[1].value for one in _nodes("zoo/resnet18.yaml") if one.op.name == "batch_norm"
    ]
    norms = 2 * sum(one or 0 for one in channels)
    biases = norms // 2
    assert "batch_norm" not in result.spec.text
    assert result.parameters == count - norms + biases


def _nodes(spec: str) -> tuple[Node, ...]:
    return load(FOLDER / spec).graph.nodes


@pytest.mark.parametrize("spec", ["lenet.yaml", "zoo/squeezenet1_1.yaml", "heart-volume.yaml"])
def test_what_netspec_exports_it_imports_again(spec: str, tmp_path: Path) -> None:
    checked = load(FOLDER / spec)
    if "size" in checked.define:
        checked = load(FOLDER / spec, {"size": 64})
    netspec.export(checked, tmp_path / "net.onnx", seed=0)
    result = recovered(str(tmp_path / "net.onnx"))
    assert list(result.spec.spec.graph.inputs) == list(checked.graph.inputs)
    assert list(result.spec.sketch.outputs) == list(checked.graph.entry("predict"))
    (first, *_), (same, *_) = result.spec.spec.graph.inputs.values(), checked.graph.inputs.values()
    assert first.sizes == same.sizes


@pytest.mark.slow
@pytest.mark.parametrize("spec", ALL)
@pytest.mark.parametrize("dynamo", [False, True], ids=["torchscript", "dynamo"])
def test_every_spec_that_can_be_exported_comes_back(spec: str, dynamo: bool, tmp_path: Path) -> None:
    if unwritten(spec, dynamo=dynamo):
        with pytest.raises((OnnxExporterError, old.OnnxExporterError, TypeError, IndexError, RuntimeError)):
            exported(FOLDER / spec, tmp_path / "net.onnx", dynamo=dynamo, folded=False)
        return
    # The exporter of today takes minutes for a deep network unless it may fold its norms, which then are gone.
    result, count = back(spec, tmp_path, dynamo=dynamo, folded=dynamo)
    assert result.parameters <= count if dynamo else result.parameters == count
