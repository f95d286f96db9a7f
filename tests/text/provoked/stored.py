"""What is said of files of weights: none, none that can be trusted, and none that fits."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import torch

from netspec.text import Diagnostic
from netspec_torch.weights import read
from netspec_torch.weights.put import load


def ns760(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    read(Path("runs", "resnet50.pt"))
    return ()


def ns761(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    torch.save({"conv.weight": torch.zeros(4, 3, 3, 3)}, "weights.pt")
    Path("weights.pt").write_bytes(Path("weights.pt").read_bytes()[:900])
    read("weights.pt")
    return ()


def ns762(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    torch.save(torch.nn.Linear(3, 2), "weights.pt")
    read("weights.pt")
    return ()


def ns763(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    told = {"linear.weight": {"dtype": "F32", "shape": [100_000, 100_000], "data_offsets": [0, 64]}}
    header = json.dumps(told).encode()
    Path("weights.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(64))
    read("weights.safetensors")
    return ()


def ns764(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    torch.save({"linear.weight": torch.eye(3).to_sparse()}, "weights.pt")
    read("weights.pt")
    return ()


def put(state: dict[str, torch.Tensor], *, device: str = "cpu", **more: Any) -> Iterable[Diagnostic]:
    """Start a small model from a state."""
    torch.save(state, "weights.pt")
    model = torch.nn.Sequential(OrderedDict(conv=torch.nn.Conv2d(3, 4, 3), head=torch.nn.Conv2d(4, 2, 1)))
    load(model.to(device), Path("weights.pt"), **more)
    return ()


def ns765(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    return put({"rnn.weight": torch.zeros(7, 5)})


def ns766(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    conv = {"conv.weight": torch.zeros(4, 3, 3, 3), "conv.bias": torch.zeros(4)}
    return put(conv | {"head.weight": torch.zeros(5, 4, 1, 1), "head.bias": torch.zeros(5)}, strict=True)


def ns767(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    return put({"stem.weight": torch.zeros(4, 3, 3, 3)}, pairs={"sterm": "conv"})


def ns768(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    return put({"conv.weight": torch.full((4, 3, 3, 3), torch.nan), "conv.bias": torch.zeros(4)})


def ns769(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    return put({"conv.weight": torch.zeros(4, 3, 3, 3)}, device="meta")
