from __future__ import annotations

import pytest
import torch

from netspec.text import SpecError
from netspec_torch.device import pick


def presence(monkeypatch: pytest.MonkeyPatch, *, cuda: bool, mps: bool) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)


@pytest.mark.parametrize(
    "cuda,mps,expected",
    [(True, True, "cuda"), (True, False, "cuda"), (False, True, "mps"), (False, False, "cpu")],
)
def test_auto_takes_cuda_then_mps_then_the_cpu(
    monkeypatch: pytest.MonkeyPatch, cuda: bool, mps: bool, expected: str
) -> None:
    presence(monkeypatch, cuda=cuda, mps=mps)
    assert pick("auto").type == expected


@pytest.mark.parametrize("wanted", ["cuda", "mps", "tpu", "cuda:9000"])
def test_what_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch, wanted: str) -> None:
    presence(monkeypatch, cuda=False, mps=False)
    with pytest.raises(SpecError, match="NS703"):
        pick(wanted)


@pytest.mark.parametrize("wanted", ["cuda", "mps", "cpu"])
def test_what_is_there_is_taken(monkeypatch: pytest.MonkeyPatch, wanted: str) -> None:
    presence(monkeypatch, cuda=True, mps=True)
    assert pick(wanted).type == wanted
