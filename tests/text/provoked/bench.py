"""What is said of comparisons that mean nothing: files that cannot be had, networks that are not the same."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from netspec.backend import Against
from netspec.front import load
from netspec.proof.workload import drawn
from netspec.text import Diagnostic
from netspec_torch.bench.network import own, written
from netspec_torch.bench.race import Withdrawn, refuse
from netspec_torch.bench.same import check
from tests.backends.torch.bench.test_theirs import NET, batch, pictures

ZOO = Path(__file__).parents[3] / "specs" / "zoo"


def against(network: str) -> Iterable[Diagnostic]:
    """What is said of a network of a file called net.py."""
    Path("net.py").write_text(NET, encoding="utf-8")
    spec = pictures()
    check(own(spec), written(spec, Against(Path("net.py"), network)), batch(), random=False)
    return ()


def ns670(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    return against("Needy")


def ns671(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    return against("Wide")


def ns672(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    return against("Frozen")


def ns673(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    refuse(Withdrawn("by-hand", "there is not enough memory for it"))


def ns674(folder: Path, patch: pytest.MonkeyPatch) -> Iterable[Diagnostic]:
    drawn(load(ZOO / "unet2d.yaml").graph, {"N": 4096, "H": 1024, "W": 1024}, seed=0)
    return ()
