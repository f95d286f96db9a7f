"""What is said of files of weights: none, none that can be trusted, and none that fits."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import pytest
import torch

from netspec.text import Diagnostic
from netspec_torch.weights import read


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
