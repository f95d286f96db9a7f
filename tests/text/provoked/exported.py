"""What is said where a model cannot be exported, or where a file is not what it was exported as."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

import netspec
from netspec.recipe.packed import KEY
from netspec.text import Diagnostic
from netspec_torch.export import onnx

SPEC = """netspec: 1
name: largest-so-far
inputs:
  beat: {shape: {channel: 2, time: T}}
layers:
  - conv: {out_channels: 4, kernel_size: 1}
  - cummax: time
"""


def written(text: str = SPEC) -> Path:
    """The spec as a file in the folder of the test."""
    path = Path("spec.yaml")
    path.write_text(text, encoding="utf-8")
    return path


def ns750(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    def refuse(model: Any, keys: Any) -> None:
        raise ValueError("no word for it")

    patch.setattr(onnx, "_tidy", refuse)
    netspec.export(written(), "model.onnx", sizes={"T": 8})
    return ()


def ns751(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    netspec.export(written(), "model.onnx")
    return ()


def ns752(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    run = onnx.runs_with

    def off(*given: Any) -> Any:
        answers = run(*given)
        assert answers is not None
        return [{key: value + 0.25 for key, value in one.items()} for one in answers]

    patch.setattr(onnx, "runs_with", off)
    patch.setattr("netspec_torch.export.rounding.ULPS", 0)
    patch.setattr("netspec_torch.export.rounding.OTHERS", 0)
    netspec.export(written(), "model.onnx", sizes={"T": 8})
    return ()


def ns753(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    save_file({"weight": torch.zeros(2)}, "model.safetensors")
    netspec.load("model.safetensors")
    return ()


def ns754(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    save_file({"conv1.weight": torch.zeros(4, 2, 3), "head.bias": torch.zeros(2)}, "weights.safetensors")
    netspec.export(written(), "model.safetensors", weights="weights.safetensors")
    return ()


def ns755(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    netspec.export(written(), "model.safetensors")
    told = json.loads(_metadata("model.safetensors"))
    told["spec"] = told["spec"].replace("cummax", "cumsum")
    save_file(load_file("model.safetensors"), "model.safetensors", metadata={KEY: json.dumps(told)})
    netspec.from_pretrained("model.safetensors")
    return ()


def ns756(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    netspec.export(written(), "model.pth")
    return ()


def _metadata(file: str) -> str:
    """The spec in a file of weights, as its text of JSON."""
    content = Path(file).read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    found: str = header["__metadata__"][KEY]
    return found
