"""Norms go into the layers before them: the reference gives the same, with fewer layers, and no weights are touched."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import netspec
import netspec_numpy
from netspec.backend import Feed
from netspec.front import check_source
from netspec.ir.folding import folded
from netspec.ir.graph import Graph
from netspec.passes.fold import fold
from netspec.proof.draw import draw, evaluating
from netspec.proof.rounding import sizes
from netspec.text import Source, SpecError

ROOT = Path(__file__).parents[2]
SMALL = ["specs/digits.yaml", "specs/heart-volume.yaml", "specs/zoo/heart_cyclic.yaml"]
LARGE = [
    "specs/zoo/heart_patient.yaml",
    "specs/zoo/unet3d.yaml",
    "specs/zoo/shufflenet_v2_x1_0.yaml",
    "specs/zoo/resnet18.yaml",
    "specs/zoo/densenet121.yaml",
    "specs/zoo/mobilenet_v3_large.yaml",
]
READ_TWICE = """
  - {conv: {out_channels: 4, kernel_size: 3}, name: c}
  - {batch_norm, name: n}
  - {add, from: [c, n]}
"""


def graph_of(layers: str, image: str = "[4, 9, 9]") -> Graph:
    text = f"netspec: 1\nname: net\ninputs: {{image: {image}}}\nlayers:\n{layers}"
    spec, found = check_source(Source("net.yaml", text), ROOT)
    assert spec is not None, found
    return spec.graph


def norms(graph: Graph) -> int:
    return sum(node.op.name == "batch_norm" for node in graph.walk("predict"))


def assert_the_reference_gives_the_same(graph: Graph) -> None:
    """Both graphs in float64 on the same numbers, within what rounding may do to the first one."""
    made = fold(graph)
    only = Graph(
        graph.inputs,
        {},
        tuple(graph.walk("predict")),
        graph.parameters,
        graph.state,
        {"predict": graph.entry("predict")},
    )
    feed = evaluating(draw(only, seed=1, batch=2, mode="train"))
    before = netspec_numpy.run(only, feed, gradients=False)
    tensors = folded(made, {**feed.parameters, **feed.state})
    given = Feed(
        feed.inputs,
        parameters={key: tensors[key] for key in made.graph.parameters},
        state={key: tensors[key] for key in made.graph.state},
    )
    after = netspec_numpy.run(made.graph, given, gradients=False)
    allowed = sizes(only, before, feed, netspec_numpy.backend, seed=1)
    for key, ref in graph.entry("predict").items():
        there = made.graph.entry("predict")[key]
        off = np.abs(before.values[str(ref)] - after.values[str(there)])
        # Folding rounds each weight three times more, as a sum of three more terms would be.
        assert (off <= 4 * allowed.values[str(ref)]).all()


@pytest.mark.parametrize("path", [*SMALL, *(pytest.param(one, marks=pytest.mark.slow) for one in LARGE)])
def test_a_folded_spec_predicts_the_same_in_the_reference(path: str) -> None:
    graph = netspec.load(ROOT / path, {"width": 4} if "cyclic" in path else None).graph
    assert norms(fold(graph).graph) < norms(graph)
    assert_the_reference_gives_the_same(graph)


@pytest.mark.parametrize(
    "layers,left",
    [
        ("  - {conv: {out_channels: 6, kernel_size: 3, groups: 2}}\n  - batch_norm\n", 0),
        (
            "  - {conv: {out_channels: 6, kernel_size: 3, bias: false}}\n  - {batch_norm: {affine: false}}\n",
            0,
        ),
        (
            "  - {conv: {out_channels: 6, kernel_size: 3, padding: same}}\n  - {batch_norm: {eps: 0.1}, name: out}\n",
            0,
        ),
        (
            "  - {conv_transpose: {out_channels: 6, kernel_size: 3, groups: 2, stride: 2}}\n  - batch_norm\n",
            0,
        ),
        ("  - {conv_transpose: {out_channels: 6, kernel_size: 3, bias: false}}\n  - batch_norm\n", 0),
        ("  - flatten\n  - linear: 5\n  - batch_norm\n  - relu\n", 0),
        ("  - {conv: {out_channels: 4, kernel_size: 3}}\n  - relu\n  - batch_norm\n", 1),
        (READ_TWICE, 1),
        ("  - {conv: {out_channels: 4, kernel_size: 3, weight_standardisation: true}}\n  - batch_norm\n", 1),
        (
            "  - {conv: {out_channels: 4, kernel_size: 3}}\n  - {batch_norm: {track_running_stats: false}}\n",
            1,
        ),
        (
            "  - {conv: {out_channels: 4, kernel_size: 1}, name: c}\n  - batch_norm\n  - {reuse: c}\n",
            1,
        ),
    ],
)
def test_a_norm_is_folded_where_that_changes_nothing(layers: str, left: int) -> None:
    graph = graph_of(layers)
    assert norms(fold(graph).graph) == left
    assert_the_reference_gives_the_same(graph)


@pytest.mark.parametrize("layer", ["dropout", "{alpha_dropout: 0.2}", "{stochastic_depth: 0.3}"])
def test_layers_that_are_idle_in_evaluation_go(layer: str) -> None:
    conv = "  - {conv: {out_channels: 4, kernel_size: 3}}\n"
    graph = graph_of(f"{conv}  - {layer}\n  - batch_norm\n  - relu\n  - {layer}\n")
    made = fold(graph).graph
    assert [node.op.name for node in made.nodes] == ["conv", "relu"]
    assert_the_reference_gives_the_same(graph)


def test_noise_that_leaves_something_in_evaluation_stays() -> None:
    graph = graph_of("  - rrelu\n")
    assert [node.op.name for node in fold(graph).graph.nodes] == ["rrelu"]
    assert_the_reference_gives_the_same(graph)


def test_the_module_for_inference_has_weights_of_its_own_and_leaves_the_trained_one() -> None:
    spec = netspec.load(ROOT / "specs/digits.yaml")
    model = netspec.compile(spec, seed=1)
    model.train()(torch.rand(16, 8, 8))
    before = {key: value.clone() for key, value in model.state_dict().items()}
    fast = netspec.for_inference(spec, weights=model)
    assert not fast.training
    assert "batch_norm1.weight" not in fast.state_dict()
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    x = torch.rand(5, 8, 8)
    with torch.no_grad():
        wanted = model.eval()(x)
        exact = model.double()(x.double())
        off = (wanted - exact).abs().max()
        assert (fast(x) - exact).abs().max() <= 16 * off + 8 * 2**-23 * exact.abs().max()
    with pytest.raises(TypeError, match="wants `weights`"):
        netspec.for_inference(spec)
    with pytest.raises(SpecError, match="NS754"):
        netspec.for_inference(spec, weights={"conv1.weight": torch.zeros(2)})


def test_a_folded_file_has_no_norm(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    spec = ROOT / "specs/digits.yaml"
    done = netspec.export(spec, tmp_path / "digits.onnx", fold=True)
    kinds = {node.op_type for node in onnx.load(done.output).graph.node}
    assert "Conv" in kinds
    assert "BatchNormalization" not in kinds
    with pytest.raises(SpecError, match="NS756"):
        netspec.export(spec, tmp_path / "digits.safetensors", fold=True)
