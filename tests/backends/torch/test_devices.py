"""Nothing stays behind on the CPU, and no step waits for the device but where masks choose rows."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from netspec.ir.op import Op, Sample
from netspec.ops import catalogue
from tests.specs.whole import WHOLE

ROOT = Path(__file__).parents[3]
SPECS = sorted(path.stem for path in WHOLE)
USES = [
    pytest.param(kind, sample, f"{name}-{i}", id=f"{name}-{i}")
    for name, kind in sorted(catalogue().items())
    for i, sample in enumerate(kind.samples())
    if sample.code is None
]
MASKED = {"fold": 2, "unfold": 3, "spread": 3}
"""Ops that choose rows where a mask is among their inputs, with so many of them: how many, only the device knows."""

MASKED_SPECS = {"heart_patient", "heart_segmentation"}
"""Specs that map over what a mask says is there."""


@cache
def found() -> dict[str, dict[str, list[str]]]:
    """What a process of its own found."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.backends.torch.devices"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.returncode, done.stderr[-2000:]
    said: dict[str, dict[str, list[str]]] = json.loads(done.stdout)
    return said


@pytest.mark.parametrize("kind,sample,name", USES)
def test_an_op_stays_on_the_device_and_waits_for_nothing(kind: type[Op], sample: Sample, name: str) -> None:
    said = found()[f"op {name}"]
    assert said["elsewhere"] == []
    if len(sample.inputs) == MASKED.get(kind.name):
        assert set(said["waits"]) <= {"index by a mask", "repeat_interleave"}
        assert said["waits"], "a mask no longer waits: take the op off the list"
        return
    if (
        kind.name == "batch_norm"
        and "momentum" in sample.attributes
        and sample.attributes["momentum"] is None
    ):
        assert said["waits"] == ["_local_scalar_dense"], (
            "`nn.BatchNorm` itself divides by the count of batches"
        )
        return
    assert said == {"waits": [], "elsewhere": [], "fault": []}


@pytest.mark.parametrize("name", SPECS)
def test_a_step_of_a_spec_stays_on_the_device_and_waits_for_nothing(name: str) -> None:
    said = found()[f"spec {name}"]
    assert said["elsewhere"] == said["fault"] == []
    assert bool(said["waits"]) == (name in MASKED_SPECS)
    assert set(said["waits"]) <= {"index by a mask", "repeat_interleave"}


@pytest.mark.parametrize(
    "how,where",
    [
        ("constant", "elsewhere"),
        ("scalar", "elsewhere"),
        ("item", "waits"),
        ("branch", "waits"),
        ("mask", "waits"),
    ],
)
def test_what_is_planted_is_found(how: str, where: str) -> None:
    assert found()[f"planted {how}"][where]
