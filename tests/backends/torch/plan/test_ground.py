from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from netspec_torch.plan import ground


@pytest.mark.parametrize("has,wanted", [(True, ("bf16",)), (False, ())])
def test_a_cpu_has_half_numbers_where_it_multiplies_them_itself(
    has: bool, wanted: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ground, "has_bf16", lambda: has)
    assert ground.narrow("cpu") == wanted


@pytest.mark.parametrize(
    "capability,wanted",
    [
        ((6, 1), ()),
        ((7, 0), ("fp16",)),
        ((7, 5), ("fp16",)),
        ((8, 0), ("bf16", "tf32")),
        ((9, 0), ("bf16", "tf32")),
    ],
)
def test_a_gpu_has_the_numbers_of_its_generation(
    capability: tuple[int, int], wanted: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: capability)
    assert ground.narrow("cuda") == wanted
    assert ground.narrow("mps") == ()


def test_cores_are_no_more_than_someone_has_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(16)), raising=False)
    monkeypatch.setattr(ground, "_quota", lambda file: [6])
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert ground.cores() == 6
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert ground.cores() == 3
    for garbage in ("", "many", "0", "-1"):
        monkeypatch.setenv("OMP_NUM_THREADS", garbage)
        assert ground.cores() == 6


@pytest.mark.parametrize(
    "text,wanted",
    [("200000 100000\n", [2]), ("150000 100000", [2]), ("max 100000\n", []), ("", []), ("1 0", [])],
)
def test_the_share_of_a_container_is_read(text: str, wanted: list[int], tmp_path: Path) -> None:
    file = tmp_path / "cpu.max"
    file.write_text(text, encoding="ascii")
    assert ground._quota(file) == wanted
    assert ground._quota(tmp_path / "none") == []


def test_the_ground_is_looked_at_without_the_name_of_anyone() -> None:
    found = ground.look(torch.device("cpu"))
    assert found.called == ground.called("cpu")
    assert set(found.called) == {"processor", "cores", "torch"}
    assert found.threads == torch.get_num_threads()
    assert found.cores >= 1


def test_machines_that_differ_are_told_apart_in_words() -> None:
    here = {"processor": "b", "torch": "2"}
    assert ground.differing(here, here) == []
    assert ground.differing({"processor": "a", "torch": "2"}, here) == ["processor a, here b"]
    assert ground.differing(None, here) == []
    assert ground.differing({"processor": "x" * 500}, here)[0] == f"processor {'x' * 100}, here b"
