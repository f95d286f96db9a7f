"""Every spec of `specs/` goes out as ONNX, as a PyTorch program and as weights with the spec, and comes back the same.

Each export runs its file beside the model before it is in place, so what is tested here is that none is refused, and
that the file alone, without netspec, still does the same.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import netspec
from netspec.proof.trials import free_sizes, trials
from netspec.recipe.spec import Spec
from tests.specs.whole import WHOLE

onnx = pytest.importorskip("onnx")

FAST: dict[str, dict[str, Any]] = {
    "digits": {},
    "heart_cyclic": {
        "width": 4
    },  # padding that closes a ring, an axis of time that is free, three axes of space
    "unet2d": {"width": 4},  # two free sizes, any of them legal, crops and pads that depend on them
}
"""Specs that are exported on every run, made narrow; all of them whole are for `-m slow`."""

CASES = [
    *(pytest.param(path, FAST[path.stem], id=f"{path.stem}-narrow") for path in WHOLE if path.stem in FAST),
    *(pytest.param(path, {}, id=path.stem, marks=pytest.mark.slow) for path in WHOLE),
]


def found(spec: Spec) -> Any:
    """The trials of a spec, from other random numbers than those of the export."""
    return trials(spec.graph, free_sizes(spec.graph), seed=7)


def outputs(answer: torch.Tensor | dict[str, torch.Tensor]) -> list[torch.Tensor]:
    return list(answer.values()) if isinstance(answer, dict) else [answer]


@pytest.mark.parametrize("path,define", CASES)
def test_an_onnx_file_gives_what_the_model_gives(path: Path, define: dict[str, Any], tmp_path: Path) -> None:
    runtime = pytest.importorskip("onnxruntime")
    spec = netspec.load(path, define)
    done = netspec.export(spec, tmp_path / "model.onnx", seed=3)
    assert 0 < done.difference <= done.allowed
    session = runtime.InferenceSession(str(done.output), providers=["CPUExecutionProvider"])
    assert [one.name for one in session.get_outputs()] == list(spec.graph.entry("predict"))
    assert {one.name for one in session.get_inputs()} <= spec.graph.inputs.keys()
    model = netspec.compile(spec, seed=3).eval()
    for trial in found(spec):
        given = {one.name: trial.inputs[one.name] for one in session.get_inputs()}
        with torch.no_grad():
            wanted = outputs(model(*(torch.from_numpy(trial.inputs[key]) for key in spec.graph.inputs)))
        for one, other in zip(wanted, session.run(None, given), strict=True):
            assert other.shape == tuple(one.shape)
            assert np.abs(one.numpy() - other).max() <= 4 * done.allowed  # other numbers, of the same size


@pytest.mark.parametrize("path,define", CASES)
def test_a_program_gives_the_very_bits_of_the_model(
    path: Path, define: dict[str, Any], tmp_path: Path
) -> None:
    spec = netspec.load(path, define)
    netspec.export(spec, tmp_path / "model.pt2", seed=3)
    program = torch.export.load(tmp_path / "model.pt2").module()
    model = netspec.compile(spec, seed=3).eval()
    for trial in found(spec):
        given = [torch.from_numpy(trial.inputs[key]) for key in spec.graph.inputs]
        with torch.no_grad():
            for one, other in zip(outputs(model(*given)), outputs(program(*given)), strict=True):
                assert torch.equal(one, other)


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, id=path.stem, marks=[] if path.stem in (*FAST, "lenet") else pytest.mark.slow)
        for path in WHOLE
    ],
)
def test_one_file_rebuilds_the_model(path: Path, tmp_path: Path) -> None:
    spec = netspec.load(path)
    netspec.export(spec, tmp_path / "model.safetensors", seed=3)
    back = netspec.from_pretrained(tmp_path / "model.safetensors")
    wanted = netspec.compile(spec, seed=3).state_dict()
    assert not back.training
    assert list(back.state_dict()) == list(wanted)
    assert all(torch.equal(value, wanted[key]) for key, value in back.state_dict().items())
    again = netspec.load(tmp_path / "model.safetensors")
    assert again.digest == spec.digest
    assert again.graph.parameters == spec.graph.parameters
