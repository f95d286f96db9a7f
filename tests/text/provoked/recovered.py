"""What is said of modules that cannot be imported."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from netspec.text import Diagnostic
from netspec_torch.recover import read

NETS = """
import torch
from torch import nn

SETTINGS = {"width": 8}

class Net(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Conv2d(3, 8, 3), nn.ReLU())

class Undecided(nn.Module):
    def forward(self, x):
        if x.mean() > 0:
            return x
        return -x

class Pair(nn.Module):
    def forward(self, x):
        return x.view(2, 3 * 32 * 32)
"""


def _nets(patch: pytest.MonkeyPatch) -> None:
    """A file of modules in the folder, imported anew."""
    Path("provoked_nets.py").write_text(NETS, encoding="utf-8")
    patch.syspath_prepend(str(Path.cwd()))


def ns780(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    _nets(patch)
    read("provoked_nets:Nett", [(3, 32, 32)])
    return ()


def ns781(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    _nets(patch)
    read("provoked_nets:SETTINGS", [(3, 32, 32)])
    return ()


def ns782(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    _nets(patch)
    read("provoked_nets:Undecided", [(3, 32, 32)])
    return ()


def ns783(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    _nets(patch)
    read("provoked_nets:Undecided", [(3, 32, 32), (4,)])
    return ()


def ns784(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    _nets(patch)
    read("provoked_nets:Pair", [(3, 32, 32)])
    return ()


def ns785(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    read("resnet50.pt2")
    return ()
